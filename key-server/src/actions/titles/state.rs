//! Changes of a title's state, and what webhooks are told of them (docs/WORKFLOW.md, "Events").

use keyveil_protocol::{FileId, JobId};
use serde_json::json;

use super::not_found;
use crate::refusal::Refusal;
use crate::store::{Event, EventType, Failure, TitleState, WriteTransaction};

/// Moves a title to another state and tells of it; also of its publication where that begins or ends. `job_id` is the job
/// that moves it, if one does.
pub(crate) async fn change_state(
    write: &mut WriteTransaction<'_>,
    file_id: &FileId,
    state: TitleState,
    failure: Option<&Failure>,
    job_id: Option<&JobId>,
    now: i64,
) -> Result<(), Refusal> {
    let before = write.title(file_id).await?.ok_or_else(not_found)?.state;
    write.set_title_state(file_id, state, failure, now).await?;
    tell(write, EventType::TitleProcessing, file_id, job_id, now).await?;
    match (before == TitleState::Published, state == TitleState::Published) {
        (false, true) => tell(write, EventType::TitlePublished, file_id, job_id, now).await,
        (true, false) => tell(write, EventType::TitleUnpublished, file_id, job_id, now).await,
        _ => Ok(()),
    }
}

/// Deletes a title's rows and tells of it.
pub(crate) async fn delete_rows(write: &mut WriteTransaction<'_>, file_id: &FileId, now: i64) -> Result<(), Refusal> {
    write.delete_title(file_id, now).await?;
    tell(write, EventType::TitleDeleted, file_id, None, now).await
}

/// Every event of a title says the same things, as they are now.
async fn tell(
    write: &mut WriteTransaction<'_>,
    kind: EventType,
    file_id: &FileId,
    job_id: Option<&JobId>,
    now: i64,
) -> Result<(), Refusal> {
    let title = write.title(file_id).await?.ok_or_else(not_found)?;
    let failure = title.failure.map(|failure| json!({ "code": failure.code, "message": failure.message }));
    let data = json!({
        "state": title.state.as_str(), "name": title.name, "version": title.version, "failure": failure,
        "jobId": job_id,
    });
    write.append_event(&Event { kind, app_id: title.app_id, file_id: Some(title.file_id), data }, now).await?;
    Ok(())
}
