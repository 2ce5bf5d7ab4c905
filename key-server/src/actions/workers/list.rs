//! `GET /v1/workers`: who works here, and at what.

use keyveil_protocol::worker::WorkKind;
use keyveil_protocol::{ErrorCode, FileId, JobId, WorkerId};
use serde::Serialize;
use utoipa::ToSchema;

use super::OFFLINE_SECS;
use crate::clock::{on_wire, stored};
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{Job, Worker};

/// Whether a worker takes jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WorkerState {
    /// It does.
    Online,
    /// It finishes what it has and takes no more.
    Draining,
    /// Not heard of for 45 s.
    Offline,
}

impl WorkerState {
    /// Its name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Draining => "draining",
            Self::Offline => "offline",
        }
    }
}

/// A worker as it is shown.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Worker)]
pub(crate) struct WorkerView {
    worker_id: WorkerId,
    name: String,
    /// Of its program.
    version: String,
    /// Of what it and this server speak.
    protocol_version: u32,
    state: WorkerState,
    /// Somebody here wants it to take no more jobs.
    drain: bool,
    cpus: u32,
    memory_bytes: Option<u64>,
    /// Jobs that it does at a time.
    jobs_max: u32,
    kinds: Vec<WorkKind>,
    /// ffmpeg's H.264 encoders that it has tried.
    encoders: Vec<String>,
    /// Jobs that it holds, of whichever application.
    jobs_running: u32,
    /// Those of this application.
    jobs: Vec<HeldJob>,
    started_at: u64,
    last_seen_at: u64,
}

/// A job that a worker is at.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct HeldJob {
    job_id: JobId,
    file_id: FileId,
    #[schema(value_type = String)]
    kind: &'static str,
    percent: Option<f64>,
}

/// Every worker, by name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkersPage {
    workers: Vec<WorkerView>,
    next: Option<String>,
}

/// Where a worker stands.
#[must_use]
pub const fn state_of(worker: &Worker, now: i64) -> WorkerState {
    if now.saturating_sub(worker.last_seen_at) > OFFLINE_SECS {
        WorkerState::Offline
    } else if worker.drain || worker.leaving {
        WorkerState::Draining
    } else {
        WorkerState::Online
    }
}

/// All of them are one page.
pub(crate) async fn page(state: &ServerState, principal: &Principal) -> Result<WorkersPage, Refusal> {
    let store = state.installation.store();
    let (workers, held, now) = (store.workers().await?, store.held_jobs().await?, stored(state.clock.now()));
    let workers = workers.into_iter().map(|worker| view(worker, &held, principal, now)).collect();
    Ok(WorkersPage { workers, next: None })
}

/// One of them.
pub(super) async fn show(state: &ServerState, principal: &Principal, id: &WorkerId) -> Result<WorkerView, Refusal> {
    let store = state.installation.store();
    let worker = store.worker(id).await?.ok_or_else(|| Refusal::new(ErrorCode::NotFound, "there is no such worker"))?;
    Ok(view(worker, &store.held_jobs().await?, principal, stored(state.clock.now())))
}

fn view(worker: Worker, held: &[(WorkerId, Job)], principal: &Principal, now: i64) -> WorkerView {
    let jobs = || held.iter().filter(|(worker_id, _)| *worker_id == worker.worker_id).map(|(_, job)| job);
    WorkerView {
        state: state_of(&worker, now),
        jobs_running: u32::try_from(jobs().count()).unwrap_or(u32::MAX),
        jobs: jobs().filter(|job| job.app_id == principal.app_id).map(HeldJob::from).collect(),
        worker_id: worker.worker_id,
        name: worker.name,
        version: worker.version,
        protocol_version: worker.protocol_version,
        drain: worker.drain,
        cpus: worker.cpus,
        memory_bytes: worker.memory_bytes,
        jobs_max: worker.jobs_max,
        kinds: worker.kinds,
        encoders: worker.encoders,
        started_at: on_wire(worker.started_at),
        last_seen_at: on_wire(worker.last_seen_at),
    }
}

impl From<&Job> for HeldJob {
    fn from(job: &Job) -> Self {
        let (job_id, file_id) = (job.job_id.clone(), job.file_id.clone());
        Self { job_id, file_id, kind: job.kind.as_str(), percent: job.percent }
    }
}
