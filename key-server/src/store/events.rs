use keyveil_protocol::{AppId, DeliveryId, EventId, FileId};

use super::engine::{Row, query};
use super::{Store, StoreError, WriteTransaction, app_id, integer, parsed};

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
    /// A session looks like theft.
    SessionSuspected,
}

impl EventType {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::UploadCompleted,
        Self::TitleProcessing,
        Self::TitlePublished,
        Self::TitleUnpublished,
        Self::TitleDeleted,
        Self::KeyReleased,
        Self::SessionRevoked,
        Self::SessionSuspected,
    ];

    /// By its name in JSON and SQL.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

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
            Self::SessionSuspected => "session.suspected",
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

/// An event that is kept.
#[derive(Clone, Debug)]
pub struct EventRow {
    /// Its place among all events.
    pub seq: i64,
    /// Its id.
    pub event_id: EventId,
    /// When it was.
    pub at: i64,
    /// What happened.
    pub event: Event,
}

impl WriteTransaction<'_> {
    /// Keeps an event and one pending delivery for each webhook that wants it: both or neither with what it tells of.
    pub async fn append_event(&mut self, event: &Event, now: i64) -> Result<EventId, StoreError> {
        let event_id = random_id("ev")?;
        self.later("INSERT INTO events (event_id, app_id, type, file_id, data, at) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(event_id.as_str())
            .bind(integer(event.app_id.value()))
            .bind(event.kind.as_str())
            .bind(event.file_id.as_ref().map(FileId::as_str))
            .bind(event.data.to_string())
            .bind(now);
        self.insert_deliveries(&event_id, event.app_id, event.kind, now)?;
        event_id.try_into().map_err(|_| StoreError::Corrupt("event id"))
    }

    /// Sends an event again to every webhook that wants it. False when there is no such event.
    pub async fn resend_event(&mut self, app_id: AppId, event_id: &EventId, now: i64) -> Result<bool, StoreError> {
        let row = query("SELECT type FROM events WHERE event_id = ? AND app_id = ?")
            .bind(event_id.as_str())
            .bind(integer(app_id.value()))
            .fetch_optional(self.connection().await?)
            .await?;
        let Some(row) = row else { return Ok(false) };
        let kind = EventType::from_name(row.try_get(0)?).ok_or(StoreError::Corrupt("event type"))?;
        self.insert_deliveries(event_id.as_str(), app_id, kind, now)?;
        Ok(true)
    }

    /// One more delivery of an event.
    pub async fn insert_delivery(
        &mut self,
        event_id: &str,
        webhook_id: &str,
        now: i64,
    ) -> Result<DeliveryId, StoreError> {
        let delivery_id = random_id("dl")?;
        query(
            "INSERT INTO deliveries (delivery_id, event_id, webhook_id, state, run_after, give_up_at, created_at)
             VALUES (?, ?, ?, 'pending', ?, ?, ?)",
        )
        .bind(&delivery_id)
        .bind(event_id)
        .bind(webhook_id)
        .bind(now)
        .bind(now.saturating_add(GIVE_UP_SECS))
        .bind(now)
        .execute(self.connection().await?)
        .await?;
        delivery_id.try_into().map_err(|_| StoreError::Corrupt("delivery id"))
    }

    fn insert_deliveries(
        &mut self,
        event_id: &str,
        app_id: AppId,
        kind: EventType,
        now: i64,
    ) -> Result<(), StoreError> {
        // Ids as `random_id` makes them.
        self.later(
            "INSERT INTO deliveries (delivery_id, event_id, webhook_id, state, run_after, give_up_at, created_at)
             SELECT 'dl_' || lower(hex(randomblob(12))), ?, webhook_id, 'pending', ?, ?, ? FROM webhooks
             WHERE app_id = ? AND enabled = 1 AND (types = '' OR instr(',' || types || ',', ',' || ? || ',') > 0)",
        )
        .bind(event_id)
        .bind(now)
        .bind(now.saturating_add(GIVE_UP_SECS))
        .bind(now)
        .bind(integer(app_id.value()))
        .bind(kind.as_str());
        Ok(())
    }
}

impl Store {
    /// An application's events, newest first, below `after`.
    pub async fn events(
        &self,
        app_id: AppId,
        file_id: Option<&FileId>,
        kind: Option<EventType>,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<EventRow>, StoreError> {
        let rows = query(
            "SELECT * FROM events WHERE app_id = ?1 AND (?2 IS NULL OR file_id = ?2) AND (?3 IS NULL OR type = ?3)
             AND (?4 IS NULL OR seq < ?4) ORDER BY seq DESC LIMIT ?5",
        )
        .bind(integer(app_id.value()))
        .bind(file_id.map(FileId::as_str))
        .bind(kind.map(EventType::as_str))
        .bind(after)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(event_from_row).collect()
    }
}

pub(super) fn event_from_row(row: &Row) -> Result<EventRow, StoreError> {
    let file_id: Option<&str> = row.try_get("file_id")?;
    let data: &str = row.try_get("data")?;
    Ok(EventRow {
        seq: row.try_get("seq")?,
        event_id: parsed(row.try_get("event_id")?, "event id")?,
        at: row.try_get("at")?,
        event: Event {
            kind: EventType::from_name(row.try_get("type")?).ok_or(StoreError::Corrupt("event type"))?,
            app_id: app_id(row.try_get("app_id")?)?,
            file_id: file_id.map(|text| parsed(text, "file id")).transpose()?,
            data: serde_json::from_str(data).map_err(|_| StoreError::Corrupt("event data"))?,
        },
    })
}

fn random_id(prefix: &str) -> Result<String, StoreError> {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).map_err(|_| sqlx::Error::WorkerCrashed)?;
    Ok(format!("{prefix}_{}", hex::encode(bytes)))
}
