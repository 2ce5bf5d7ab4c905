//! The audit log: each row's hash covers the row and the hash before it, so that a changed, removed or moved row shows;
//! both ends are under a MAC whose key is not in the database.

use keyveil_protocol::{AppId, FileId, SessionId};
use serde_json::json;

use super::audit_head::{AuditEnds, AuditHead, StoredHead};
use super::audit_row::{AuditRow, Link};
use super::{StoreError, WriteTransaction, integer};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditKind {
    /// The installation was made.
    InstallationCreated,
    /// From here on the log's ends are under a MAC.
    LogSealed,
    /// The log's ends did not hold when the next row was written.
    LogBroken,
    /// Rows older than the policy keeps were removed.
    LogPruned,
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
    /// The KMS is asked for a new key.
    KmsKeyRequested,
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
    /// A delivery or an event was sent to webhooks again.
    EventResent,
    /// A workflow was made.
    WorkflowCreated,
    /// A workflow was changed.
    WorkflowChanged,
    /// A workflow is gone.
    WorkflowDeleted,
    /// A title was queued again, or for another encryption.
    JobQueued,
    /// A job was moved in the queue.
    JobChanged,
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
    /// A worker is to take no more jobs.
    WorkerDrained,
    /// A worker is to take jobs again.
    WorkerUndrained,
}

impl AuditKind {
    /// Its name in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InstallationCreated => "installation_created",
            Self::LogSealed => "log_sealed",
            Self::LogBroken => "log_broken",
            Self::LogPruned => "log_pruned",
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
            Self::KmsKeyRequested => "kms_key_requested",
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
            Self::EventResent => "event_resent",
            Self::WorkflowCreated => "workflow_created",
            Self::WorkflowChanged => "workflow_changed",
            Self::WorkflowDeleted => "workflow_deleted",
            Self::JobQueued => "job_queued",
            Self::JobChanged => "job_changed",
            Self::JobClaimed => "job_claimed",
            Self::JobEnded => "job_ended",
            Self::VersionForgotten => "version_forgotten",
            Self::WorkerCreated => "worker_created",
            Self::WorkerRetired => "worker_retired",
            Self::WorkerDrained => "worker_drained",
            Self::WorkerUndrained => "worker_undrained",
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

pub(super) const INSERT: &str = "INSERT INTO audit (seq, at, kind, app_id, file_id, session_id, detail, prev_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";

impl WriteTransaction<'_> {
    /// Adds a row in this transaction: what it tells of happens with it or not at all.
    pub async fn append_audit(&mut self, event: &AuditEvent, now: i64) -> Result<(), StoreError> {
        self.append_audit_later(event, now).await?;
        // A key file that is changed before the commit has to be logged before.
        self.connection().await.map(drop)
    }

    /// The same for what nothing but this transaction does: a row that can't be written is told by the commit.
    pub(crate) async fn append_audit_later(&mut self, event: &AuditEvent, now: i64) -> Result<(), StoreError> {
        let AuditEnds { last, stored } = self.audit_ends().await?;
        let (mut head, doubt) = match stored {
            StoredHead::Absent if last.is_none() => (AuditHead::default(), None),
            // Whatever is missing before or after it shows as such.
            StoredHead::Sealed(head) => (head, None),
            StoredHead::Unsealed(head) if Some(head.end) == last && event.kind == AuditKind::LogSealed => (head, None),
            // Everything goes on, and the row tells for ever.
            StoredHead::Absent | StoredHead::Unsealed(_) | StoredHead::Broken => {
                let head = AuditHead { end: last.unwrap_or_default(), ..AuditHead::default() };
                (head, Some(AuditEvent::new(AuditKind::LogBroken, json!({}))))
            }
        };
        if let Some(doubt) = doubt {
            self.insert_audit_row(&mut head, last, &doubt, now)?;
        }
        self.insert_audit_row(&mut head, last, event, now)?;
        self.seal_head(&head)
    }

    fn insert_audit_row(
        &mut self,
        head: &mut AuditHead,
        last: Option<Link>,
        event: &AuditEvent,
        now: i64,
    ) -> Result<(), StoreError> {
        // A row that somebody put behind the end keeps its place, and shows there.
        let before = last.map_or(head.end.seq, |last| last.seq.max(head.end.seq));
        let row = AuditRow {
            seq: before.saturating_add(1),
            at: now,
            kind: event.kind.as_str().to_owned(),
            app_id: event.app_id.map(|id| integer(id.value())),
            file_id: event.file_id.as_ref().map(ToString::to_string),
            session_id: event.session_id.as_ref().map(ToString::to_string),
            detail: event.detail.to_string(),
            prev_hash: head.end.hash,
        };
        head.end = Link { seq: row.seq, hash: row.hash() };
        self.later(INSERT)
            .bind(row.seq)
            .bind(row.at)
            .bind(row.kind)
            .bind(row.app_id)
            .bind(row.file_id)
            .bind(row.session_id)
            .bind(row.detail)
            .bind(row.prev_hash.as_slice())
            .bind(head.end.hash.as_slice());
        Ok(())
    }
}
