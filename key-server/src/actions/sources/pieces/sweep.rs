use std::collections::HashSet;

use keyveil_protocol::UploadId;

use super::storage;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::storage::StorageError;
use crate::store::UploadState;

/// Sources removed in one go; the rest comes with the next.
const SOURCES_MAX: u32 = 100;
/// A piece that nobody recorded is left alone for so long: its server may be about to.
pub(super) const PIECE_KEPT_SECS: u64 = 24 * 3600;

/// Removes the objects of a source that is gone, and then what is known of them.
pub(in super::super) async fn remove(state: &ServerState, upload_id: &UploadId) -> Result<(), Refusal> {
    let store = state.installation.store();
    if !store.is_in_pieces(upload_id).await? {
        return Ok(());
    }
    storage(state)?.remove(upload_id.as_str()).await.map_err(|error| error.refusal())?;
    let mut write = store.write().await?;
    write.forget_pieces(upload_id).await?;
    Ok(write.commit().await?)
}

/// Removes what a store that was away kept. Asks it nothing where nothing is to be removed.
pub(crate) async fn remove_gone(state: &ServerState) -> Result<(), Refusal> {
    for upload_id in state.installation.store().pieces_to_remove(SOURCES_MAX).await? {
        remove(state, &upload_id).await?;
    }
    Ok(())
}

/// Lists everything: removes pieces that nobody recorded, of servers that died, and what came late of sources that are gone. Returns
/// how many objects and sources went.
pub(crate) async fn sweep(state: &ServerState) -> Result<usize, Refusal> {
    let Some(sources) = state.installation.sources() else { return Ok(0) };
    let told = |error: StorageError| error.refusal();
    let (mut swept, mut page) = (0, None);
    loop {
        let (names, next) = sources.folders(page).await.map_err(told)?;
        for upload_id in names.iter().filter_map(|name| name.parse::<UploadId>().ok()) {
            let upload = state.installation.store().upload(&upload_id).await?;
            match upload.map(|upload| upload.state) {
                // Another database's, or of one that was put back as it was: not known to be anybody's rubbish.
                None => {}
                Some(UploadState::Gone) => {
                    sources.remove(upload_id.as_str()).await.map_err(told)?;
                    swept += 1;
                }
                Some(UploadState::Receiving | UploadState::Complete) => {
                    swept += sweep_source(state, &upload_id).await?
                }
            }
        }
        page = next;
        if page.is_none() {
            return Ok(swept);
        }
    }
}

/// The listing comes first: what is recorded meanwhile is known then.
async fn sweep_source(state: &ServerState, upload_id: &UploadId) -> Result<usize, Refusal> {
    let sources = storage(state)?;
    let told = |error: StorageError| error.refusal();
    let before = state.clock.now().saturating_sub(PIECE_KEPT_SECS);
    let mut old = sources.list(upload_id.as_str()).await.map_err(told)?;
    old.retain(|stored| stored.modified_at < before);
    let recorded = state.installation.store().pieces(upload_id, &(0..u64::MAX)).await?;
    let recorded: HashSet<String> = recorded.iter().map(|piece| hex::encode(piece.nonce)).collect();
    let mut swept = 0;
    for stored in old.iter().filter(|stored| !recorded.contains(&stored.path)) {
        sources.remove_file(&format!("{upload_id}/{}", stored.path)).await.map_err(told)?;
        swept += 1;
    }
    Ok(swept)
}
