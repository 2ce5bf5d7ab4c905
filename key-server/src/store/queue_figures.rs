use super::engine::query;
use super::{Store, StoreError};

/// How much is to be done, over all applications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueFigures {
    /// Jobs that wait for a worker.
    pub queued: i64,
    /// Jobs that a worker has.
    pub running: i64,
    /// When the oldest of those that wait was made.
    pub oldest_queued_at: Option<i64>,
    /// Deliveries to webhooks that are neither done nor given up.
    pub deliveries_pending: i64,
}

impl Store {
    /// By a connection that reads, over what is not done alone: the indices begin with the state.
    pub async fn queue_figures(&self) -> Result<QueueFigures, StoreError> {
        let row = query(
            "SELECT (SELECT count(*) FROM jobs WHERE state = 'queued') AS queued, \
             (SELECT count(*) FROM jobs WHERE state = 'running') AS running, \
             (SELECT min(created_at) FROM jobs WHERE state = 'queued') AS oldest_queued_at, \
             (SELECT count(*) FROM deliveries WHERE state = 'pending') AS deliveries_pending",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(QueueFigures {
            queued: row.try_get("queued")?,
            running: row.try_get("running")?,
            oldest_queued_at: row.try_get("oldest_queued_at")?,
            deliveries_pending: row.try_get("deliveries_pending")?,
        })
    }
}
