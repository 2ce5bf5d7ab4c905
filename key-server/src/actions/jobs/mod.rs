//! The queue of jobs: how sources become versions (docs/WORKFLOW.md, "Jobs").

mod admin;
mod attempt;
mod claim;
mod complete;
mod ending;
mod heartbeat;
mod media;
mod renew;
mod source;
mod stored_media;
mod sweep;
mod token;

pub(crate) use admin::{
    JobLog, JobView, JobsPage, LIST_FIELDS, LOG_FIELDS, PriorityRequest, cancel, list, log, set_priority, show,
};
pub(crate) use attempt::Attempt;
pub(crate) use claim::claim;
pub(crate) use complete::{CompletedJob, complete};
pub(crate) use ending::{fail, put_back_of_key, reap};
pub(crate) use heartbeat::heartbeat;
pub(crate) use media::{IncomingFile, find_media, put_media};
pub(crate) use renew::{reencrypt, retry};
pub(crate) use source::{read_source, source_of};
pub(crate) use sweep::sweep;
pub(crate) use token::JobTokenKey;

use keyveil_protocol::FileId;
use serde_json::json;

use crate::refusal::Refusal;
use crate::store::{Event, EventType, Failure, Job, Title, TitleState, WriteTransaction};

/// How long a claim holds without a heartbeat.
const LEASE_SECS: u64 = 30;
/// Until the first heartbeat: a worker that died while its claim waited never hears that it got a job.
const FIRST_LEASE_SECS: u64 = 10;
/// After so many attempts a job is given up.
const ATTEMPTS_MAX: u32 = 5;

/// Moves a title to another state and tells of it.
async fn move_title(
    write: &mut WriteTransaction<'_>,
    job: &Job,
    state: TitleState,
    failure: Option<&Failure>,
    now: i64,
) -> Result<(), Refusal> {
    write.set_title_state(&job.file_id, state, failure, now).await?;
    let failure = failure.map(|failure| json!({ "code": failure.code, "message": failure.message }));
    let data = json!({ "state": state.as_str(), "failure": failure, "jobId": job.job_id });
    let event =
        Event { kind: EventType::TitleProcessing, app_id: job.app_id, file_id: Some(job.file_id.clone()), data };
    write.append_event(&event, now).await?;
    Ok(())
}

/// The title of a job, unless it has been deleted.
async fn live_title(write: &mut WriteTransaction<'_>, file_id: &FileId) -> Result<Option<Title>, Refusal> {
    Ok(write.title(file_id).await?.filter(|title| title.state != TitleState::Deleted))
}
