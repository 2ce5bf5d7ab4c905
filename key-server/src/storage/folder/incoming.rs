use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use ring::digest::{Context, SHA256};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{blocking, cut_off};
use crate::storage::StorageError;

/// Chunks between the network and the disk.
const CHUNKS_WAITING_MAX: usize = 8;

/// A file on its way in: its bytes arrive chunk by chunk.
pub(crate) struct FolderIncoming {
    chunks: mpsc::Sender<Bytes>,
    written: JoinHandle<std::io::Result<Unnamed>>,
}

/// A file under a name that nobody reads. Dropped, it goes.
pub(crate) struct Unnamed {
    aside: PathBuf,
    file: PathBuf,
    pub(in crate::storage) len: u64,
    pub(in crate::storage) sha256: [u8; 32],
}

impl FolderIncoming {
    pub(super) fn new(file: PathBuf) -> Result<Self, StorageError> {
        let no_random = |_| StorageError::Unavailable("no random bytes".to_owned());
        let suffix = hex::encode(crate::actions::random::<8>().map_err(no_random)?);
        let (chunks, received) = mpsc::channel(CHUNKS_WAITING_MAX);
        let written = tokio::task::spawn_blocking(move || write_aside(file, &suffix, received));
        Ok(Self { chunks, written })
    }

    pub(in crate::storage) async fn push(&mut self, chunk: Bytes) -> Result<(), StorageError> {
        // Whoever writes has ended when it is closed; closing says why.
        self.chunks.send(chunk).await.map_err(|_| StorageError::Unavailable("the disk takes no more".to_owned()))
    }

    pub(in crate::storage) async fn close(self) -> Result<Unnamed, StorageError> {
        drop(self.chunks);
        Ok(self.written.await.map_err(|_| cut_off())??)
    }
}

impl Unnamed {
    pub(in crate::storage) async fn keep(self) -> Result<(), StorageError> {
        blocking(move || fs::rename(&self.aside, &self.file)).await
    }
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        // Gone already once it has its name.
        let _ = fs::remove_file(&self.aside);
    }
}

/// Blocks. Ends when the sender is dropped: then what came is judged by its length and hash.
fn write_aside(file: PathBuf, suffix: &str, mut chunks: mpsc::Receiver<Bytes>) -> std::io::Result<Unnamed> {
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
