//! Old versions go: first their secrets, then their media.

use serde_json::json;

use crate::clock::stored;
use crate::origin::MediaFolder;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::storage::StorageError;
use crate::store::{AuditEvent, AuditKind, Title, TitleState};

const AT_ONCE: u32 = 100;
/// A folder without a row is left alone for so long: someone may still be looking at it.
const FOLDER_KEPT_SECS: u64 = 600;

/// An upload in parts is let go on for so long. A single file is given ten minutes.
const PARTS_KEPT_SECS: u64 = 24 * 3600;

/// What a sweep looks at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Versions that have just become old.
    Versions,
    /// All of the storage, too.
    Storage,
}

/// Forgets versions that nobody needs, and removes folders that no version owns. Returns how many of both.
pub(crate) async fn sweep(state: &ServerState, scope: Scope) -> Result<usize, Refusal> {
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
            remove(state, &MediaFolder::new(file_id.clone(), *version)).await;
            swept += 1;
        }
        if versions.len() < AT_ONCE as usize {
            break;
        }
    }
    // To list a bucket for every job would cost more than what is found.
    if scope == Scope::Storage || state.installation.media().root().is_some() {
        swept += sweep_storage(state).await?;
    }
    Ok(swept)
}

async fn sweep_storage(state: &ServerState) -> Result<usize, Refusal> {
    let (media, now) = (state.installation.media(), state.clock.now());
    let told = |error: StorageError| error.refusal();
    let (mut swept, mut page) = (0, None);
    loop {
        let (names, next) = media.folders(page).await.map_err(told)?;
        for folder in names.iter().filter_map(|name| MediaFolder::parse(name)) {
            if is_left_over(state, &folder).await? && is_old(state, &folder).await.map_err(told)? {
                remove(state, &folder).await;
                swept += 1;
            }
        }
        page = next;
        if page.is_none() {
            break;
        }
    }
    let parts = media.sweep_parts(now.saturating_sub(PARTS_KEPT_SECS)).await.map_err(told)?;
    if parts > 0 {
        tracing::info!(parts, "took back uploads in parts that nobody would have ended");
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

async fn is_old(state: &ServerState, folder: &MediaFolder) -> Result<bool, StorageError> {
    let older_than = state.clock.now().saturating_sub(FOLDER_KEPT_SECS);
    let changed_at = state.installation.media().changed_at(&folder.to_string()).await?;
    Ok(changed_at.is_some_and(|changed_at| changed_at < older_than))
}

async fn remove(state: &ServerState, folder: &MediaFolder) {
    if let Err(error) = state.installation.media().remove(&folder.to_string()).await {
        tracing::warn!(%folder, %error, "an old version's media can't be removed yet");
    }
}
