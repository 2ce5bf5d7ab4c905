//! `POST /v1/jobs/{jobId}/complete`: what an attempt made becomes the title's current version, or nothing does.

use keyveil_protocol::job::CompleteJobRequest;
use keyveil_protocol::workflow::Publish;
use keyveil_protocol::{ErrorCode, FileId, UploadId};
use serde::Serialize;
use serde_json::json;

use super::super::{media_info, parse_json, sources};
use super::{Attempt, attempt, live_title, move_title, stored_media};
use crate::clock::stored;
use crate::origin::MediaPath;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditEvent, AuditKind, Job, JobKind, JobState, Publication, TitleState, WriteTransaction};

/// Answer to `POST /v1/jobs/{jobId}/complete`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CompletedJob {
    file_id: FileId,
    /// What is played from now on.
    version: u32,
}

pub(crate) async fn complete(state: &ServerState, attempt: &Attempt, body: &[u8]) -> Result<CompletedJob, Refusal> {
    let request: CompleteJobRequest = parse_json(body)?;
    let store = state.installation.store();
    let title = store.title(&attempt.job.file_id).await?.ok_or_else(attempt::lost)?;
    media_info::check(&request.media, title.mode)?;
    let media = serde_json::to_string(&request.media)
        .map_err(|_| Refusal::new(ErrorCode::Internal, "media can't be written"))?;
    let answer = CompletedJob { file_id: attempt.job.file_id.clone(), version: attempt.version };
    if is_repetition(state, attempt, &media).await? {
        return Ok(answer);
    }
    attempt.still_held(state).await?;
    let stored_bytes = settle(state, attempt, &request).await?;
    let publication =
        Publication { media, cover: request.cover, sprites: request.sprites, stored_bytes: Some(stored_bytes) };
    let sources = commit(state, attempt, &publication, request.media.duration_ms).await?;
    sources::remove(state, &sources).await;
    state.announce_sweep();
    Ok(answer)
}

/// A worker that did not hear the answer asks again.
async fn is_repetition(state: &ServerState, attempt: &Attempt, media: &str) -> Result<bool, Refusal> {
    let Attempt { job, version } = attempt;
    if !attempt.has_done(job) {
        return Ok(false);
    }
    let row = state.installation.store().title_version(&job.file_id, *version).await?;
    Ok(row.is_some_and(|row| row.publication.as_deref() == Some(media)))
}

async fn settle(state: &ServerState, attempt: &Attempt, request: &CompleteJobRequest) -> Result<u64, Refusal> {
    let pictures: Vec<String> = request.cover.iter().chain(&request.sprites).cloned().collect();
    if !pictures.iter().all(|path| MediaPath::parse(path).is_ok_and(|path| path.is_preview())) {
        let detail = "cover, sprites: cover.jpg, and a path in sprites/";
        return Err(Refusal::new(ErrorCode::MalformedRequest, detail).with_detail(detail));
    }
    let storage = state.installation.media();
    match stored_media::settle(storage, &attempt.folder(), &request.media, &pictures).await {
        Ok(stored_bytes) => Ok(stored_bytes),
        Err(stored_media::Unfit::Incomplete(detail)) => {
            Err(Refusal::new(ErrorCode::MediaIncomplete, "a listed file is not there").with_detail(detail))
        }
        Err(stored_media::Unfit::Storage(error)) => Err(error.refusal()),
    }
}

/// Answers with the sources that are needed no more.
async fn commit(
    state: &ServerState,
    attempt: &Attempt,
    publication: &Publication,
    duration_ms: u64,
) -> Result<Vec<UploadId>, Refusal> {
    let now = stored(state.clock.now());
    let mut write = state.installation.store().write().await?;
    let job = attempt.fenced(&mut write).await?;
    let title = live_title(&mut write, &job.file_id).await?.ok_or_else(attempt::lost)?;
    write.commit_title_version(&job.file_id, attempt.version, publication, now).await?;
    write.set_current_version(&job.file_id, attempt.version, duration_ms, publication.stored_bytes, now).await?;
    write.finish_job(&job.job_id, JobState::Done, None, now).await?;
    let sources = match job.kind {
        JobKind::Package => {
            publish(&mut write, &job, attempt.version, now).await?;
            write.forget_sources(&job.file_id, now).await?
        }
        // What is played has changed; where the title stands has not.
        JobKind::Reencrypt => {
            move_title(&mut write, &job, title.state, None, now).await?;
            Vec::new()
        }
    };
    let detail = json!({ "jobId": job.job_id, "state": "done", "version": attempt.version, "attempt": job.attempt });
    let event = AuditEvent::new(AuditKind::JobEnded, detail).with_app(job.app_id).with_file(&job.file_id);
    write.append_audit(&event, now).await?;
    write.commit().await?;
    Ok(sources)
}

async fn publish(write: &mut WriteTransaction<'_>, job: &Job, version: u32, now: i64) -> Result<(), Refusal> {
    if job.settings.as_ref().is_none_or(|settings| settings.publish == Publish::Manual) {
        return move_title(write, job, TitleState::Ready, None, now).await;
    }
    move_title(write, job, TitleState::Published, None, now).await?;
    let detail = json!({ "by": { "jobId": job.job_id }, "version": version });
    let event = AuditEvent::new(AuditKind::TitlePublished, detail).with_app(job.app_id).with_file(&job.file_id);
    Ok(write.append_audit(&event, now).await?)
}
