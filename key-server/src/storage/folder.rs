//! Files in a folder of this machine. All disk work is done off the runtime.

mod incoming;

use std::fs::{self, File};
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::try_unfold;

pub(super) use self::incoming::{FolderIncoming, Unnamed};
use super::{Chunks, StorageError, Stored};
use crate::origin::{locate, plain_path};

/// Read and handed on at once.
const CHUNK_LEN: usize = 256 * 1024;
/// No file lies deeper.
const DEPTH_MAX: usize = 8;

/// A folder, below which everything lies.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a file is to be. Nobody but this server may write there: no link is looked for.
    fn within(&self, path: &str) -> Result<PathBuf, StorageError> {
        plain_path(path).map(|path| self.root.join(path)).ok_or(StorageError::NotFound)
    }

    pub(super) fn create(&self, path: &str) -> Result<FolderIncoming, StorageError> {
        FolderIncoming::new(self.within(path)?)
    }

    pub(super) async fn look(&self, path: &str) -> Result<Stored, StorageError> {
        self.open(path).await.map(|(stored, _)| stored)
    }

    pub(super) async fn read(&self, path: &str, range: Option<Range<u64>>) -> Result<(Stored, Chunks), StorageError> {
        let (stored, file) = self.open(path).await?;
        let (range, file) = (range.unwrap_or(0..stored.len), Arc::new(file));
        if range.start > range.end || range.end > stored.len {
            return Err(StorageError::Unavailable("a range outside the file".to_owned()));
        }
        let chunks = try_unfold(range, move |mut range| {
            let file = Arc::clone(&file);
            async move {
                if range.is_empty() {
                    return Ok(None);
                }
                let len = usize::try_from(range.end - range.start).map_or(CHUNK_LEN, |left| left.min(CHUNK_LEN));
                let position = range.start;
                range.start += len as u64;
                let chunk = blocking(move || {
                    let mut chunk = vec![0; len];
                    file.read_exact_at(&mut chunk, position)?;
                    Ok(Bytes::from(chunk))
                });
                Ok(Some((chunk.await?, range)))
            }
        });
        Ok((stored, chunks.boxed()))
    }

    async fn open(&self, path: &str) -> Result<(Stored, File), StorageError> {
        let (root, relative) = (self.root.clone(), plain_path(path).ok_or(StorageError::NotFound)?);
        let (len, modified_at, file) = blocking(move || {
            let file = File::open(locate(&root, &relative)?)?;
            let metadata = file.metadata()?;
            if metadata.is_file() {
                Ok((metadata.len(), modified_at(&metadata), file))
            } else {
                Err(ErrorKind::NotFound.into())
            }
        })
        .await?;
        Ok((Stored { path: path.to_owned(), len, modified_at, etag: None }, file))
    }

    pub(super) async fn list(&self, folder: &str) -> Result<Vec<Stored>, StorageError> {
        let folder = self.within(folder)?;
        or_nothing(blocking(move || {
            let mut found = Vec::new();
            collect(&folder, "", 0, &mut found)?;
            Ok(found)
        }))
        .await
    }

    pub(super) async fn folders(&self) -> Result<Vec<String>, StorageError> {
        let root = self.root.clone();
        or_nothing(blocking(move || {
            let mut names = Vec::new();
            for entry in fs::read_dir(root)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    names.extend(entry.file_name().into_string().ok());
                }
            }
            Ok(names)
        }))
        .await
    }

    pub(super) async fn changed_at(&self, folder: &str) -> Result<Option<u64>, StorageError> {
        let folder = self.within(folder)?;
        or_nothing(blocking(move || Ok(Some(modified_at(&fs::metadata(folder)?))))).await
    }

    pub(super) async fn settle(&self, folder: &str) -> Result<(), StorageError> {
        let (root, folder) = (self.root.clone(), self.within(folder)?);
        blocking(move || {
            sync(&folder, 0)?;
            File::open(root)?.sync_all()
        })
        .await
    }

    pub(super) async fn remove(&self, folder: &str) -> Result<(), StorageError> {
        let folder = self.within(folder)?;
        or_nothing(blocking(move || fs::remove_dir_all(folder))).await
    }

    pub(super) async fn remove_file(&self, path: &str) -> Result<(), StorageError> {
        let path = self.within(path)?;
        or_nothing(blocking(move || fs::remove_file(path))).await
    }

    pub(super) async fn check(&self) -> Result<(), StorageError> {
        let root = self.root.clone();
        blocking(move || if fs::metadata(root)?.is_dir() { Ok(()) } else { Err(ErrorKind::NotFound.into()) }).await
    }
}

/// Names of files that were never kept begin with a dot.
fn collect(folder: &Path, base: &str, depth: usize, found: &mut Vec<Stored>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = format!("{base}{name}");
        if name.starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            if depth < DEPTH_MAX {
                collect(&entry.path(), &format!("{path}/"), depth + 1, found)?;
            }
        } else {
            let metadata = entry.metadata()?;
            found.push(Stored { path, len: metadata.len(), modified_at: modified_at(&metadata), etag: None });
        }
    }
    Ok(())
}

/// Files were synced when they were stored; here their names are. What was never finished goes.
fn sync(folder: &Path, depth: usize) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            fs::remove_file(entry.path())?;
        } else if entry.file_type()?.is_dir() && depth < DEPTH_MAX {
            sync(&entry.path(), depth + 1)?;
        }
    }
    File::open(folder)?.sync_all()
}

/// 0 where the file system does not know: then it is old.
fn modified_at(metadata: &fs::Metadata) -> u64 {
    let modified = metadata.modified().ok().and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
    modified.map_or(0, |since| since.as_secs())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, StorageError> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(|_| cut_off())??)
}

/// A folder that is not there is empty.
async fn or_nothing<T: Default>(work: impl Future<Output = Result<T, StorageError>>) -> Result<T, StorageError> {
    match work.await {
        Err(StorageError::NotFound) => Ok(T::default()),
        done => done,
    }
}

fn cut_off() -> StorageError {
    StorageError::Unavailable("file work was cut off".to_owned())
}
