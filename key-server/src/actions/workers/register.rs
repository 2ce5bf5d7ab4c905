//! `PUT /v1/workers/{workerId}`: a worker tells who it is, at its start and from then on as long as it runs.

use keyveil_protocol::worker::{
    ENCODER_LEN_MAX, ENCODERS_MAX, ProtocolVersions, REGISTER_AGAIN_SECS, RegisterWorkerRequest, RegisteredWorker,
};
use keyveil_protocol::{ErrorCode, WorkerId};
use serde::Deserialize;

use super::super::parse_json;
use super::super::query::{is_plain, malformed};
use super::{OFFLINE_SECS, spoken_with};
use crate::clock::stored;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{ApiKeyRow, StoreError, Worker, WriteTransaction};

const NAME_LEN_MAX: usize = 128;
const VERSION_LEN_MAX: usize = 64;
const CPUS_MAX: u32 = 4096;
const MEMORY_BYTES_MAX: u64 = 1 << 50;
const JOBS_MAX: u32 = 64;
const KINDS_MAX: usize = 2;
/// A worker key makes no more rows than this, whoever has it.
const WORKERS_MAX: i64 = 1000;
/// Those that come and go under new ids must not fill the list; one that is away for a weekend is still there.
const FORGOTTEN_SECS: u64 = 3 * 24 * 3600;

/// All that is read of a worker of another release before it is known to speak with this one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spoken {
    protocol_versions: ProtocolVersions,
}

/// Keeps what the worker tells, and tells it whether it is to take jobs.
pub(crate) async fn register(
    state: &ServerState,
    api_key: &ApiKeyRow,
    worker_id: &WorkerId,
    body: &[u8],
) -> Result<RegisteredWorker, Refusal> {
    let Spoken { protocol_versions } = parse_json(body)?;
    let protocol_version = spoken_with(protocol_versions)?;
    let request: RegisterWorkerRequest = parse_json(body)?;
    check(&request)?;
    let now = stored(state.clock.now());
    let mut write = state.installation.store().write().await?;
    if !write.is_worker_key(&api_key.id).await? {
        return Err(Refusal::new(ErrorCode::ApiKeyInvalid, "the worker's key was retired meanwhile"));
    }
    let known = write.worker(worker_id).await?;
    require_own(&mut write, known.as_ref(), api_key, now).await?;
    let worker = Worker {
        worker_id: worker_id.clone(),
        api_key_id: api_key.id.clone(),
        name: request.name,
        version: request.version,
        protocol_version,
        cpus: request.cpus,
        memory_bytes: request.memory_bytes,
        jobs_max: request.jobs,
        kinds: request.kinds,
        encoders: request.encoders,
        drain: known.as_ref().is_some_and(|known| known.drain),
        leaving: request.leaving,
        started_at: known.filter(|_| !request.starting).map_or(now, |known| known.started_at),
        last_seen_at: now,
    };
    write.keep_worker(&worker).await?;
    write.commit().await?;
    if worker.leaving {
        // Its claims that wait are answered at once.
        state.announce_job();
    }
    let drain = worker.drain;
    Ok(RegisteredWorker { worker_id: worker_id.clone(), protocol_version, drain, again_secs: REGISTER_AGAIN_SECS })
}

/// Forgets workers that have not been heard of for days.
pub(crate) async fn forget_old(state: &ServerState) -> Result<u64, StoreError> {
    let before = stored(state.clock.now().saturating_sub(FORGOTTEN_SECS));
    state.installation.store().delete_workers_seen_before(before).await
}

/// A worker that is there keeps its id from those with another key; one that takes its leave does not, so it can be started anew with
/// another key at once.
async fn require_own(
    write: &mut WriteTransaction<'_>,
    known: Option<&Worker>,
    api_key: &ApiKeyRow,
    now: i64,
) -> Result<(), Refusal> {
    let Some(known) = known else {
        if write.count_workers().await? >= WORKERS_MAX {
            return Err(Refusal::new(ErrorCode::LimitReached, "1000 workers are known"));
        }
        return Ok(());
    };
    let is_there = !known.leaving && now.saturating_sub(known.last_seen_at) <= OFFLINE_SECS;
    if known.api_key_id != api_key.id && is_there && write.is_worker_key(&known.api_key_id).await? {
        return Err(malformed(
            "workerId: a worker with another key has it; wait until it is offline, or choose another one",
        ));
    }
    Ok(())
}

fn check(request: &RegisterWorkerRequest) -> Result<(), Refusal> {
    if !is_plain(&request.name, NAME_LEN_MAX) {
        return Err(malformed("name: 1 to 128 bytes of plain text"));
    }
    if !is_plain(&request.version, VERSION_LEN_MAX) {
        return Err(malformed("version: 1 to 64 bytes of plain text"));
    }
    if !(1..=CPUS_MAX).contains(&request.cpus) {
        return Err(malformed("cpus: 1 to 4096"));
    }
    if request.memory_bytes.is_some_and(|bytes| bytes > MEMORY_BYTES_MAX) {
        return Err(malformed("memoryBytes: at most 2^50"));
    }
    if !(1..=JOBS_MAX).contains(&request.jobs) {
        return Err(malformed("jobs: 1 to 64"));
    }
    if request.kinds.len() > KINDS_MAX {
        return Err(malformed("kinds: each once"));
    }
    let is_encoder = |name: &String| {
        (1..=ENCODER_LEN_MAX).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    if request.encoders.len() > ENCODERS_MAX || !request.encoders.iter().all(is_encoder) {
        return Err(malformed("encoders: at most 16 of 1 to 32 of a-z 0-9 _"));
    }
    Ok(())
}
