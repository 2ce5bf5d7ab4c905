use keyveil_protocol::{AppId, BuildId, Downgrade, FileId, KeyId, Mode, PlaybackLevel, SessionId, TrackClass};

use super::engine::{Row, query};
use super::{EndedBy, SessionLimits, Store, StoreError, WriteTransaction, app_id, integer, number, parsed};

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
    /// What the signer wants to find again.
    pub us: Option<String>,
    /// The signing key of the signature it stands on.
    pub kid: KeyId,
    /// SHA-256 of the signature it stands on.
    pub signature_hash: [u8; 32],
    /// The SDK build that opened it; none for standard titles.
    pub build_id: Option<BuildId>,
    /// The level that it is played at, for its whole life.
    pub level: PlaybackLevel,
    /// Why it is guarded.
    pub downgrade: Option<Downgrade>,
    /// Highest track class whose keys it receives.
    pub max_track: TrackClass,
    /// So many segments of a preview; none for the whole title.
    pub preview_segments: Option<u32>,
    /// What its later requests have to satisfy too.
    pub limits: SessionLimits,
    /// The page that opened it.
    pub origin: Option<String>,
    /// The network of the client that opened it, such as `203.0.113.0/24`.
    pub ip_class: Option<String>,
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
    /// What ended it.
    pub ended_by: Option<EndedBy>,
}

impl Session {
    /// A private title's first keys come with its opening, a standard title's later by their own addresses.
    #[must_use]
    pub const fn releases_at_opening(&self) -> u32 {
        match self.mode {
            Mode::Private => 1,
            Mode::Standard | Mode::Clear => 0,
        }
    }
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
    /// SHA-256 of that signature.
    pub signature_hash: [u8; 32],
    /// Its mark.
    pub us: Option<String>,
    /// Segments of a preview after this request; a renewal makes it no longer.
    pub preview_segments: Option<u32>,
    /// What later requests have to satisfy.
    pub limits: SessionLimits,
}

pub(super) const ADVANCE: &str =
    "UPDATE sessions SET releases = releases + 1, last_counter = ?, last_position_ms = ?, last_seen_at = ?
     WHERE id = ? AND last_counter < ? AND revoked_at IS NULL";
/// That of many, by PostgreSQL.
pub(super) const ADVANCE_MANY: &str =
    "UPDATE sessions SET releases = releases + 1, last_counter = each.counter, last_position_ms = each.position_ms,
     last_seen_at = each.seen_at
     FROM unnest(?::bigint[], ?::bigint[], ?::bigint[], ?::bytea[], ?::bigint[]) AS each (counter, position_ms, seen_at, id, below)
     WHERE sessions.id = each.id AND last_counter < each.below AND revoked_at IS NULL";
pub(super) const SELECT: &str = "SELECT * FROM sessions WHERE id = ?";

impl Store {
    /// One session, also when expired or revoked.
    pub async fn session(&self, id: &SessionId) -> Result<Option<Session>, StoreError> {
        let query = query(SELECT).bind(id.as_bytes().as_slice());
        let row = self.first_row(query).await?;
        row.as_ref().map(session_from_row).transpose()
    }

    /// Forgets sessions that ended before `before`. Their history stays in the audit log.
    pub async fn delete_sessions_expired_before(&self, before: i64) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        let result =
            query("DELETE FROM sessions WHERE expires_at < ?").bind(before).execute(write.connection().await?).await?;
        write.commit().await?;
        Ok(result.rows_affected())
    }
}

impl WriteTransaction<'_> {
    /// Keeps a new session.
    pub async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError> {
        let limits = limits_column(&session.limits)?;
        self.later(
            "INSERT INTO sessions (id, app_id, file_id, version, mode, uid, us, kid, signature_hash, build_id, level, downgrade,
             max_track, preview_segments, limits, origin, ip_class,
             created_at, expires_at, url_expires_at, last_counter, last_position_ms, last_seen_at, releases)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(session.id.as_bytes().as_slice())
        .bind(integer(session.app_id.value()))
        .bind(session.file_id.as_str())
        .bind(session.version)
        .bind(session.mode.as_str())
        .bind(session.uid.as_deref())
        .bind(session.us.as_deref())
        .bind(session.kid.as_str())
        .bind(session.signature_hash.as_slice())
        .bind(session.build_id.as_ref().map(BuildId::as_str))
        .bind(session.level.as_str())
        .bind(session.downgrade.map(Downgrade::as_str))
        .bind(session.max_track.number())
        .bind(session.preview_segments)
        .bind(limits)
        .bind(session.origin.as_deref())
        .bind(session.ip_class.as_deref())
        .bind(session.created_at)
        .bind(session.expires_at)
        .bind(session.url_expires_at)
        .bind(integer(session.last_counter))
        .bind(integer(session.last_position_ms))
        .bind(session.created_at)
        .bind(session.releases_at_opening());
        Ok(())
    }

    /// Moves a session on. That it has neither ended nor come as far is for the caller to know, from this transaction.
    pub fn advance_session(&mut self, id: &SessionId, progress: &SessionProgress, now: i64) {
        self.later(ADVANCE)
            .bind(integer(progress.counter))
            .bind(integer(progress.position_ms))
            .bind(now)
            .bind(id.as_bytes().as_slice())
            .bind(integer(progress.counter));
    }

    /// Prolongs a session, where that gives it a later expiry: limits change only with that, as the request may have read the session
    /// before another one renewed it.
    pub fn renew_session(&mut self, id: &SessionId, progress: &SessionProgress) -> Result<(), StoreError> {
        let limits = limits_column(&progress.limits)?;
        self.later(
            "UPDATE sessions SET expires_at = ?, url_expires_at = ?, max_track = ?, kid = ?, signature_hash = ?, us = ?,
             preview_segments = ?, limits = ? WHERE id = ? AND expires_at < ?",
        )
        .bind(progress.expires_at)
        .bind(progress.url_expires_at)
        .bind(progress.max_track.number())
        .bind(progress.kid.as_str())
        .bind(progress.signature_hash.as_slice())
        .bind(progress.us.as_deref())
        .bind(progress.preview_segments)
        .bind(limits)
        .bind(id.as_bytes().as_slice())
        .bind(progress.expires_at);
        Ok(())
    }

    /// One session, as this transaction sees it.
    pub async fn session(&mut self, id: &SessionId) -> Result<Option<Session>, StoreError> {
        let row = query(SELECT).bind(id.as_bytes().as_slice()).fetch_optional(self.connection().await?).await?;
        row.as_ref().map(session_from_row).transpose()
    }
}

pub(super) fn session_from_row(row: &Row) -> Result<Session, StoreError> {
    let signature_hash: Vec<u8> = row.try_get("signature_hash")?;
    let build_id: Option<&str> = row.try_get("build_id")?;
    let preview_segments: Option<i64> = row.try_get("preview_segments")?;
    let downgrade: Option<&str> = row.try_get("downgrade")?;
    let ended_by: Option<&str> = row.try_get("ended_by")?;
    let max_track: u8 = number(row.try_get("max_track")?, "max_track")?;
    Ok(Session {
        id: session_id(row)?,
        app_id: app_id(row.try_get("app_id")?)?,
        file_id: parsed(row.try_get("file_id")?, "file id")?,
        version: number(row.try_get("version")?, "version")?,
        mode: Mode::from_name(row.try_get("mode")?).ok_or(StoreError::Corrupt("session mode"))?,
        uid: row.try_get("uid")?,
        us: row.try_get("us")?,
        kid: parsed(row.try_get("kid")?, "kid")?,
        signature_hash: signature_hash.try_into().map_err(|_| StoreError::Corrupt("signature hash"))?,
        build_id: build_id.map(|id| parsed(id, "build id")).transpose()?,
        level: parsed(row.try_get("level")?, "session level")?,
        downgrade: downgrade.map(|reason| parsed(reason, "downgrade")).transpose()?,
        max_track: TrackClass::from_number(max_track).ok_or(StoreError::Corrupt("max_track"))?,
        preview_segments: preview_segments.map(|count| number(count, "preview_segments")).transpose()?,
        limits: serde_json::from_str(row.try_get("limits")?).map_err(|_| StoreError::Corrupt("session limits"))?,
        origin: row.try_get("origin")?,
        ip_class: row.try_get("ip_class")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
        url_expires_at: row.try_get("url_expires_at")?,
        last_counter: number(row.try_get("last_counter")?, "last_counter")?,
        last_position_ms: number(row.try_get("last_position_ms")?, "last_position_ms")?,
        revoked_at: row.try_get("revoked_at")?,
        ended_by: ended_by.map(|name| EndedBy::from_name(name).ok_or(StoreError::Corrupt("ended_by"))).transpose()?,
    })
}

pub(super) fn session_id(row: &Row) -> Result<SessionId, StoreError> {
    let id: Vec<u8> = row.try_get("id")?;
    Ok(SessionId::from_bytes(id.try_into().map_err(|_| StoreError::Corrupt("session id"))?))
}

fn limits_column(limits: &SessionLimits) -> Result<String, StoreError> {
    serde_json::to_string(limits).map_err(|_| StoreError::Corrupt("session limits"))
}
