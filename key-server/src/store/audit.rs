//! The audit log: each row's hash covers the row and the hash before it, so that a changed, removed or moved row shows.
//!
//! Someone who can write the database can also rewrite the whole chain; note the tail (`audit verify` prints it)
//! somewhere else to notice that.

use futures_util::TryStreamExt;
use keyveil_protocol::{AppId, FileId, SessionId};
use ring::digest;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Store, StoreError, WriteTransaction, integer, number};

const LABEL: &[u8] = b"keyveil/v1/audit";
const GENESIS: [u8; 32] = [0; 32];

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditKind {
    /// The installation was made.
    InstallationCreated,
    /// A playback session was opened and its first keys were released.
    SessionStarted,
    /// Keys were released to a session.
    KeysReleased,
    /// Sessions were ended from outside.
    SessionsRevoked,
    /// A session began to look like theft.
    SessionSuspected,
    /// A title got its secret, or got it sealed anew.
    TitleRegistered,
    /// Keys of another vendor's playlists were put under a title.
    KeysImported,
    /// A title can be played.
    TitlePublished,
    /// A title can be played no more, and can be published again.
    TitleUnpublished,
    /// A title's name, description or labels were changed.
    TitleDescribed,
    /// A title is gone.
    TitleDeleted,
    /// A player signature was made by this server.
    SignatureMade,
    /// An application was made.
    AppCreated,
    /// An application's settings were changed.
    AppChanged,
    /// A signing key was made.
    SigningKeyCreated,
    /// A signing key was retired.
    SigningKeyRetired,
    /// An API key was made.
    ApiKeyCreated,
    /// An API key was retired.
    ApiKeyRetired,
    /// An SDK build was made.
    BuildCreated,
    /// An SDK build's secret left the KMS for the compiler.
    BuildExported,
    /// An SDK build was retired.
    BuildRetired,
    /// A server key was made, and older ones were retired.
    ServerKeyRotated,
    /// Secrets were wrapped under the KMS's newest key.
    KmsRotated,
    /// A key of the local keyring was forgotten.
    KmsKeyRetired,
    /// The local keyring was wrapped under another root key.
    RootKeyChanged,
    /// A person was added.
    UserCreated,
    /// A person may sign in no more.
    UserDisabled,
    /// A password was set; every other sign-in of that person ended.
    PasswordChanged,
    /// A person signed in.
    SignedIn,
    /// Someone tried to, in vain.
    SignInFailed,
    /// A person signed out.
    SignedOut,
    /// A webhook was added.
    WebhookCreated,
    /// A webhook's address, kinds or switch was changed.
    WebhookChanged,
    /// A webhook is gone.
    WebhookDeleted,
    /// A media origin was added.
    MediaOriginCreated,
    /// A media origin was changed.
    MediaOriginChanged,
    /// A media origin is gone.
    MediaOriginDeleted,
    /// A title was queued again, or for another encryption.
    JobQueued,
    /// A worker claimed a job and received a version's secret.
    JobClaimed,
    /// A job was done, given up or cancelled.
    JobEnded,
    /// A version's secret was forgotten.
    VersionForgotten,
    /// A worker key was made.
    WorkerCreated,
    /// A worker key was retired.
    WorkerRetired,
}

impl AuditKind {
    /// Its name in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InstallationCreated => "installation_created",
            Self::SessionStarted => "session_started",
            Self::KeysReleased => "keys_released",
            Self::SessionsRevoked => "sessions_revoked",
            Self::SessionSuspected => "session_suspected",
            Self::TitleRegistered => "title_registered",
            Self::KeysImported => "keys_imported",
            Self::TitlePublished => "title_published",
            Self::TitleUnpublished => "title_unpublished",
            Self::TitleDescribed => "title_described",
            Self::TitleDeleted => "title_deleted",
            Self::SignatureMade => "signature_made",
            Self::AppCreated => "app_created",
            Self::AppChanged => "app_changed",
            Self::SigningKeyCreated => "signing_key_created",
            Self::SigningKeyRetired => "signing_key_retired",
            Self::ApiKeyCreated => "api_key_created",
            Self::ApiKeyRetired => "api_key_retired",
            Self::BuildCreated => "build_created",
            Self::BuildExported => "build_exported",
            Self::BuildRetired => "build_retired",
            Self::ServerKeyRotated => "server_key_rotated",
            Self::KmsRotated => "kms_rotated",
            Self::KmsKeyRetired => "kms_key_retired",
            Self::RootKeyChanged => "root_key_changed",
            Self::UserCreated => "user_created",
            Self::UserDisabled => "user_disabled",
            Self::PasswordChanged => "password_changed",
            Self::SignedIn => "signed_in",
            Self::SignInFailed => "sign_in_failed",
            Self::SignedOut => "signed_out",
            Self::WebhookCreated => "webhook_created",
            Self::WebhookChanged => "webhook_changed",
            Self::WebhookDeleted => "webhook_deleted",
            Self::MediaOriginCreated => "media_origin_created",
            Self::MediaOriginChanged => "media_origin_changed",
            Self::MediaOriginDeleted => "media_origin_deleted",
            Self::JobQueued => "job_queued",
            Self::JobClaimed => "job_claimed",
            Self::JobEnded => "job_ended",
            Self::VersionForgotten => "version_forgotten",
            Self::WorkerCreated => "worker_created",
            Self::WorkerRetired => "worker_retired",
        }
    }
}

/// One thing worth a row. Its detail never holds a secret.
#[derive(Clone, Debug)]
pub struct AuditEvent {
    /// What happened.
    pub kind: AuditKind,
    /// The application it concerns.
    pub app_id: Option<AppId>,
    /// The title it concerns.
    pub file_id: Option<FileId>,
    /// The session it concerns.
    pub session_id: Option<SessionId>,
    /// Particulars, by kind.
    pub detail: serde_json::Value,
}

/// The end of a chain that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditTail {
    /// Number of rows.
    pub seq: u64,
    /// Hash of the last row.
    pub hash: [u8; 32],
}

struct AuditRow {
    seq: i64,
    at: i64,
    kind: String,
    app_id: Option<i64>,
    file_id: Option<String>,
    session_id: Option<String>,
    detail: String,
    prev_hash: [u8; 32],
}

impl AuditEvent {
    /// An event that concerns no app, title or session yet; add those by the `with_…` functions.
    #[must_use]
    pub fn new(kind: AuditKind, detail: serde_json::Value) -> Self {
        Self { kind, app_id: None, file_id: None, session_id: None, detail }
    }

    /// Concerning an application.
    #[must_use]
    pub fn with_app(mut self, app_id: AppId) -> Self {
        self.app_id = Some(app_id);
        self
    }

    /// Concerning a title.
    #[must_use]
    pub fn with_file(mut self, file_id: &FileId) -> Self {
        self.file_id = Some(file_id.clone());
        self
    }

    /// Concerning a session.
    #[must_use]
    pub fn with_session(mut self, session_id: SessionId) -> Self {
        self.session_id = Some(session_id);
        self
    }
}

impl AuditRow {
    /// Unambiguous: fixed-length numbers, every text behind its presence and length.
    fn hash(&self) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(LABEL);
        context.update(&[0]);
        context.update(&self.prev_hash);
        context.update(&self.seq.to_be_bytes());
        context.update(&self.at.to_be_bytes());
        let app_id = self.app_id.map(|id| id.to_string());
        for text in [
            Some(self.kind.as_str()),
            app_id.as_deref(),
            self.file_id.as_deref(),
            self.session_id.as_deref(),
            Some(self.detail.as_str()),
        ] {
            context.update(&[u8::from(text.is_some())]);
            let text = text.unwrap_or_default();
            context.update(&(text.len() as u64).to_be_bytes());
            context.update(text.as_bytes());
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        hash
    }
}

impl WriteTransaction<'_> {
    /// Adds a row in this transaction: what it tells of happens with it or not at all.
    pub async fn append_audit(&mut self, event: &AuditEvent, now: i64) -> Result<(), StoreError> {
        let last = sqlx::query("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
            .fetch_optional(self.connection())
            .await?;
        let (seq, prev_hash) = match last {
            None => (1, GENESIS),
            Some(row) => (row.try_get::<i64, _>("seq")?.saturating_add(1), hash_column(&row, "hash")?),
        };
        let row = AuditRow {
            seq,
            at: now,
            kind: event.kind.as_str().to_owned(),
            app_id: event.app_id.map(|id| integer(id.value())),
            file_id: event.file_id.as_ref().map(ToString::to_string),
            session_id: event.session_id.as_ref().map(ToString::to_string),
            detail: event.detail.to_string(),
            prev_hash,
        };
        sqlx::query(
            "INSERT INTO audit (seq, at, kind, app_id, file_id, session_id, detail, prev_hash, hash)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(row.seq)
        .bind(row.at)
        .bind(&row.kind)
        .bind(row.app_id)
        .bind(&row.file_id)
        .bind(&row.session_id)
        .bind(&row.detail)
        .bind(row.prev_hash.as_slice())
        .bind(row.hash().as_slice())
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

impl Store {
    /// Walks the whole chain. `Err(seq)` inside is the first row that does not hold.
    pub async fn verify_audit(&self) -> Result<Result<AuditTail, u64>, StoreError> {
        let mut rows = sqlx::query("SELECT * FROM audit ORDER BY seq").fetch(&self.pool);
        let mut tail = AuditTail { seq: 0, hash: GENESIS };
        while let Some(row) = rows.try_next().await? {
            let expected_seq = tail.seq.saturating_add(1);
            let audit_row = audit_row(&row)?;
            let hash = hash_column(&row, "hash")?;
            let holds = number::<u64>(audit_row.seq, "seq").is_ok_and(|seq| seq == expected_seq)
                && audit_row.prev_hash == tail.hash
                && audit_row.hash() == hash;
            if !holds {
                return Ok(Err(expected_seq));
            }
            tail = AuditTail { seq: expected_seq, hash };
        }
        Ok(Ok(tail))
    }
}

fn audit_row(row: &SqliteRow) -> Result<AuditRow, StoreError> {
    Ok(AuditRow {
        seq: row.try_get("seq")?,
        at: row.try_get("at")?,
        kind: row.try_get("kind")?,
        app_id: row.try_get("app_id")?,
        file_id: row.try_get("file_id")?,
        session_id: row.try_get("session_id")?,
        detail: row.try_get("detail")?,
        prev_hash: hash_column(row, "prev_hash")?,
    })
}

fn hash_column(row: &SqliteRow, column: &'static str) -> Result<[u8; 32], StoreError> {
    row.try_get::<Vec<u8>, _>(column)?.try_into().map_err(|_| StoreError::Corrupt("audit hash"))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn store_with_rows() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("keyveil.db")).await.unwrap();
        for n in 0..5 {
            let mut write = store.write().await.unwrap();
            let event = AuditEvent::new(AuditKind::AppCreated, serde_json::json!({ "n": n }))
                .with_app(AppId::try_from(7).unwrap());
            write.append_audit(&event, 1000 + n).await.unwrap();
            write.commit().await.unwrap();
        }
        (dir, store)
    }

    #[tokio::test]
    async fn an_untouched_chain_holds() {
        let (_dir, store) = store_with_rows().await;
        assert_eq!(store.verify_audit().await.unwrap().unwrap().seq, 5);
    }

    #[tokio::test]
    async fn every_kind_of_tampering_shows() {
        for (tampering, first_bad) in [
            ("UPDATE audit SET detail = '{\"n\":9}' WHERE seq = 3", 3),
            ("UPDATE audit SET app_id = 8 WHERE seq = 2", 2),
            ("UPDATE audit SET app_id = NULL WHERE seq = 2", 2),
            ("UPDATE audit SET at = at + 1 WHERE seq = 5", 5),
            ("UPDATE audit SET kind = 'app_deleted' WHERE seq = 1", 1),
            ("DELETE FROM audit WHERE seq = 3", 3),
            ("DELETE FROM audit WHERE seq = 1", 1),
            ("UPDATE audit SET hash = zeroblob(32) WHERE seq = 4", 4),
            ("UPDATE audit SET prev_hash = zeroblob(32) WHERE seq = 4", 4),
        ] {
            let (_dir, store) = store_with_rows().await;
            sqlx::query(tampering).execute(&store.pool).await.unwrap();
            assert_eq!(store.verify_audit().await.unwrap(), Err(first_bad), "{tampering}");
        }
    }

    #[tokio::test]
    async fn a_dropped_transaction_leaves_no_row() {
        let (_dir, store) = store_with_rows().await;
        let mut write = store.write().await.unwrap();
        write.append_audit(&AuditEvent::new(AuditKind::AppCreated, serde_json::json!({})), 1).await.unwrap();
        drop(write);
        assert_eq!(store.verify_audit().await.unwrap().unwrap().seq, 5);
    }
}
