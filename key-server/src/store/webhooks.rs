//! Webhooks and what is delivered to them.

use keyveil_protocol::{AppId, DeliveryId, EventId, WebhookId};

use super::engine::{Row, query};
use super::{EventType, Store, StoreError, WriteTransaction, app_id, integer, number, parsed};

/// Somebody else's server that is told of events.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Its id.
    pub webhook_id: WebhookId,
    /// Its application.
    pub app_id: AppId,
    /// Where to.
    pub url: String,
    /// Of what; empty means everything.
    pub types: Vec<EventType>,
    /// Whether it is told at all.
    pub enabled: bool,
    /// When it was made.
    pub created_at: i64,
    /// When it was last changed.
    pub updated_at: i64,
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// To be tried, now or later.
    Pending,
    /// Answered with 2xx.
    Delivered,
    /// Given up.
    Failed,
}

impl DeliveryState {
    /// Its name in JSON and SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

/// One event on its way to one webhook.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its id.
    pub delivery_id: DeliveryId,
    /// The event.
    pub event_id: EventId,
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The event's kind.
    pub kind: EventType,
    /// How it stands.
    pub state: DeliveryState,
    /// Attempts so far, one that is under way included.
    pub attempt: u32,
    /// Not before this.
    pub run_after: i64,
    /// Of the latest attempt.
    pub last_status: Option<u16>,
    /// A sentence about the latest attempt.
    pub last_error: Option<String>,
    /// When it was made.
    pub created_at: i64,
    /// When it arrived.
    pub delivered_at: Option<i64>,
}

impl Store {
    /// An application's webhooks, oldest first.
    pub async fn webhooks(&self, app_id: AppId) -> Result<Vec<Webhook>, StoreError> {
        let rows = query("SELECT * FROM webhooks WHERE app_id = ? ORDER BY created_at, webhook_id")
            .bind(integer(app_id.value()))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(webhook_from_row).collect()
    }

    /// One webhook of an application.
    pub async fn webhook(&self, app_id: AppId, id: &WebhookId) -> Result<Option<Webhook>, StoreError> {
        let row = query("SELECT * FROM webhooks WHERE webhook_id = ? AND app_id = ?")
            .bind(id.as_str())
            .bind(integer(app_id.value()))
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(webhook_from_row).transpose()
    }

    /// A webhook's deliveries, newest first, below `after`.
    pub async fn deliveries(
        &self,
        id: &WebhookId,
        after: Option<(i64, &str)>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        let rows = query(
            "SELECT d.*, e.type FROM deliveries d JOIN events e USING (event_id)
             WHERE d.webhook_id = ?1 AND (?2 IS NULL OR (d.created_at, d.delivery_id) < (?2, ?3))
             ORDER BY d.created_at DESC, d.delivery_id DESC LIMIT ?4",
        )
        .bind(id.as_str())
        .bind(after.map(|(at, _)| at))
        .bind(after.map(|(_, id)| id))
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(delivery_from_row).collect()
    }

    /// One delivery of a webhook.
    pub async fn delivery(&self, webhook: &WebhookId, id: &DeliveryId) -> Result<Option<Delivery>, StoreError> {
        let row = query(
            "SELECT d.*, e.type FROM deliveries d JOIN events e USING (event_id)
             WHERE d.webhook_id = ? AND d.delivery_id = ?",
        )
        .bind(webhook.as_str())
        .bind(id.as_str())
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref().map(delivery_from_row).transpose()
    }
}

impl WriteTransaction<'_> {
    /// Keeps a new webhook.
    pub async fn insert_webhook(&mut self, webhook: &Webhook, secret_ciphertext: &[u8]) -> Result<(), StoreError> {
        query(
            "INSERT INTO webhooks (webhook_id, app_id, url, secret_ciphertext, types, enabled, created_at, updated_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(webhook.webhook_id.as_str())
        .bind(integer(webhook.app_id.value()))
        .bind(&webhook.url)
        .bind(secret_ciphertext)
        .bind(types_text(&webhook.types))
        .bind(webhook.enabled)
        .bind(webhook.created_at)
        .bind(webhook.updated_at)
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    /// How many webhooks an application has.
    pub async fn count_webhooks(&mut self, app_id: AppId) -> Result<u32, StoreError> {
        let row = query("SELECT count(*) FROM webhooks WHERE app_id = ?")
            .bind(integer(app_id.value()))
            .fetch_one(self.connection().await?)
            .await?;
        number(row.try_get(0)?, "count")
    }

    /// Another address, kinds or switch. False when it is gone.
    pub async fn update_webhook(&mut self, webhook: &Webhook) -> Result<bool, StoreError> {
        let result = query("UPDATE webhooks SET url = ?, types = ?, enabled = ?, updated_at = ? WHERE webhook_id = ?")
            .bind(&webhook.url)
            .bind(types_text(&webhook.types))
            .bind(webhook.enabled)
            .bind(webhook.updated_at)
            .bind(webhook.webhook_id.as_str())
            .execute(self.connection().await?)
            .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Takes a webhook away with its deliveries. False when it is gone already.
    pub async fn delete_webhook(&mut self, app_id: AppId, id: &WebhookId) -> Result<bool, StoreError> {
        let result = query("DELETE FROM webhooks WHERE webhook_id = ? AND app_id = ?")
            .bind(id.as_str())
            .bind(integer(app_id.value()))
            .execute(self.connection().await?)
            .await?;
        Ok(result.rows_affected() == 1)
    }
}

pub(super) fn delivery_from_row(row: &Row) -> Result<Delivery, StoreError> {
    let state: &str = row.try_get("state")?;
    let state = match state {
        "pending" => DeliveryState::Pending,
        "delivered" => DeliveryState::Delivered,
        "failed" => DeliveryState::Failed,
        _ => return Err(StoreError::Corrupt("delivery state")),
    };
    let last_status: Option<i64> = row.try_get("last_status")?;
    Ok(Delivery {
        delivery_id: parsed(row.try_get("delivery_id")?, "delivery id")?,
        event_id: parsed(row.try_get("event_id")?, "event id")?,
        webhook_id: parsed(row.try_get("webhook_id")?, "webhook id")?,
        kind: EventType::from_name(row.try_get("type")?).ok_or(StoreError::Corrupt("event type"))?,
        state,
        attempt: number(row.try_get("attempt")?, "attempt")?,
        run_after: row.try_get("run_after")?,
        last_status: last_status.map(|status| number(status, "status")).transpose()?,
        last_error: row.try_get("last_error")?,
        created_at: row.try_get("created_at")?,
        delivered_at: row.try_get("delivered_at")?,
    })
}

fn webhook_from_row(row: &Row) -> Result<Webhook, StoreError> {
    let types: &str = row.try_get("types")?;
    let types: Option<Vec<_>> = types.split(',').filter(|name| !name.is_empty()).map(EventType::from_name).collect();
    Ok(Webhook {
        webhook_id: parsed(row.try_get("webhook_id")?, "webhook id")?,
        app_id: app_id(row.try_get("app_id")?)?,
        url: row.try_get("url")?,
        types: types.ok_or(StoreError::Corrupt("event types"))?,
        enabled: row.try_get("enabled")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

fn types_text(types: &[EventType]) -> String {
    types.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(",")
}
