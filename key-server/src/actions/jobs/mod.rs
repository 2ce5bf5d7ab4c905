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
pub(crate) use media::{IncomingFile, put_media, read_media};
pub(crate) use renew::{reencrypt, retry};
pub(crate) use source::{read_source, source_of};
pub(crate) use stored_media::names as playlist_names;
pub(crate) use sweep::{Scope, sweep};
pub(crate) use token::JobTokenKey;

use keyveil_protocol::FileId;

use super::titles::change_state;
use crate::refusal::Refusal;
use crate::store::{Failure, Job, Title, TitleState, WriteTransaction};

/// How long a claim holds without a heartbeat.
const LEASE_SECS: u64 = 30;
/// Until the first heartbeat: a worker that died while its claim waited never hears that it got a job.
const FIRST_LEASE_SECS: u64 = 10;
/// After so many attempts a job is given up.
const ATTEMPTS_MAX: u32 = 5;

/// Moves the title of a job to another state.
async fn move_title(
    write: &mut WriteTransaction<'_>,
    job: &Job,
    state: TitleState,
    failure: Option<&Failure>,
    now: i64,
) -> Result<(), Refusal> {
    change_state(write, &job.file_id, state, failure, Some(&job.job_id), now).await
}

/// The title of a job, unless it has been deleted.
async fn live_title(write: &mut WriteTransaction<'_>, file_id: &FileId) -> Result<Option<Title>, Refusal> {
    Ok(write.title(file_id).await?.filter(|title| title.state != TitleState::Deleted))
}
