//! Sources at rest: what was uploaded, kept until its version is committed, and never in the clear.
//!
//! With media in S3 new sources lie there too, in `pieces`. The others are files of one server's disk, as follows; an upload
//! stays where it began.
//!
//! A source is a file `<data dir>/uploads/<upload id>`, byte for byte as long as what it holds, XORed with ChaCha20 under a
//! data key of the KMS that is bound to (app id, file id, upload id). Position for position, so that an upload goes on
//! at any byte and a worker reads any range.
//!
//! **No byte of keystream is used twice.** A source is written in stretches, each with a nonce of its own. Whoever appends
//! goes on in the last stretch only where this very process wrote its last byte and recorded it; in every other case
//! (a crash, a chunk whose checksum was wrong, a full disk, another replica) bytes that were never recorded may have met
//! the disk at those positions, and a new stretch begins. The stretch is recorded before its first byte is written.
//!
//! There is no tag: whoever can write to the folder can flip bits of a source. The whole is checked against `sha256`
//! where the upload named one, and a video that was altered is found out, at the latest, by ffmpeg.

mod checksum;
mod keystream;
mod pieces;
mod read;
#[cfg(test)]
pub(super) mod tests;
mod turns;
mod write;

use std::path::PathBuf;

pub(crate) use checksum::Checksum;
pub(crate) use pieces::{PieceBuffers, PieceCache, remove_gone, sweep as sweep_pieces};
pub(crate) use read::read_upload;
pub use read::{Chunks, len, read};
pub(crate) use turns::{Turn, Turns};
pub(crate) use write::{append, restart};
use zeroize::Zeroizing;

use crate::clock::stored;
use crate::kms::KmsContext;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{Upload, UploadKind};
use keyveil_protocol::{AppId, ErrorCode, FileId, UploadId};

/// The longest source: ChaCha20 counts blocks of 64 bytes in 32 bits.
pub(crate) const SOURCE_LEN_MAX: u64 = 255 << 30;

/// How long a server may fetch a source without saying that it still does.
pub(crate) const PULL_LEASE_SECS: u64 = 60;

/// Until when an upload is let alone from now on: by the sweep, or, where a server fetches it, by other servers.
fn expiry(state: &ServerState, kind: UploadKind) -> i64 {
    let secs = match kind {
        UploadKind::Tus => state.config.uploads.expire_secs,
        UploadKind::Url => PULL_LEASE_SECS,
    };
    stored(state.clock.now().saturating_add(secs))
}

/// A key for a new source, wrapped.
pub(crate) async fn new_key(
    state: &ServerState,
    app_id: AppId,
    file_id: &FileId,
    upload_id: &UploadId,
) -> Result<Vec<u8>, Refusal> {
    let context = KmsContext::Source { app_id, file_id, upload_id };
    Ok(state.installation.kms().generate_data_key(&context).await?.1)
}

/// Ends a title's uploads and removes its sources. Where a transaction of its own has to do more, it calls
/// [`crate::store::WriteTransaction::forget_sources`] and then [`remove`].
pub async fn discard(state: &ServerState, file_id: &FileId) -> Result<(), Refusal> {
    let mut write = state.installation.store().write().await?;
    let forgotten = write.forget_sources(file_id, stored(state.clock.now())).await?;
    write.commit().await?;
    remove(state, &forgotten).await;
    Ok(())
}

/// Removes the files and objects of sources whose keys have been forgotten. What stays is unreadable, and swept later.
pub async fn remove(state: &ServerState, forgotten: &[UploadId]) {
    for upload_id in forgotten {
        state.turns.forget(upload_id);
        if let Err(refusal) = pieces::remove(state, upload_id).await {
            tracing::warn!(%upload_id, %refusal, "a discarded source's pieces can't be removed yet");
        }
        let file = file(state, upload_id);
        let removed = tokio::task::spawn_blocking(move || std::fs::remove_file(file)).await;
        if let Ok(Err(error)) = removed
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%upload_id, error = %error.kind(), "a discarded source can't be removed yet");
        }
    }
}

fn file(state: &ServerState, upload_id: &UploadId) -> PathBuf {
    state.config.uploads_dir().join(upload_id.as_str())
}

/// Runs file work off the runtime.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, std::io::Error> + Send + 'static,
) -> Result<T, Refusal> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(|error| disk_refusal(&error)),
        Err(_) => Err(Refusal::new(ErrorCode::Internal, "file work was cut off")),
    }
}

fn disk_refusal(error: &std::io::Error) -> Refusal {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    let code = match error.kind() {
        StorageFull | QuotaExceeded => ErrorCode::NoSpace,
        _ => ErrorCode::Unavailable,
    };
    Refusal::new(code, format!("source: {}", error.kind()))
}

fn gone() -> Refusal {
    Refusal::new(ErrorCode::UploadGone, "the upload takes no more")
}

fn moved_on() -> Refusal {
    Refusal::new(ErrorCode::UploadOffset, "the upload moved on elsewhere, or is over")
}

async fn key(state: &ServerState, upload: &Upload) -> Result<Zeroizing<[u8; 32]>, Refusal> {
    let ciphertext = upload.key_ciphertext.as_deref().ok_or_else(gone)?;
    let context = KmsContext::Source { app_id: upload.app_id, file_id: &upload.file_id, upload_id: &upload.upload_id };
    Ok(crate::kms::decrypt_32(state.installation.kms(), ciphertext, &context).await?)
}

/// The key and the stretches of a source.
async fn keystream(state: &ServerState, upload: &Upload) -> Result<keystream::Keystream, Refusal> {
    let key = key(state, upload).await?;
    let stretches = state.installation.store().stretches(&upload.upload_id).await?;
    Ok(keystream::Keystream::new(key, stretches))
}
