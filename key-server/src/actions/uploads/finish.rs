//! The end of an upload, good or bad.

use futures_util::TryStreamExt;
use keyveil_protocol::ErrorCode;
use keyveil_protocol::workflow::WorkflowSettings;
use serde_json::json;

use super::is_awaited;
use crate::actions::sources::{self, Checksum};
use crate::actions::titles::change_state;
use crate::actions::{random_id, workflows};
use crate::clock::stored;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{Event, EventType, Failure, JobKind, NewJob, TitleState, Upload, UploadState, WriteTransaction};

/// Declares a source whole, once it hashes to what was promised: the title is queued in the same transaction that makes its
/// job. The caller has the turn. Safe to repeat until it has succeeded.
pub(super) async fn complete(state: &ServerState, upload: &Upload) -> Result<(), Refusal> {
    if let Err(refusal) = verify(state, upload).await {
        if refusal.code() == ErrorCode::ChecksumMismatch {
            let message = "The file that arrived differs from its sha256; upload it again.";
            fail(state, upload, ErrorCode::ChecksumMismatch.as_str(), message).await?;
        }
        return Err(refusal);
    }
    let settings = settings(state, upload).await?;
    let now = stored(state.clock.now());
    let mut write = state.installation.store().write().await?;
    if !write.complete_upload(&upload.upload_id, now).await? {
        let present = write.upload(&upload.upload_id).await?;
        // Another server was faster, and has done the rest.
        let is_complete = present.is_some_and(|present| present.state == UploadState::Complete);
        return if is_complete { Ok(()) } else { Err(super::over()) };
    }
    if !is_awaited(&mut write, &upload.file_id).await? {
        return Err(super::over());
    }
    let data = json!({ "uploadId": upload.upload_id, "sizeBytes": upload.offset });
    let (kind, file_id) = (EventType::UploadCompleted, Some(upload.file_id.clone()));
    write.append_event(&Event { kind, app_id: upload.app_id, file_id, data }, now).await?;
    let queued = match settings {
        Ok(settings) => {
            enqueue(&mut write, upload, settings, now).await?;
            true
        }
        Err(failure) => {
            change_state(&mut write, &upload.file_id, TitleState::Failed, Some(&failure), None, now).await?;
            false
        }
    };
    write.commit().await?;
    if queued {
        state.announce_job();
    }
    Ok(())
}

/// Ends an upload without a source. Nothing happens when the title no longer waits for it.
pub(super) async fn fail(state: &ServerState, upload: &Upload, code: &str, message: &str) -> Result<(), Refusal> {
    let write = state.installation.store().write().await?;
    fail_in(write, state, upload, code, message).await
}

/// Ends an upload that was left alone for too long, unless a byte came after all, at another server perhaps.
pub(super) async fn abandon(state: &ServerState, upload: &Upload) -> Result<(), Refusal> {
    let mut write = state.installation.store().write().await?;
    let present = write.upload(&upload.upload_id).await?;
    if present.is_none_or(|present| present.expires_at > stored(state.clock.now())) {
        return Ok(());
    }
    tracing::info!(upload_id = %upload.upload_id, "an upload was abandoned");
    let message = "No byte of the file arrived for too long; upload it again.";
    fail_in(write, state, upload, "upload_abandoned", message).await
}

async fn fail_in(
    mut write: WriteTransaction<'_>,
    state: &ServerState,
    upload: &Upload,
    code: &str,
    message: &str,
) -> Result<(), Refusal> {
    let now = stored(state.clock.now());
    let failure = Failure { code: code.to_owned(), message: message.to_owned() };
    let forgotten = write.forget_sources(&upload.file_id, now).await?;
    if is_awaited(&mut write, &upload.file_id).await? {
        change_state(&mut write, &upload.file_id, TitleState::Failed, Some(&failure), None, now).await?;
    }
    write.commit().await?;
    sources::remove(state, &forgotten).await;
    Ok(())
}

/// Reads the whole source back: what counts is what lies on the disk.
async fn verify(state: &ServerState, upload: &Upload) -> Result<(), Refusal> {
    let Some(sha256) = upload.sha256 else { return Ok(()) };
    let mut chunks = sources::read_upload(state, upload, 0..upload.offset).await?;
    let mut checksum = Checksum::sha256(sha256);
    while let Some(chunk) = chunks.try_next().await? {
        // A quarter of a mebibyte: too little to leave the runtime for.
        checksum.update(&chunk);
    }
    checksum.verify()
}

/// The workflow may have changed, or gone, since the upload began.
async fn settings(state: &ServerState, upload: &Upload) -> Result<Result<WorkflowSettings, Failure>, Refusal> {
    let title = state.installation.store().title(&upload.file_id).await?;
    let workflow_id = title.and_then(|title| title.workflow_id);
    match workflows::resolve(state, upload.app_id, workflow_id.as_ref()).await {
        Ok((_, settings)) => Ok(Ok(settings)),
        Err(refusal) if refusal.code() == ErrorCode::WorkflowNotFound => Ok(Err(Failure {
            code: refusal.code().as_str().to_owned(),
            message: "The title's workflow was deleted while the file was on its way; make it again and retry."
                .to_owned(),
        })),
        Err(refusal) => Err(refusal),
    }
}

async fn enqueue(
    write: &mut WriteTransaction<'_>,
    upload: &Upload,
    settings: WorkflowSettings,
    now: i64,
) -> Result<(), Refusal> {
    write.set_title_source(&upload.file_id, settings.mode, upload.offset).await?;
    let job = NewJob {
        job_id: random_id::<12, _>()?,
        app_id: upload.app_id,
        file_id: upload.file_id.clone(),
        kind: JobKind::Package,
        settings: Some(settings),
        priority: 0,
        created_at: now,
    };
    write.insert_job(&job).await?;
    change_state(write, &upload.file_id, TitleState::Queued, None, Some(&job.job_id), now).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::sources::tests::{new_upload, open, reload};

    /// The sweep has read it when its time was over.
    #[tokio::test]
    async fn an_upload_that_goes_on_at_another_server_is_not_abandoned() {
        let dir = tempfile::tempdir().unwrap();
        let state = open(dir.path()).await;
        let stale = new_upload(&state).await;
        for (from, expires_at, then) in [(0, i64::MAX, UploadState::Receiving), (10, 1, UploadState::Gone)] {
            let mut write = state.installation.store().write().await.unwrap();
            assert!(write.advance_upload(&stale.upload_id, from, from + 10, 1, expires_at).await.unwrap());
            write.commit().await.unwrap();
            abandon(&state, &stale).await.unwrap();
            assert_eq!(reload(&state).await.state, then);
        }
    }
}
