use keyveil_protocol::{AppId, EventId, FileId};
use sqlx::Row;

use super::{StoreError, WriteTransaction, integer};

/// How long a delivery is tried.
const GIVE_UP_SECS: i64 = 24 * 3600;

/// What webhooks are told of (docs/WORKFLOW.md, "Events").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// A source is whole.
    UploadCompleted,
    /// A title's state changed.
    TitleProcessing,
    /// A title can be played.
    TitlePublished,
    /// A title can be played no more.
    TitleUnpublished,
    /// A title is gone.
    TitleDeleted,
    /// Keys were released; a sample.
    KeyReleased,
    /// A session was ended from outside.
    SessionRevoked,
}

impl EventType {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::UploadCompleted,
        Self::TitleProcessing,
        Self::TitlePublished,
        Self::TitleUnpublished,
        Self::TitleDeleted,
        Self::KeyReleased,
        Self::SessionRevoked,
    ];

    /// Its name in JSON and SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UploadCompleted => "upload.completed",
            Self::TitleProcessing => "title.processing",
            Self::TitlePublished => "title.published",
            Self::TitleUnpublished => "title.unpublished",
            Self::TitleDeleted => "title.deleted",
            Self::KeyReleased => "key.released",
            Self::SessionRevoked => "session.revoked",
        }
    }
}

/// One thing that happened. Its data never holds a secret.
#[derive(Clone, Debug)]
pub struct Event {
    /// What happened.
    pub kind: EventType,
    /// The application.
    pub app_id: AppId,
    /// The title it concerns.
    pub file_id: Option<FileId>,
    /// Particulars, by kind.
    pub data: serde_json::Value,
}

impl WriteTransaction<'_> {
    /// Keeps an event and one pending delivery for each webhook that wants it: both or neither with what it tells of.
    pub async fn append_event(&mut self, event: &Event, now: i64) -> Result<EventId, StoreError> {
        let event_id = random_id("ev")?;
        sqlx::query("INSERT INTO events (event_id, app_id, type, file_id, data, at) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(&event_id)
            .bind(integer(event.app_id.value()))
            .bind(event.kind.as_str())
            .bind(event.file_id.as_ref().map(FileId::as_str))
            .bind(event.data.to_string())
            .bind(now)
            .execute(self.connection())
            .await?;
        let webhooks = sqlx::query(
            "SELECT webhook_id FROM webhooks WHERE app_id = ?1 AND enabled = 1
             AND (types = '' OR instr(',' || types || ',', ',' || ?2 || ',') > 0)",
        )
        .bind(integer(event.app_id.value()))
        .bind(event.kind.as_str())
        .fetch_all(self.connection())
        .await?;
        for webhook in &webhooks {
            let webhook_id: &str = webhook.try_get(0)?;
            sqlx::query(
                "INSERT INTO deliveries (delivery_id, event_id, webhook_id, state, run_after, give_up_at, created_at)
                 VALUES (?, ?, ?, 'pending', ?, ?, ?)",
            )
            .bind(random_id("dl")?)
            .bind(&event_id)
            .bind(webhook_id)
            .bind(now)
            .bind(now.saturating_add(GIVE_UP_SECS))
            .bind(now)
            .execute(self.connection())
            .await?;
        }
        event_id.try_into().map_err(|_| StoreError::Corrupt("event id"))
    }
}

fn random_id(prefix: &str) -> Result<String, StoreError> {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).map_err(|_| sqlx::Error::WorkerCrashed)?;
    Ok(format!("{prefix}_{}", hex::encode(bytes)))
}
