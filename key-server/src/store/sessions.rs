use keyveil_protocol::{AppId, BuildId, FileId, KeyId, Mode, SessionId, TrackClass};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Store, StoreError, WriteTransaction, app_id, integer, number, parsed};

/// A playback session. Nothing in it is secret: its MAC key is derived from its id.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The application whose signature opened it.
    pub app_id: AppId,
    /// The title it plays.
    pub file_id: FileId,
    /// The version of it.
    pub version: u32,
    /// The title's mode when it was opened; never clear.
    pub mode: Mode,
    /// The viewer, when the signature named one.
    pub uid: Option<String>,
    /// The signing key of the signature it stands on.
    pub kid: KeyId,
    /// SHA-256 of the signature that opened it.
    pub signature_hash: [u8; 32],
    /// The SDK build that opened it; none for standard titles.
    pub build_id: Option<BuildId>,
    /// Highest track class whose keys it receives.
    pub max_track: TrackClass,
    /// The page that opened it.
    pub origin: Option<String>,
    /// When it was opened.
    pub created_at: i64,
    /// When it ends.
    pub expires_at: i64,
    /// When its media addresses end.
    pub url_expires_at: i64,
    /// The highest counter it has used.
    pub last_counter: u64,
    /// Where playback stood at the last request.
    pub last_position_ms: u64,
    /// When it was ended from outside.
    pub revoked_at: Option<i64>,
}

/// What one keys request changes in a session.
#[derive(Clone, Debug)]
pub struct SessionProgress {
    /// The request's counter.
    pub counter: u64,
    /// Where playback stands.
    pub position_ms: u64,
    /// Limits after this request: the session's own, or those of the signature that prolongs it.
    pub expires_at: i64,
    /// When media addresses end after this request.
    pub url_expires_at: i64,
    /// Highest track class after this request.
    pub max_track: TrackClass,
    /// The signing key of the signature it now stands on.
    pub kid: KeyId,
}

/// What a release of keys stands on; see [`WriteTransaction::still_allowed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StillAllowed {
    /// The title is published and has this version.
    pub title: bool,
    /// The signing key is in use.
    pub signing_key: bool,
    /// The SDK build, if there is one, is accepted.
    pub build: bool,
}

impl Store {
    /// One session, also when expired or revoked.
    pub async fn session(&self, id: &SessionId) -> Result<Option<Session>, StoreError> {
        let row = sqlx::query("SELECT * FROM sessions WHERE id = ?")
            .bind(id.as_bytes().as_slice())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(session_from_row).transpose()
    }

    /// Forgets sessions that ended before `before`. Their history stays in the audit log.
    pub async fn delete_sessions_expired_before(&self, before: i64) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        let result =
            sqlx::query("DELETE FROM sessions WHERE expires_at < ?").bind(before).execute(write.connection()).await?;
        write.commit().await?;
        Ok(result.rows_affected())
    }
}

impl WriteTransaction<'_> {
    /// Keeps a new session.
    pub async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO sessions (id, app_id, file_id, version, mode, uid, kid, signature_hash, build_id, max_track, origin,
             created_at, expires_at, url_expires_at, last_counter, last_position_ms, last_seen_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(session.id.as_bytes().as_slice())
        .bind(integer(session.app_id.value()))
        .bind(session.file_id.as_str())
        .bind(session.version)
        .bind(session.mode.as_str())
        .bind(session.uid.as_deref())
        .bind(session.kid.as_str())
        .bind(session.signature_hash.as_slice())
        .bind(session.build_id.as_ref().map(BuildId::as_str))
        .bind(session.max_track.number())
        .bind(session.origin.as_deref())
        .bind(session.created_at)
        .bind(session.expires_at)
        .bind(session.url_expires_at)
        .bind(integer(session.last_counter))
        .bind(integer(session.last_position_ms))
        .bind(session.created_at)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Moves a session on, if its counter is still below the request's, and returns how often keys were released to it with
    /// this time. Nothing when it is not below: the request is a replay.
    ///
    /// Limits change only with a later expiry: the request may have read the session before another one renewed it.
    pub async fn advance_session(
        &mut self,
        id: &SessionId,
        progress: &SessionProgress,
        now: i64,
    ) -> Result<Option<u64>, StoreError> {
        let row = sqlx::query(
            "UPDATE sessions SET releases = releases + 1, last_counter = ?1, last_position_ms = ?2, last_seen_at = ?3,
             expires_at = max(expires_at, ?4),
             url_expires_at = CASE WHEN ?4 > expires_at THEN ?5 ELSE url_expires_at END,
             max_track = CASE WHEN ?4 > expires_at THEN ?6 ELSE max_track END,
             kid = CASE WHEN ?4 > expires_at THEN ?7 ELSE kid END
             WHERE id = ?8 AND last_counter < ?1 AND revoked_at IS NULL RETURNING releases",
        )
        .bind(integer(progress.counter))
        .bind(integer(progress.position_ms))
        .bind(now)
        .bind(progress.expires_at)
        .bind(progress.url_expires_at)
        .bind(progress.max_track.number())
        .bind(progress.kid.as_str())
        .bind(id.as_bytes().as_slice())
        .fetch_optional(self.connection())
        .await?;
        row.map(|row| number(row.try_get("releases")?, "releases")).transpose()
    }

    /// Ends one session. False when it is unknown or ended already.
    pub async fn revoke_session(&mut self, id: &SessionId, now: i64) -> Result<bool, StoreError> {
        let result = sqlx::query("UPDATE sessions SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL")
            .bind(now)
            .bind(id.as_bytes().as_slice())
            .execute(self.connection())
            .await?;
        Ok(result.rows_affected() == 1)
    }

    /// One session, as this transaction sees it.
    pub async fn session(&mut self, id: &SessionId) -> Result<Option<Session>, StoreError> {
        let row = sqlx::query("SELECT * FROM sessions WHERE id = ?")
            .bind(id.as_bytes().as_slice())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(session_from_row).transpose()
    }

    /// Ends every session that stands on a signing key and returns how many.
    pub async fn revoke_signed_by(&mut self, app_id: AppId, kid: &KeyId, now: i64) -> Result<u64, StoreError> {
        let result =
            sqlx::query("UPDATE sessions SET revoked_at = ? WHERE app_id = ? AND kid = ? AND revoked_at IS NULL")
                .bind(now)
                .bind(integer(app_id.value()))
                .bind(kid.as_str())
                .execute(self.connection())
                .await?;
        Ok(result.rows_affected())
    }

    /// Whether what a release of keys stands on still holds, now that nothing else can change it.
    pub async fn still_allowed(&mut self, session: &Session, kid: &KeyId) -> Result<StillAllowed, StoreError> {
        let row = sqlx::query(
            "SELECT EXISTS (SELECT 1 FROM titles t JOIN title_versions v USING (file_id) WHERE t.file_id = ?1 AND t.app_id = ?2
                 AND t.state = 'published' AND v.version = ?3 AND v.publication IS NOT NULL),
             EXISTS (SELECT 1 FROM signing_keys WHERE app_id = ?2 AND kid = ?4 AND retired_at IS NULL),
             ?5 IS NULL OR EXISTS (SELECT 1 FROM sdk_builds WHERE id = ?5 AND retired_at IS NULL)",
        )
        .bind(session.file_id.as_str())
        .bind(integer(session.app_id.value()))
        .bind(session.version)
        .bind(kid.as_str())
        .bind(session.build_id.as_ref().map(BuildId::as_str))
        .fetch_one(self.connection())
        .await?;
        Ok(StillAllowed { title: row.try_get(0)?, signing_key: row.try_get(1)?, build: row.try_get(2)? })
    }

    /// Ends every session of a viewer and returns how many.
    pub async fn revoke_viewer(&mut self, app_id: AppId, uid: &str, now: i64) -> Result<u64, StoreError> {
        let result =
            sqlx::query("UPDATE sessions SET revoked_at = ? WHERE app_id = ? AND uid = ? AND revoked_at IS NULL")
                .bind(now)
                .bind(integer(app_id.value()))
                .bind(uid)
                .execute(self.connection())
                .await?;
        Ok(result.rows_affected())
    }
}

pub(super) fn session_from_row(row: &SqliteRow) -> Result<Session, StoreError> {
    let id: Vec<u8> = row.try_get("id")?;
    let signature_hash: Vec<u8> = row.try_get("signature_hash")?;
    let build_id: Option<&str> = row.try_get("build_id")?;
    let max_track: u8 = number(row.try_get("max_track")?, "max_track")?;
    Ok(Session {
        id: SessionId::from_bytes(id.try_into().map_err(|_| StoreError::Corrupt("session id"))?),
        app_id: app_id(row.try_get("app_id")?)?,
        file_id: parsed(row.try_get("file_id")?, "file id")?,
        version: number(row.try_get("version")?, "version")?,
        mode: Mode::from_name(row.try_get("mode")?).ok_or(StoreError::Corrupt("session mode"))?,
        uid: row.try_get("uid")?,
        kid: parsed(row.try_get("kid")?, "kid")?,
        signature_hash: signature_hash.try_into().map_err(|_| StoreError::Corrupt("signature hash"))?,
        build_id: build_id.map(|id| parsed(id, "build id")).transpose()?,
        max_track: TrackClass::from_number(max_track).ok_or(StoreError::Corrupt("max_track"))?,
        origin: row.try_get("origin")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
        url_expires_at: row.try_get("url_expires_at")?,
        last_counter: number(row.try_get("last_counter")?, "last_counter")?,
        last_position_ms: number(row.try_get("last_position_ms")?, "last_position_ms")?,
        revoked_at: row.try_get("revoked_at")?,
    })
}
