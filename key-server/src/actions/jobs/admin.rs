//! What the console asks of the queue.

use keyveil_protocol::{ErrorCode, FileId, JobId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::parse_json;
use super::ending;
use crate::clock::{on_wire, stored};
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{Failure, Job, JobFilter, JobState, stage_name};

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 200;
const PRIORITY_MAX: i32 = 100;

/// Query of `GET /v1/jobs`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ListJobs {
    file_id: Option<FileId>,
    state: Option<String>,
    after: Option<String>,
    limit: Option<u32>,
}

/// Query of `GET /v1/jobs/{jobId}/log`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobLogQuery {
    after: Option<u32>,
    limit: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriorityRequest {
    priority: i32,
}

/// Newest first.
pub(crate) async fn list(state: &ServerState, principal: &Principal, query: ListJobs) -> Result<Value, Refusal> {
    let limit = page_len(query.limit)?;
    let wanted = match query.state.as_deref() {
        None => None,
        Some(name) => Some(JobState::from_name(name).ok_or_else(|| malformed("state: no such state"))?),
    };
    let after = query.after.as_deref().map(|cursor| place(cursor).ok_or_else(|| malformed("after: not a next")));
    // One more than asked for tells whether there is another page.
    let filter = JobFilter { file_id: query.file_id, state: wanted, after: after.transpose()?, limit: limit + 1 };
    let mut jobs = state.installation.store().jobs(principal.app_id, &filter).await?;
    let more = jobs.len() > limit as usize;
    jobs.truncate(limit as usize);
    let next = jobs.last().filter(|_| more).map(|job| format!("{}-{}", job.created_at, job.job_id));
    Ok(json!({ "jobs": jobs.iter().map(in_json).collect::<Vec<_>>(), "next": next }))
}

pub(crate) async fn show(state: &ServerState, principal: &Principal, id: &JobId) -> Result<Value, Refusal> {
    Ok(in_json(&own_job(state, principal, id).await?))
}

/// In order, oldest first.
pub(crate) async fn log(
    state: &ServerState,
    principal: &Principal,
    id: &JobId,
    query: &JobLogQuery,
) -> Result<Value, Refusal> {
    let limit = page_len(query.limit)?;
    own_job(state, principal, id).await?;
    let after = i64::from(query.after.unwrap_or(0));
    let mut lines = state.installation.store().job_log(id, after, limit + 1).await?;
    let more = lines.len() > limit as usize;
    lines.truncate(limit as usize);
    let next = lines.last().filter(|_| more).map(|line| line.seq.to_string());
    let lines: Vec<_> =
        lines.iter().map(|line| json!({ "seq": line.seq, "at": on_wire(line.at), "line": line.line })).collect();
    Ok(json!({ "lines": lines, "next": next }))
}

/// Its worker learns of it at the next heartbeat, and can commit nothing from now on. Harmless to repeat.
pub(crate) async fn cancel(state: &ServerState, principal: &Principal, id: &JobId) -> Result<Value, Refusal> {
    let now = stored(state.clock.now());
    let mut write = state.installation.store().write().await?;
    let job = write.job(id).await?.filter(|job| job.app_id == principal.app_id).ok_or_else(not_found)?;
    if job.state.is_unfinished() {
        let message = "The job was cancelled; retry to run it again.";
        let failure = Failure { code: "job_cancelled".to_owned(), message: message.to_owned() };
        ending::end_job(&mut write, &job, JobState::Cancelled, failure, now).await?;
        write.commit().await?;
        state.announce_sweep();
    } else if job.state != JobState::Cancelled {
        return Err(Refusal::new(ErrorCode::TitleState, "the job is over").with_detail("the job is over"));
    }
    show(state, principal, id).await
}

/// `PATCH /v1/jobs/{jobId}`.
pub(crate) async fn set_priority(
    state: &ServerState,
    principal: &Principal,
    id: &JobId,
    body: &[u8],
) -> Result<Value, Refusal> {
    let PriorityRequest { priority } = parse_json(body)?;
    if !(-PRIORITY_MAX..=PRIORITY_MAX).contains(&priority) {
        return Err(malformed("priority: -100 to 100"));
    }
    let mut write = state.installation.store().write().await?;
    let job = write.job(id).await?.filter(|job| job.app_id == principal.app_id).ok_or_else(not_found)?;
    if !job.state.is_unfinished() {
        return Err(Refusal::new(ErrorCode::TitleState, "the job is over").with_detail("the job is over"));
    }
    write.set_job_priority(id, priority).await?;
    write.commit().await?;
    show(state, principal, id).await
}

async fn own_job(state: &ServerState, principal: &Principal, id: &JobId) -> Result<Job, Refusal> {
    let job = state.installation.store().job(id).await?;
    job.filter(|job| job.app_id == principal.app_id).ok_or_else(not_found)
}

fn in_json(job: &Job) -> Value {
    json!({
        "jobId": job.job_id, "fileId": job.file_id, "kind": job.kind.as_str(), "state": job.state.as_str(),
        "priority": job.priority, "attempt": job.attempt, "version": job.version, "worker": job.worker,
        "stage": job.stage.map(stage_name), "percent": job.percent, "leftSecs": job.left_secs, "speed": job.speed,
        "failure": job.failure.as_ref().map(|failure| json!({ "code": failure.code, "message": failure.message })),
        "settings": job.settings, "runAfter": on_wire(job.run_after),
        "leaseExpiresAt": job.lease_expires_at.map(on_wire), "createdAt": on_wire(job.created_at),
        "startedAt": job.started_at.map(on_wire), "finishedAt": job.finished_at.map(on_wire),
    })
}

/// What a `next` says: `<created at>-<job id>`.
fn place(cursor: &str) -> Option<(i64, JobId)> {
    let (created_at, job_id) = cursor.split_once('-')?;
    Some((created_at.parse().ok()?, job_id.parse().ok()?))
}

fn page_len(limit: Option<u32>) -> Result<u32, Refusal> {
    let limit = limit.unwrap_or(LIMIT_DEFAULT);
    if (1..=LIMIT_MAX).contains(&limit) { Ok(limit) } else { Err(malformed("limit: 1 to 200")) }
}

fn malformed(detail: &'static str) -> Refusal {
    Refusal::new(ErrorCode::MalformedRequest, detail).with_detail(detail)
}

fn not_found() -> Refusal {
    Refusal::new(ErrorCode::NotFound, "no such job in this app")
}
