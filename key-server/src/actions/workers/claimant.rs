//! Who claims a job, and what it may be given.

use keyveil_protocol::WorkerId;
use keyveil_protocol::job::ClaimJobRequest;
use keyveil_protocol::worker::{ProtocolVersions, SOFTWARE_ENCODER, WORKER_PROTOCOL_UNNAMED, WorkKind};
use keyveil_protocol::workflow::{LadderSettings, WorkflowSettings};
use serde::Deserialize;

use super::super::parse_json;
use super::super::query::malformed;
use super::{spoken_with, unknown};
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{ApiKeyRow, Job, JobKind, Worker, WriteTransaction};

/// Jobs that are looked at together, and in all: behind so many that a worker can't do it finds none.
const JOBS_AT_ONCE: u32 = 50;
const JOBS_MAX: u32 = 1000;

/// All that is read of a claim before its worker is known to speak with this server.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spoken {
    protocol_version: Option<u32>,
}

/// The worker of a claim.
pub(crate) enum Claimant {
    /// Of the release before registration: it is given any job.
    Unregistered,
    /// It is given what it said it can do.
    Registered(WorkerId),
}

/// What there is for a claim.
pub(crate) enum Due {
    /// This job is next.
    Job(Box<Job>),
    /// There is none now.
    Nothing,
    /// The worker is to take none.
    NotWanted,
}

impl Claimant {
    /// Reads a claim. `worker_too_old` and `worker_too_new` before anything else in it is looked at.
    pub(crate) fn parse(body: &[u8]) -> Result<(Self, ClaimJobRequest), Refusal> {
        let spoken: Spoken = parse_json(body)?;
        let version = spoken.protocol_version.unwrap_or(WORKER_PROTOCOL_UNNAMED);
        spoken_with(ProtocolVersions { min: version, max: version })?;
        let request: ClaimJobRequest = parse_json(body)?;
        match &request.worker_id {
            Some(worker_id) => Ok((Self::Registered(worker_id.clone()), request)),
            None if version == WORKER_PROTOCOL_UNNAMED => Ok((Self::Unregistered, request)),
            None => Err(malformed("workerId: a claim of this protocolVersion names its worker")),
        }
    }

    /// The id under which its jobs are counted.
    pub(crate) const fn worker_id(&self) -> Option<&WorkerId> {
        match self {
            Self::Unregistered => None,
            Self::Registered(worker_id) => Some(worker_id),
        }
    }

    /// What is to be given to it next. `worker_unknown` unless it has registered with this key.
    pub(crate) async fn due(&self, state: &ServerState, api_key: &ApiKeyRow, now: i64) -> Result<Due, Refusal> {
        let store = state.installation.store();
        let job = |job: Option<Job>| job.map_or(Due::Nothing, |job| Due::Job(Box::new(job)));
        let Self::Registered(worker_id) = self else { return Ok(job(store.due_job(now).await?)) };
        let worker = own(store.worker(worker_id).await?, api_key)?;
        if worker.drain || worker.leaving {
            return Ok(Due::NotWanted);
        }
        if !has_room(&worker, store.count_held_jobs(worker_id, worker.started_at).await?) {
            return Ok(Due::Nothing);
        }
        let Some(kinds) = kinds_of(&worker) else { return Ok(Due::Nothing) };
        for skip in (0..JOBS_MAX).step_by(JOBS_AT_ONCE as usize) {
            let jobs = store.due_jobs(kinds, now, JOBS_AT_ONCE, skip).await?;
            let is_last = jobs.len() < JOBS_AT_ONCE as usize;
            let found = jobs.into_iter().find(|job| can_encode(&worker, job));
            if found.is_some() || is_last {
                return Ok(job(found));
            }
        }
        Ok(Due::Nothing)
    }

    /// Whether it still has room for one more: asked in the transaction that gives it the job.
    pub(crate) async fn may_take_one(
        &self,
        write: &mut WriteTransaction<'_>,
        api_key: &ApiKeyRow,
    ) -> Result<bool, Refusal> {
        let Self::Registered(worker_id) = self else { return Ok(true) };
        let worker = own(write.worker(worker_id).await?, api_key)?;
        Ok(has_room(&worker, write.count_held_jobs(worker_id, worker.started_at).await?))
    }
}

fn own(worker: Option<Worker>, api_key: &ApiKeyRow) -> Result<Worker, Refusal> {
    worker.filter(|worker| worker.api_key_id == api_key.id).ok_or_else(unknown)
}

fn has_room(worker: &Worker, held: i64) -> bool {
    !worker.drain && !worker.leaving && held < i64::from(worker.jobs_max)
}

/// The kinds of job that a worker does; where it is one, twice that one.
fn kinds_of(worker: &Worker) -> Option<[JobKind; 2]> {
    let has = |kind| worker.kinds.contains(&kind);
    match (has(WorkKind::Package), has(WorkKind::Reencrypt)) {
        (true, true) => Some([JobKind::Package, JobKind::Reencrypt]),
        (true, false) => Some([JobKind::Package; 2]),
        (false, true) => Some([JobKind::Reencrypt; 2]),
        (false, false) => None,
    }
}

/// Whether a worker has the encoder that a job asks for. Hardware encoders are no help: no workflow allows them.
fn can_encode(worker: &Worker, job: &Job) -> bool {
    let copies = |settings: &WorkflowSettings| matches!(settings.ladder, LadderSettings::Copy);
    job.kind == JobKind::Reencrypt
        || job.settings.as_ref().is_some_and(copies)
        || worker.encoders.iter().any(|encoder| encoder == SOFTWARE_ENCODER)
}
