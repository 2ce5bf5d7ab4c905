//! Files that a worker stores, whole or not at all, and files of the version before that it reads.

use std::fs::{self, File, OpenOptions};
use std::io::{Error, ErrorKind, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use keyveil_protocol::job::MEDIA_FILE_LEN_MAX;
use keyveil_protocol::{ErrorCode, FileId};
use ring::digest::{Context, SHA256};
use tokio::sync::mpsc;

use super::super::random;
use super::Attempt;
use crate::origin::{MediaFolder, MediaPath};
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{JobKind, StoreError};

/// Chunks between the network and the disk.
const CHUNKS_WAITING_MAX: usize = 8;

/// A file on its way in: its body arrives chunk by chunk.
pub(crate) struct IncomingFile {
    chunks: mpsc::Sender<Bytes>,
    written: tokio::task::JoinHandle<Result<Unnamed, Error>>,
    expected: Expected,
}

struct Expected {
    len: u64,
    sha256: [u8; 32],
}

/// A file under a name that nobody reads. Dropped, it goes.
struct Unnamed {
    aside: PathBuf,
    file: PathBuf,
    len: u64,
    sha256: [u8; 32],
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        // Gone already once it has its name.
        let _ = fs::remove_file(&self.aside);
    }
}

/// Begins to store a file. `path` as it stood in the request; `sha256` in lower-case hex.
pub(crate) fn put_media(
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
    let file = path.within(&attempt.folder().path(&state.config.media_dir()));
    let suffix = hex::encode(random::<8>()?);
    let (chunks, received) = mpsc::channel(CHUNKS_WAITING_MAX);
    let written = tokio::task::spawn_blocking(move || write_aside(file, &suffix, received));
    Ok(IncomingFile { chunks, written, expected: Expected { len, sha256: hash } })
}

impl IncomingFile {
    /// The next bytes. False when they are no longer wanted: [`Self::finish`] says why.
    pub(crate) async fn push(&self, chunk: Bytes) -> bool {
        self.chunks.send(chunk).await.is_ok()
    }

    /// Gives the file its name, if it is what was announced and the attempt still holds the job.
    pub(crate) async fn finish(self, state: &ServerState, attempt: &Attempt) -> Result<(), Refusal> {
        let Self { chunks, written, expected } = self;
        drop(chunks);
        let unnamed = joined(written.await)?;
        if unnamed.len != expected.len {
            let detail = "Content-Length: not the length of the body";
            return Err(Refusal::new(ErrorCode::MalformedRequest, detail).with_detail(detail));
        }
        if unnamed.sha256 != expected.sha256 {
            return Err(Refusal::new(ErrorCode::ChecksumMismatch, "media file differs from its checksum"));
        }
        attempt.still_held(state).await?;
        joined(tokio::task::spawn_blocking(move || fs::rename(&unnamed.aside, &unnamed.file)).await)
    }
}

/// A file of the version that is encrypted anew.
pub(crate) async fn find_media(
    state: &ServerState,
    attempt: &Attempt,
    path: &str,
) -> Result<(PathBuf, &'static str), Refusal> {
    let not_found = |cause: &'static str| Refusal::new(ErrorCode::NotFound, cause);
    if attempt.job.kind != JobKind::Reencrypt {
        return Err(not_found("a package job has no version before"));
    }
    let path = MediaPath::parse(path)?;
    let mime = path.kind().mime();
    let folder = current_folder(state, &attempt.job.file_id).await?;
    let media_dir = state.config.media_dir();
    let located = tokio::task::spawn_blocking(move || path.locate(&media_dir, &folder)).await;
    match located {
        Ok(Ok(file)) => Ok((file, mime)),
        Ok(Err(error)) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Err(not_found("no such media file"))
        }
        Ok(Err(error)) => Err(disk_refusal(&error)),
        Err(_) => Err(Refusal::new(ErrorCode::Internal, "media look-up was cut off")),
    }
}

async fn current_folder(state: &ServerState, file_id: &FileId) -> Result<MediaFolder, Refusal> {
    let title = state.installation.store().title(file_id).await?.ok_or(StoreError::Corrupt("title of a job"))?;
    let version = title.version.ok_or(StoreError::Corrupt("current version"))?;
    Ok(MediaFolder::new(title.file_id, version))
}

/// Blocks. Ends when the sender is dropped: then what came is judged by its length and hash.
fn write_aside(file: PathBuf, suffix: &str, mut chunks: mpsc::Receiver<Bytes>) -> Result<Unnamed, Error> {
    let parent = file.parent().map(Path::to_owned).ok_or(ErrorKind::InvalidInput)?;
    fs::create_dir_all(&parent)?;
    let aside = parent.join(format!(".put-{suffix}"));
    let mut out = OpenOptions::new().write(true).create_new(true).open(&aside)?;
    let mut unnamed = Unnamed { aside, file, len: 0, sha256: [0; 32] };
    let mut digest = Context::new(&SHA256);
    while let Some(chunk) = chunks.blocking_recv() {
        out.write_all(&chunk)?;
        digest.update(&chunk);
        unnamed.len = unnamed.len.saturating_add(chunk.len() as u64);
    }
    File::sync_all(&out)?;
    unnamed.sha256.copy_from_slice(digest.finish().as_ref());
    Ok(unnamed)
}

fn joined<T>(result: Result<Result<T, Error>, tokio::task::JoinError>) -> Result<T, Refusal> {
    match result {
        Ok(result) => result.map_err(|error| disk_refusal(&error)),
        Err(_) => Err(Refusal::new(ErrorCode::Internal, "file work was cut off")),
    }
}

pub(super) fn disk_refusal(error: &Error) -> Refusal {
    let code = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => ErrorCode::NoSpace,
        _ => ErrorCode::Unavailable,
    };
    Refusal::new(code, format!("media: {}", error.kind()))
}
