//! What the server does without being asked. Each task stops when the server does, and loses nothing by that.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::actions::audit_retention;
use crate::actions::jobs;
use crate::actions::sources;
use crate::actions::uploads;
use crate::actions::webhooks::dispatch;
use crate::actions::workers;
use crate::clock::stored;
use crate::rate_counters;
use crate::state::ServerState;
use crate::store::WrittenBy;

/// How late a lease that has run out may be noticed.
const REAP_INTERVAL: Duration = Duration::from_millis(500);
const SWEEP_INTERVAL: Duration = Duration::from_secs(3600);
const UPLOADS_SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// How late a server may know what others have counted.
const RATES_INTERVAL: Duration = Duration::from_secs(1);
/// Between two times of doing what a write of somebody asks for: of a thousand writes, the last one matters.
const HEARD_PAUSE: Duration = Duration::from_millis(50);
/// Ended sessions stay for a day, so that a late request is told `session_expired`.
const EVENTS_KEPT_SECS: u64 = 30 * 24 * 3600;
const SESSIONS_KEPT_SECS: u64 = 24 * 3600;
const PACING_KEPT_SECS: i64 = 24 * 3600;

/// Starts every task; dropping the set ends them.
pub(crate) fn start(state: &Arc<ServerState>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(sweep_sessions(Arc::clone(state)));
    tasks.spawn(reap_jobs(Arc::clone(state)));
    tasks.spawn(sweep_versions(Arc::clone(state)));
    tasks.spawn(sweep_uploads(Arc::clone(state)));
    tasks.spawn(sweep_pieces(Arc::clone(state)));
    tasks.spawn(uploads::pull(Arc::clone(state)));
    tasks.spawn(watch_changes(Arc::clone(state)));
    tasks.spawn(hear_writes(Arc::clone(state)));
    tasks.spawn(dispatch(Arc::clone(state)));
    tasks.spawn(sweep_leftovers(Arc::clone(state)));
    tasks.spawn(prune_audit(Arc::clone(state)));
    tasks.spawn(share_rates(Arc::clone(state)));
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

async fn sweep_leftovers(state: Arc<ServerState>) {
    let mut interval = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        interval.tick().await;
        let now = stored(state.clock.now());
        let store = state.installation.store();
        if let Err(error) = store.delete_sign_ins_expired_before(now).await {
            tracing::error!(%error, "ended sign-ins can't be forgotten");
        }
        if let Err(error) = store.delete_signature_uses_before(now).await {
            tracing::error!(%error, "uses of signatures that are over can't be forgotten");
        }
        if let Err(error) = store.delete_pacing_accounts_before(now.saturating_sub(PACING_KEPT_SECS)).await {
            tracing::error!(%error, "what viewers took can't be forgotten");
        }
        if let Err(error) = store.delete_idempotency_keys(now).await {
            tracing::error!(%error, "answers to creates can't be forgotten");
        }
        if let Err(error) = workers::forget_old(&state).await {
            tracing::error!(%error, "workers that are gone can't be forgotten");
        }
        if let Err(error) = store.sweep_events(now.saturating_sub(stored(EVENTS_KEPT_SECS)), now).await {
            tracing::error!(%error, "old events can't be forgotten");
        }
    }
}

async fn prune_audit(state: Arc<ServerState>) {
    let mut interval = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        interval.tick().await;
        let now = stored(state.clock.now());
        match audit_retention::apply(state.installation.store(), &state.config.audit, now).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "removed old rows of the audit log"),
            Err(error) => tracing::error!(%error, "the audit log is not pruned"),
        }
    }
}

async fn reap_jobs(state: Arc<ServerState>) {
    let mut interval = tokio::time::interval(REAP_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        if let Err(error) = jobs::reap(&state).await {
            tracing::error!(%error, "jobs whose lease ran out can't be put back");
        }
    }
}

async fn sweep_versions(state: Arc<ServerState>) {
    let mut interval = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        let scope = tokio::select! {
            _ = interval.tick() => jobs::Scope::Storage,
            () = state.sweep_announced() => jobs::Scope::Versions,
        };
        match jobs::sweep(&state, scope).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "removed old versions"),
            Err(error) => tracing::error!(%error, "old versions can't be removed"),
        }
    }
}

async fn sweep_uploads(state: Arc<ServerState>) {
    let mut interval = tokio::time::interval(UPLOADS_SWEEP_INTERVAL);
    loop {
        interval.tick().await;
        if let Err(error) = uploads::sweep(&state).await {
            tracing::error!(%error, "uploads can't be swept");
        }
    }
}

async fn sweep_pieces(state: Arc<ServerState>) {
    let mut interval = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        interval.tick().await;
        match sources::sweep_pieces(&state).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "removed pieces of sources that belong to nothing"),
            Err(error) => tracing::error!(%error, "pieces of sources can't be swept"),
        }
    }
}

/// One look for all streams: another process over the same database changes titles, too.
async fn watch_changes(state: Arc<ServerState>) {
    let mut interval = tokio::time::interval(state.config.database.looks.changes);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            () = state.changes_announced() => {}
        }
        if !state.change_streams.is_wanted() {
            continue;
        }
        match state.installation.store().change_seq().await {
            Ok(change_seq) => state.change_streams.publish(change_seq),
            Err(error) => tracing::error!(%error, "changes can't be looked for"),
        }
        tokio::time::sleep(HEARD_PAUSE).await;
    }
}

/// Passes on what the database tells of writes, at once: streams of changes go on, what was remembered is read anew, and workers that
/// wait look for a job.
async fn hear_writes(state: Arc<ServerState>) {
    let others = Notify::new();
    let hear = state.installation.store().hear_writes(|by| {
        state.announce_changes();
        // What it writes itself it knows.
        if by == WrittenBy::Another {
            others.notify_one();
        }
    });
    let pass_on = async {
        loop {
            others.notified().await;
            let store = state.installation.store();
            store.forget_recent();
            // One look for all who wait. Where it fails, they look for themselves.
            if !matches!(store.due_job(stored(state.clock.now())).await, Ok(None)) {
                state.announce_job();
            }
            tokio::time::sleep(HEARD_PAUSE).await;
        }
    };
    tokio::join!(hear, pass_on);
}

async fn share_rates(state: Arc<ServerState>) {
    let mut interval = tokio::time::interval(RATES_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let counters = state.rate_counters();
        // What could not be told is missing in the others' counts; it counts here.
        if let Err(error) = rate_counters::share(state.installation.store(), &counters, &state.clock).await {
            tracing::warn!(%error, "rates can't be shared");
        }
    }
}
