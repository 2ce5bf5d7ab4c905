//! Deliveries as the dispatcher sees them: who may try which one, and how it went.

use keyveil_protocol::{DeliveryId, WebhookId};

use super::engine::{Row, query};
use super::events::event_from_row;
use super::{EventRow, Store, StoreError, number, parsed};

/// A delivery that this server may try until its lease ends.
#[derive(Clone)]
pub struct ClaimedDelivery {
    /// Which.
    pub delivery_id: DeliveryId,
    /// The webhook.
    pub webhook_id: WebhookId,
    /// Where to.
    pub url: String,
    /// Signs it; wrapped.
    pub secret_ciphertext: Vec<u8>,
    /// From 1; also the fence against a lease that ran out.
    pub attempt: u32,
    /// Until when it is tried.
    pub give_up_at: i64,
    /// What is told.
    pub event: EventRow,
}

/// How an attempt went.
#[derive(Clone, Debug)]
pub enum Attempt {
    /// Answered with 2xx.
    Delivered {
        /// HTTP status.
        status: u16,
    },
    /// To be repeated.
    Again {
        /// HTTP status, where there was an answer.
        status: Option<u16>,
        /// A sentence.
        error: String,
        /// Not before this.
        run_after: i64,
    },
    /// Not to be repeated any more.
    GivenUp {
        /// HTTP status, where there was an answer.
        status: Option<u16>,
        /// A sentence.
        error: String,
    },
}

macro_rules! due {
    () => {
        "deliveries d JOIN webhooks w USING (webhook_id)
         WHERE d.state = 'pending' AND d.run_after <= ?1 AND coalesce(d.lease_expires_at, 0) <= ?1 AND w.enabled = 1"
    };
}

const CLAIM: &str = concat!(
    "WITH due AS (
         SELECT d.delivery_id, d.webhook_id, d.run_after,
                row_number() OVER (PARTITION BY d.webhook_id ORDER BY d.run_after, d.created_at, d.delivery_id) AS place
         FROM ",
    due!(),
    "), flying AS (
         SELECT webhook_id, count(*) AS number FROM deliveries
         WHERE state = 'pending' AND lease_expires_at > ?1 GROUP BY webhook_id)
     UPDATE deliveries SET attempt = attempt + 1, lease_expires_at = ?2 WHERE delivery_id IN (
         SELECT delivery_id FROM due LEFT JOIN flying USING (webhook_id)
         WHERE place + coalesce(number, 0) <= ?3 ORDER BY place, run_after LIMIT ?4)
     RETURNING delivery_id"
);

impl Store {
    /// Takes deliveries that are due: at most `limit`, and no more than `each_max` of one webhook at once, over all
    /// servers. Nobody else gets them before `lease_expires_at`.
    pub async fn claim_deliveries(
        &self,
        now: i64,
        lease_expires_at: i64,
        each_max: u32,
        limit: u32,
    ) -> Result<Vec<ClaimedDelivery>, StoreError> {
        // Most of the time there is nothing, which a reader sees without holding up writers.
        let due = query(concat!("SELECT 1 FROM ", due!(), " LIMIT 1")).bind(now);
        if due.fetch_optional(&self.pool).await?.is_none() {
            return Ok(Vec::new());
        }
        let mut write = self.write().await?;
        let claimed = query(CLAIM)
            .bind(now)
            .bind(lease_expires_at)
            .bind(each_max)
            .bind(limit)
            .fetch_all(write.connection().await?)
            .await?;
        let mut deliveries = Vec::with_capacity(claimed.len());
        for row in &claimed {
            let delivery_id: &str = row.try_get(0)?;
            let row = query(
                "SELECT d.delivery_id, d.webhook_id, d.attempt, d.give_up_at, w.url, w.secret_ciphertext, e.*
                 FROM deliveries d JOIN webhooks w USING (webhook_id) JOIN events e USING (event_id)
                 WHERE d.delivery_id = ?",
            )
            .bind(delivery_id)
            .fetch_one(write.connection().await?)
            .await?;
            deliveries.push(claimed_from_row(&row)?);
        }
        write.commit().await?;
        Ok(deliveries)
    }

    /// Notes how an attempt went. False when its lease ran out and somebody else has begun another.
    pub async fn end_attempt(
        &self,
        claimed: &ClaimedDelivery,
        attempt: &Attempt,
        now: i64,
    ) -> Result<bool, StoreError> {
        let (state, status, error, run_after, delivered_at) = match attempt {
            Attempt::Delivered { status } => ("delivered", Some(*status), None, None, Some(now)),
            Attempt::Again { status, error, run_after } => ("pending", *status, Some(error), Some(*run_after), None),
            Attempt::GivenUp { status, error } => ("failed", *status, Some(error), None, None),
        };
        let mut write = self.write().await?;
        let result = query(
            "UPDATE deliveries SET state = ?, last_status = ?, last_error = ?, run_after = coalesce(?, run_after),
                    delivered_at = ?, lease_expires_at = NULL
             WHERE delivery_id = ? AND attempt = ? AND state = 'pending'",
        )
        .bind(state)
        .bind(status)
        .bind(error)
        .bind(run_after)
        .bind(delivered_at)
        .bind(claimed.delivery_id.as_str())
        .bind(claimed.attempt)
        .execute(write.connection().await?)
        .await?;
        write.commit().await?;
        Ok(result.rows_affected() == 1)
    }

    /// Gives up what nobody tries any more (its webhook is switched off), and forgets events of before `before` with
    /// their deliveries.
    pub async fn sweep_events(&self, before: i64, now: i64) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        query(
            "UPDATE deliveries SET state = 'failed', lease_expires_at = NULL,
                    last_error = coalesce(last_error, 'The webhook was switched off.')
             WHERE state = 'pending' AND give_up_at <= ?1 AND coalesce(lease_expires_at, 0) <= ?1",
        )
        .bind(now)
        .execute(write.connection().await?)
        .await?;
        query("DELETE FROM deliveries WHERE event_id IN (SELECT event_id FROM events WHERE at <= ?)")
            .bind(before)
            .execute(write.connection().await?)
            .await?;
        let forgotten =
            query("DELETE FROM events WHERE at <= ?").bind(before).execute(write.connection().await?).await?;
        write.commit().await?;
        Ok(forgotten.rows_affected())
    }
}

fn claimed_from_row(row: &Row) -> Result<ClaimedDelivery, StoreError> {
    Ok(ClaimedDelivery {
        delivery_id: parsed(row.try_get("delivery_id")?, "delivery id")?,
        webhook_id: parsed(row.try_get("webhook_id")?, "webhook id")?,
        url: row.try_get("url")?,
        secret_ciphertext: row.try_get("secret_ciphertext")?,
        attempt: number(row.try_get("attempt")?, "attempt")?,
        give_up_at: row.try_get("give_up_at")?,
        event: event_from_row(row)?,
    })
}
