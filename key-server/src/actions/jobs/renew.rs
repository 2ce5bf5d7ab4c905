//! New jobs for titles that are there already: another try, another encryption.

use keyveil_protocol::workflow::WorkflowSettings;
use keyveil_protocol::{ErrorCode, FileId, JobId, Mode};
use serde_json::json;

use super::super::{random_id, workflows};
use super::{live_title, source};
use crate::clock::stored;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{
    AuditEvent, AuditKind, Event, EventType, JobKind, NewJob, StoreError, Title, TitleState, WriteTransaction,
};

/// A failed title is queued again: with its workflow as it is now, so that a workflow can be put right in between.
pub(crate) async fn retry(state: &ServerState, principal: &Principal, file_id: &FileId) -> Result<(), Refusal> {
    let title = state.installation.store().title(file_id).await?;
    let title = title.filter(|title| title.app_id == principal.app_id).ok_or_else(not_found)?;
    if source::source_of(state, file_id).await?.is_none() {
        let detail = "the title's source is gone";
        return Err(Refusal::new(ErrorCode::UploadGone, detail).with_detail(detail));
    }
    let settings = settings_of(state, &title).await?;
    let now = stored(state.clock.now());
    let mut write = state.installation.store().write().await?;
    let title = own_title(&mut write, principal, file_id).await?;
    if title.state != TitleState::Failed || title.workflow_id.is_none() {
        return Err(wrong_state("only a failed title is tried again"));
    }
    let job_id = insert_job(&mut write, &title, JobKind::Package, Some(settings), now).await?;
    write.set_title_state(file_id, TitleState::Queued, None, now).await?;
    let data = json!({ "state": TitleState::Queued.as_str(), "failure": null, "jobId": job_id });
    let event = Event { kind: EventType::TitleProcessing, app_id: title.app_id, file_id: Some(file_id.clone()), data };
    write.append_event(&event, now).await?;
    finish(state, write, principal, &title, &job_id, now).await
}

/// The current version of a private title is encrypted anew; it is played until the new one is there.
pub(crate) async fn reencrypt(state: &ServerState, principal: &Principal, file_id: &FileId) -> Result<(), Refusal> {
    let now = stored(state.clock.now());
    let mut write = state.installation.store().write().await?;
    let title = own_title(&mut write, principal, file_id).await?;
    if !matches!(title.state, TitleState::Ready | TitleState::Published) || title.version.is_none() {
        return Err(wrong_state("only a title that is ready or published is encrypted anew"));
    }
    if title.mode != Mode::Private {
        return Err(wrong_state("a clear title is not encrypted"));
    }
    let job_id = insert_job(&mut write, &title, JobKind::Reencrypt, None, now).await?;
    write.touch_title(file_id, now).await?;
    finish(state, write, principal, &title, &job_id, now).await
}

async fn insert_job(
    write: &mut WriteTransaction<'_>,
    title: &Title,
    kind: JobKind,
    settings: Option<WorkflowSettings>,
    now: i64,
) -> Result<JobId, Refusal> {
    if write.unfinished_job(&title.file_id).await?.is_some() {
        return Err(wrong_state("the title has a job that is not finished"));
    }
    let job_id: JobId = random_id::<12, _>()?;
    let (app_id, file_id) = (title.app_id, title.file_id.clone());
    let job = NewJob { job_id: job_id.clone(), app_id, file_id, kind, settings, priority: 0, created_at: now };
    write.insert_job(&job).await?;
    Ok(job_id)
}

async fn finish(
    state: &ServerState,
    mut write: WriteTransaction<'_>,
    principal: &Principal,
    title: &Title,
    job_id: &JobId,
    now: i64,
) -> Result<(), Refusal> {
    let detail = json!({ "by": principal.by(), "jobId": job_id });
    let event = AuditEvent::new(AuditKind::JobQueued, detail).with_app(title.app_id).with_file(&title.file_id);
    write.append_audit(&event, now).await?;
    write.commit().await?;
    state.announce_job();
    Ok(())
}

/// A title does not change its mode: where the workflow has, or is gone, what the last job was made with holds on.
async fn settings_of(state: &ServerState, title: &Title) -> Result<WorkflowSettings, Refusal> {
    match workflows::resolve(state, title.app_id, title.workflow_id.as_ref()).await {
        Ok((_, settings)) if settings.mode == title.mode => return Ok(settings),
        Ok(_) => {}
        Err(refusal) if refusal.code() == ErrorCode::WorkflowNotFound => {}
        Err(refusal) => return Err(refusal),
    }
    let last = state.installation.store().latest_job(&title.file_id).await?;
    Ok(last.and_then(|job| job.settings).ok_or(StoreError::Corrupt("settings of a title"))?)
}

async fn own_title(
    write: &mut WriteTransaction<'_>,
    principal: &Principal,
    file_id: &FileId,
) -> Result<Title, Refusal> {
    live_title(write, file_id).await?.filter(|title| title.app_id == principal.app_id).ok_or_else(not_found)
}

fn not_found() -> Refusal {
    Refusal::new(ErrorCode::TitleNotFound, "no such title in this app")
}

fn wrong_state(detail: &'static str) -> Refusal {
    Refusal::new(ErrorCode::TitleState, detail).with_detail(detail)
}
