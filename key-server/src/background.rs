//! What the server does without being asked. Each task stops when the server does, and loses nothing by that.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::clock::stored;
use crate::state::ServerState;

const SWEEP_INTERVAL: Duration = Duration::from_secs(3600);
/// Ended sessions stay for a day, so that a late request is told `session_expired`.
const SESSIONS_KEPT_SECS: u64 = 24 * 3600;

/// Starts every task; dropping the set ends them.
pub(crate) fn start(state: &Arc<ServerState>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(sweep_sessions(Arc::clone(state)));
    tasks.spawn(sweep_sign_ins(Arc::clone(state)));
    tasks
}

async fn sweep_sessions(state: Arc<ServerState>) {
    let mut interval = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        interval.tick().await;
        let before = stored(state.clock.now().saturating_sub(SESSIONS_KEPT_SECS));
        match state.installation.store().delete_sessions_expired_before(before).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "forgot ended sessions"),
            Err(error) => tracing::error!(%error, "ended sessions can't be forgotten"),
        }
    }
}

async fn sweep_sign_ins(state: Arc<ServerState>) {
    let mut interval = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        interval.tick().await;
        if let Err(error) = state.installation.store().delete_sign_ins_expired_before(stored(state.clock.now())).await {
            tracing::error!(%error, "ended sign-ins can't be forgotten");
        }
    }
}
