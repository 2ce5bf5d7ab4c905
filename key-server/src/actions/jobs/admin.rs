//! What the console asks of the queue.

use keyveil_protocol::job::JobStage;
use keyveil_protocol::workflow::WorkflowSettings;
use keyveil_protocol::{ErrorCode, FileId, JobId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::parse_json;
use super::ending;
use crate::actions::query::{Cursor, Fields, cut, malformed};
use crate::actions::titles::FailureView;
use crate::clock::{on_wire, stored};
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditEvent, AuditKind, Failure, Job, JobFilter, JobLogLine, JobState, SortValue};

/// The query's fields of `GET /v1/jobs`.
pub(crate) const LIST_FIELDS: &[&str] = &["fileId", "state", "limit", "after"];
/// The query's fields of `GET /v1/jobs/{jobId}/log`.
pub(crate) const LOG_FIELDS: &[&str] = &["limit", "after"];
const LIST: &str = "jobs";
const PRIORITY_MAX: i32 = 100;

/// Body of `PATCH /v1/jobs/{jobId}`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriorityRequest {
    #[schema(minimum = -100, maximum = 100)]
    priority: i32,
}

/// A job as it is shown.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Job)]
pub(crate) struct JobView {
    job_id: JobId,
    file_id: FileId,
    #[schema(value_type = String)]
    kind: &'static str,
    #[schema(value_type = String)]
    state: &'static str,
    priority: i32,
    /// How often it was claimed.
    attempt: u32,
    /// The version that the latest attempt makes.
    version: Option<u32>,
    /// Who holds it, or held it last.
    worker: Option<String>,
    stage: Option<JobStage>,
    percent: Option<f64>,
    left_secs: Option<u64>,
    /// Multiples of playing time.
    speed: Option<f64>,
    /// Of its end, or of its latest attempt.
    failure: Option<FailureView>,
    /// As they were when it was made; null for a re-encryption.
    settings: Option<WorkflowSettings>,
    /// Not claimed before this.
    run_after: u64,
    lease_expires_at: Option<u64>,
    created_at: u64,
    started_at: Option<u64>,
    finished_at: Option<u64>,
}

/// A page of jobs, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobsPage {
    jobs: Vec<JobView>,
    next: Option<String>,
}

/// A line of a job's log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobLogLine)]
struct LineView {
    seq: i64,
    at: u64,
    line: String,
}

/// A page of a job's log, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobLog {
    lines: Vec<LineView>,
    /// Also behind the last line, as long as the job can write more: asking again follows it.
    next: Option<String>,
}

/// Newest first.
pub(crate) async fn list(state: &ServerState, principal: &Principal, fields: &Fields) -> Result<JobsPage, Refusal> {
    let limit = fields.limit()?;
    let states: Option<Vec<JobState>> = fields.all("state").map(JobState::from_name).collect();
    let place = |cursor: Cursor| -> Result<_, Refusal> { Ok((cursor.integer()?, cursor.id.parse::<JobId>()?)) };
    let filter = JobFilter {
        file_id: fields.parsed("fileId")?,
        states: states.ok_or_else(|| malformed("state is not a job's"))?,
        after: fields.after(LIST)?.map(place).transpose()?,
        limit: limit.saturating_add(1),
    };
    let mut jobs = state.installation.store().jobs(principal.app_id, &filter).await?;
    let next = cut(&mut jobs, limit, LIST, |job| (SortValue::Integer(job.created_at), job.job_id.to_string()))?;
    Ok(JobsPage { jobs: jobs.into_iter().map(JobView::from).collect(), next })
}

pub(crate) async fn show(state: &ServerState, principal: &Principal, id: &JobId) -> Result<JobView, Refusal> {
    Ok(own_job(state, principal, id).await?.into())
}

/// In order, oldest first.
pub(crate) async fn log(
    state: &ServerState,
    principal: &Principal,
    id: &JobId,
    fields: &Fields,
) -> Result<JobLog, Refusal> {
    let limit = fields.limit()?;
    let after = i64::from(fields.parsed::<u32>("after")?.unwrap_or(0));
    // Read before its lines are: what an unfinished job writes in between is on the next page.
    let job = own_job(state, principal, id).await?;
    let mut lines = state.installation.store().job_log(id, after, limit.saturating_add(1)).await?;
    let more = lines.len() > limit as usize;
    lines.truncate(limit as usize);
    let last = lines.last().map_or(after, |line| line.seq);
    let next = (more || job.state.is_unfinished()).then(|| last.to_string());
    Ok(JobLog { lines: lines.into_iter().map(LineView::from).collect(), next })
}

/// Its worker learns of it at the next heartbeat, and can commit nothing from now on. Harmless to repeat.
pub(crate) async fn cancel(state: &ServerState, principal: &Principal, id: &JobId) -> Result<JobView, Refusal> {
    let now = stored(state.clock.now());
    let mut write = state.installation.store().write().await?;
    let job = write.job(id).await?.filter(|job| job.app_id == principal.app_id).ok_or_else(not_found)?;
    if job.state.is_unfinished() {
        let message = "The job was cancelled; retry to run it again.";
        let failure = Failure { code: "job_cancelled".to_owned(), message: message.to_owned() };
        ending::end_job(&mut write, &job, JobState::Cancelled, failure, Some(principal.by()), now).await?;
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
) -> Result<JobView, Refusal> {
    let PriorityRequest { priority } = parse_json(body)?;
    if !(-PRIORITY_MAX..=PRIORITY_MAX).contains(&priority) {
        return Err(malformed("priority is not -100 to 100"));
    }
    let mut write = state.installation.store().write().await?;
    let job = write.job(id).await?.filter(|job| job.app_id == principal.app_id).ok_or_else(not_found)?;
    if !job.state.is_unfinished() {
        return Err(Refusal::new(ErrorCode::TitleState, "the job is over").with_detail("the job is over"));
    }
    write.set_job_priority(id, priority).await?;
    let detail = json!({ "by": principal.by(), "jobId": id, "priority": priority });
    let event = AuditEvent::new(AuditKind::JobChanged, detail).with_app(job.app_id).with_file(&job.file_id);
    write.append_audit(&event, stored(state.clock.now())).await?;
    write.commit().await?;
    show(state, principal, id).await
}

async fn own_job(state: &ServerState, principal: &Principal, id: &JobId) -> Result<Job, Refusal> {
    let job = state.installation.store().job(id).await?;
    job.filter(|job| job.app_id == principal.app_id).ok_or_else(not_found)
}

impl From<Job> for JobView {
    fn from(job: Job) -> Self {
        Self {
            job_id: job.job_id,
            file_id: job.file_id,
            kind: job.kind.as_str(),
            state: job.state.as_str(),
            priority: job.priority,
            attempt: job.attempt,
            version: job.version,
            worker: job.worker,
            stage: job.stage,
            percent: job.percent,
            left_secs: job.left_secs,
            speed: job.speed,
            failure: job.failure.map(|failure| FailureView { code: failure.code, message: failure.message }),
            settings: job.settings,
            run_after: on_wire(job.run_after),
            lease_expires_at: job.lease_expires_at.map(on_wire),
            created_at: on_wire(job.created_at),
            started_at: job.started_at.map(on_wire),
            finished_at: job.finished_at.map(on_wire),
        }
    }
}

impl From<JobLogLine> for LineView {
    fn from(line: JobLogLine) -> Self {
        Self { seq: line.seq, at: on_wire(line.at), line: line.line }
    }
}

fn not_found() -> Refusal {
    Refusal::new(ErrorCode::NotFound, "no such job in this app")
}
