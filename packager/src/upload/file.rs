//! A file that must stay as it is while it is read.

use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::{Digest, Sha256};

use crate::error::PackError;

const READ_LEN: usize = 1024 * 1024;

/// Its length and time of change are those it was opened with, or reading it is an error.
#[derive(Debug, Clone)]
pub(super) struct SteadyFile(Arc<Opened>);

#[derive(Debug)]
struct Opened {
    file: File,
    path: PathBuf,
    len: u64,
    modified: (i64, i64),
}

impl SteadyFile {
    pub(super) async fn open(path: &Path) -> Result<Self, PackError> {
        let path = path.to_owned();
        tokio::task::spawn_blocking(move || {
            let name = || path.display().to_string();
            let not_found = |error: io::Error| PackError::InputNotFound(name(), error.to_string());
            let path = path.canonicalize().map_err(not_found)?;
            let file = File::open(&path).map_err(not_found)?;
            let metadata = file.metadata().map_err(not_found)?;
            if !metadata.is_file() {
                return Err(PackError::InputNotVideo(name(), "it is not a regular file".into()));
            }
            if metadata.len() == 0 {
                return Err(PackError::InputEmpty(name()));
            }
            let (len, modified) = (metadata.len(), modified(&metadata));
            Ok(Self(Arc::new(Opened { file, path, len, modified })))
        })
        .await?
    }

    pub(super) fn len(&self) -> u64 {
        self.0.len
    }

    /// Seconds and nanoseconds since 1970.
    pub(super) fn modified(&self) -> (i64, i64) {
        self.0.modified
    }

    /// Absolute.
    pub(super) fn path(&self) -> String {
        self.0.path.display().to_string()
    }

    /// Without folders.
    pub(super) fn name(&self) -> String {
        self.0.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// At most `len` bytes from `at` on; all of them where the file has them.
    pub(super) async fn read(&self, at: u64, len: u64) -> Result<Vec<u8>, PackError> {
        self.with(move |opened| {
            let len = len.min(opened.len.saturating_sub(at));
            let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
            opened.file.read_exact_at(&mut bytes, at)?;
            Ok(bytes)
        })
        .await
    }

    /// Of the whole file, lower-case hex.
    pub(super) async fn sha256(&self) -> Result<String, PackError> {
        self.with(|opened| {
            let (mut hash, mut at, mut buffer) = (Sha256::new(), 0, vec![0; READ_LEN]);
            while at < opened.len {
                let read = opened.file.read_at(&mut buffer, at)?;
                if read == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                hash.update(&buffer[..read]);
                at += read as u64;
            }
            Ok(hex::encode(hash.finalize()))
        })
        .await
    }

    /// Works on the file on a blocking thread; what was read counts only if the file is as it was.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Opened) -> io::Result<T> + Send + 'static,
    ) -> Result<T, PackError> {
        let opened = Arc::clone(&self.0);
        let work = move || {
            let done = work(&opened);
            // By its name too: an editor puts another file in its place.
            let same = |metadata: Metadata| metadata.len() == opened.len && modified(&metadata) == opened.modified;
            let is_same = opened.file.metadata().is_ok_and(same) && std::fs::metadata(&opened.path).is_ok_and(same);
            let path = opened.path.display().to_string();
            match done {
                Ok(done) if is_same => Ok(done),
                Err(error) if is_same => Err(PackError::InputNotFound(path, error.to_string())),
                _ => Err(PackError::InputChanged(path)),
            }
        };
        tokio::task::spawn_blocking(work).await?
    }
}

fn modified(metadata: &Metadata) -> (i64, i64) {
    (metadata.mtime(), metadata.mtime_nsec())
}
