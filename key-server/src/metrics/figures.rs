use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::Metrics;
use crate::clock::stored;
use crate::state::ServerState;
use crate::store::{QueueFigures, StoreError};

/// Figures of the database are so old at most.
const FIGURES_TTL: Duration = Duration::from_secs(5);
/// Then a scrape goes on without them.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

/// Looks at the queue, unless somebody did lately. However many scrape at once, one looks.
pub(crate) async fn refresh(state: &ServerState) {
    let metrics = state.installation.metrics();
    let mut looked_at = metrics.looked_at.lock().await;
    if looked_at.is_some_and(|at| at.elapsed() < FIGURES_TTL) {
        return;
    }
    let figures = timeout(LOOK_TIMEOUT, state.installation.store().queue_figures()).await;
    // After it failed, too: a database in need is not asked at every scrape.
    *looked_at = Some(Instant::now());
    metrics.queue_readable.set(matches!(figures, Ok(Ok(_))).into());
    match figures {
        Ok(Ok(figures)) => metrics.set_queue(&figures, stored(state.clock.now())),
        Ok(Err(error)) => told(&error),
        Err(_) => tracing::warn!("the queue's figures can't be read in time"),
    }
}

fn told(error: &StoreError) {
    tracing::warn!(%error, "the queue's figures can't be read");
}

impl Metrics {
    fn set_queue(&self, figures: &QueueFigures, now: i64) {
        self.jobs.get_or_create(&[("state", "queued")]).set(figures.queued);
        self.jobs.get_or_create(&[("state", "running")]).set(figures.running);
        self.oldest_queued.set(figures.oldest_queued_at.map_or(0, |at| now.saturating_sub(at).max(0)));
        self.deliveries_pending.set(figures.deliveries_pending);
    }
}
