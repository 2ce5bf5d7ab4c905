//! What uploads leave behind when nobody comes back for them.

use std::path::Path;

use keyveil_protocol::UploadId;

use super::finish;
use crate::actions::sources;
use crate::clock::stored;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{Upload, UploadState};

/// Uploads looked at in one go; the rest comes with the next.
const UPLOADS_MAX: u32 = 100;

/// Ends uploads that were left alone for too long, finishes those that only lack their end, and removes files of sources
/// that are no more.
pub async fn sweep(state: &ServerState) -> Result<(), Refusal> {
    let store = state.installation.store();
    let now = stored(state.clock.now());
    for upload in store.uploads_to_settle(now, UPLOADS_MAX).await? {
        // One that is written to is neither.
        let Ok(turn) = state.turns.try_take(&upload.upload_id) else { continue };
        let Some(upload) = store.upload(&upload.upload_id).await? else { continue };
        settle(state, &upload, now).await?;
        drop(turn);
    }
    remove_orphans(state).await?;
    sources::remove_gone(state).await
}

async fn settle(state: &ServerState, upload: &Upload, now: i64) -> Result<(), Refusal> {
    if upload.state != UploadState::Receiving {
        return Ok(());
    }
    if upload.length == Some(upload.offset) {
        match finish::complete(state, upload).await {
            Ok(()) => return Ok(()),
            Err(refusal) => tracing::warn!(upload_id = %upload.upload_id, %refusal, "an upload can't be finished"),
        }
    }
    if upload.expires_at > now {
        return Ok(());
    }
    finish::abandon(state, upload).await
}

async fn remove_orphans(state: &ServerState) -> Result<(), Refusal> {
    let dir = state.config.uploads_dir();
    let named = tokio::task::spawn_blocking(move || upload_ids(&dir)).await.unwrap_or_default();
    for upload_id in named {
        let upload = state.installation.store().upload(&upload_id).await?;
        if upload.is_none_or(|upload| upload.state == UploadState::Gone) {
            tracing::info!(%upload_id, "removed a source that belongs to nothing");
            sources::remove(state, &[upload_id]).await;
        }
    }
    Ok(())
}

/// The ids that files are named by. Anything else in the folder is not this server's.
fn upload_ids(dir: &Path) -> Vec<UploadId> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.len() == 32 && hex::decode(name).is_ok()).filter_map(|name| name.parse().ok()).collect()
}
