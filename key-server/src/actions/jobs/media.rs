//! Files that a worker stores, whole or not at all, and files of the version before that it reads.

use bytes::Bytes;
use keyveil_protocol::job::MEDIA_FILE_LEN_MAX;
use keyveil_protocol::{ErrorCode, FileId};

use super::Attempt;
use crate::origin::{MediaFolder, MediaPath};
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::storage::{Chunks, Incoming, StorageError, Stored};
use crate::store::{JobKind, StoreError};

/// A file on its way in: its body arrives chunk by chunk.
pub(crate) struct IncomingFile {
    incoming: Incoming,
    expected: Expected,
}

struct Expected {
    len: u64,
    sha256: [u8; 32],
}

/// Begins to store a file. `path` as it stood in the request; `sha256` in lower-case hex.
pub(crate) async fn put_media(
    state: &ServerState,
    attempt: &Attempt,
    path: &str,
    len: Option<u64>,
    sha256: Option<&str>,
) -> Result<IncomingFile, Refusal> {
    let wrong = |detail: &'static str| Refusal::new(ErrorCode::MalformedRequest, detail).with_detail(detail);
    let path = MediaPath::parse(path)?;
    let len = len.ok_or_else(|| wrong("Content-Length: needed"))?;
    if len > MEDIA_FILE_LEN_MAX {
        return Err(Refusal::new(ErrorCode::BodyTooLarge, "media file over its limit"));
    }
    let mut hash = [0; 32];
    let hex_text = sha256.filter(|text| !text.bytes().any(|byte| byte.is_ascii_uppercase()));
    hex_text
        .and_then(|text| hex::decode_to_slice(text, &mut hash).ok())
        .ok_or_else(|| wrong("Keyveil-Sha256: 64 lower-case hex digits"))?;
    let incoming = state.installation.media().create(&path.object(&attempt.folder())).await;
    Ok(IncomingFile { incoming: incoming.map_err(|error| error.refusal())?, expected: Expected { len, sha256: hash } })
}

impl IncomingFile {
    /// The next bytes. False when they are no longer wanted: [`Self::finish`] says why.
    pub(crate) async fn push(&mut self, chunk: Bytes) -> bool {
        self.incoming.push(chunk).await.is_ok()
    }

    /// Gives the file its name, if it is what was announced and the attempt still holds the job.
    pub(crate) async fn finish(self, state: &ServerState, attempt: &Attempt) -> Result<(), Refusal> {
        let Self { incoming, expected } = self;
        let received = incoming.close().await.map_err(|error| error.refusal())?;
        if received.len() != expected.len {
            let detail = "Content-Length: not the length of the body";
            return Err(Refusal::new(ErrorCode::MalformedRequest, detail).with_detail(detail));
        }
        if received.sha256() != expected.sha256 {
            return Err(Refusal::new(ErrorCode::ChecksumMismatch, "media file differs from its checksum"));
        }
        attempt.still_held(state).await?;
        received.keep().await.map_err(|error| error.refusal())
    }
}

/// A file of the version that is encrypted anew, and its type.
pub(crate) async fn read_media(
    state: &ServerState,
    attempt: &Attempt,
    path: &str,
) -> Result<(Stored, Chunks, &'static str), Refusal> {
    let not_found = |cause: &'static str| Refusal::new(ErrorCode::NotFound, cause);
    if attempt.job.kind != JobKind::Reencrypt {
        return Err(not_found("a package job has no version before"));
    }
    let path = MediaPath::parse(path)?;
    let folder = current_folder(state, &attempt.job.file_id).await?;
    match state.installation.media().read(&path.object(&folder), None).await {
        Ok((stored, chunks)) => Ok((stored, chunks, path.kind().mime())),
        Err(StorageError::NotFound) => Err(not_found("no such media file")),
        Err(error) => Err(error.refusal()),
    }
}

async fn current_folder(state: &ServerState, file_id: &FileId) -> Result<MediaFolder, Refusal> {
    let title = state.installation.store().title(file_id).await?.ok_or(StoreError::Corrupt("title of a job"))?;
    let version = title.version.ok_or(StoreError::Corrupt("current version"))?;
    Ok(MediaFolder::new(title.file_id, version))
}
