//! `POST /v1/workers/{workerId}/drain` and `/undrain`: has a worker take no more jobs, or take them again.

use keyveil_protocol::{ErrorCode, WorkerId};
use serde_json::{Value, json};

use super::super::query::empty_body;
use super::{WorkerView, list};
use crate::clock::stored;
use crate::installation::Installation;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditEvent, AuditKind};

/// Says whether a worker is to take jobs; harmless to repeat. What it has it finishes. `by` is who does it, for the audit log.
/// `not_found` unless the worker is known.
pub async fn set_drain(
    installation: &Installation,
    worker_id: &WorkerId,
    drain: bool,
    by: Value,
    now: i64,
) -> Result<(), Refusal> {
    let mut write = installation.store().write().await?;
    let worker = write.worker(worker_id).await?;
    let worker = worker.ok_or_else(|| Refusal::new(ErrorCode::NotFound, "there is no such worker"))?;
    if worker.drain == drain {
        return Ok(());
    }
    write.set_worker_drain(worker_id, drain).await?;
    let kind = if drain { AuditKind::WorkerDrained } else { AuditKind::WorkerUndrained };
    let detail = json!({ "by": by, "workerId": worker_id, "name": worker.name });
    write.append_audit(&AuditEvent::new(kind, detail), now).await?;
    Ok(write.commit().await?)
}

/// As [`set_drain`], and answers the worker as it is then.
pub(crate) async fn set_drain_on_request(
    state: &ServerState,
    principal: &Principal,
    worker_id: &WorkerId,
    drain: bool,
    body: &[u8],
) -> Result<WorkerView, Refusal> {
    empty_body(body)?;
    set_drain(&state.installation, worker_id, drain, principal.by(), stored(state.clock.now())).await?;
    // Claims that wait look again: at their worker, or for a job.
    state.announce_job();
    list::show(state, principal, worker_id).await
}
