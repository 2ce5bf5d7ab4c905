//! Old versions go: first their secrets, then their media.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde_json::json;

use crate::clock::stored;
use crate::origin::MediaFolder;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditEvent, AuditKind, Title, TitleState};

const AT_ONCE: u32 = 100;
/// A folder without a row is left alone for so long: someone may still be looking at it.
const FOLDER_KEPT_SECS: u64 = 600;

/// Forgets versions that nobody needs, and removes folders that no version owns. Returns how many of both.
pub(crate) async fn sweep(state: &ServerState) -> Result<usize, Refusal> {
    let mut swept = 0;
    loop {
        let now = stored(state.clock.now());
        let versions = state.installation.store().unneeded_versions(now, AT_ONCE).await?;
        for (file_id, version) in &versions {
            let mut write = state.installation.store().write().await?;
            if !write.delete_unneeded_version(file_id, *version, now).await? {
                continue;
            }
            let event = AuditEvent::new(AuditKind::VersionForgotten, json!({ "version": version })).with_file(file_id);
            write.append_audit(&event, now).await?;
            write.commit().await?;
            remove(MediaFolder::new(file_id.clone(), *version).path(&state.config.media_dir())).await;
            swept += 1;
        }
        if versions.len() < AT_ONCE as usize {
            break;
        }
    }
    let media_dir = state.config.media_dir();
    let older_than = state.clock.now().saturating_sub(FOLDER_KEPT_SECS);
    let found = tokio::task::spawn_blocking(move || old_folders(&media_dir, older_than)).await.unwrap_or_default();
    for folder in found {
        if is_left_over(state, &folder).await? {
            remove(folder.path(&state.config.media_dir())).await;
            swept += 1;
        }
    }
    Ok(swept)
}

/// Only what this server made itself: media of a title that was packed by hand are removed by hand once it is deleted.
async fn is_left_over(state: &ServerState, folder: &MediaFolder) -> Result<bool, Refusal> {
    let store = state.installation.store();
    let Some(title) = store.title(&folder.file_id).await? else { return Ok(false) };
    let Title { last_version, workflow_id, .. } = &title;
    let is_ours = folder.version <= *last_version && (workflow_id.is_some() || title.state != TitleState::Deleted);
    Ok(is_ours && store.title_version(&folder.file_id, folder.version).await?.is_none())
}

/// Blocks. Unreadable entries are for another time.
fn old_folders(media_dir: &Path, older_than: u64) -> Vec<MediaFolder> {
    let entries = fs::read_dir(media_dir).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter(|entry| {
            let modified = entry.metadata().and_then(|metadata| metadata.modified()).ok();
            let age = modified.and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
            age.is_some_and(|since| since.as_secs() < older_than)
        })
        .filter_map(|entry| MediaFolder::parse(entry.file_name().to_str()?))
        .collect()
}

async fn remove(folder: PathBuf) {
    let removed = tokio::task::spawn_blocking(move || fs::remove_dir_all(folder)).await;
    match removed {
        Ok(Err(error)) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(error = %error.kind(), "an old version's media can't be removed yet");
        }
        _ => {}
    }
}
