//! Where media lie, and sources in pieces: a folder of this machine, or a prefix of an S3-compatible bucket. One set of operations, the same on both
//! (`tests/it/storage` runs one suite over them).
//!
//! A file is named by a plain path: components of `a-z A-Z 0-9 . _ -` that begin with no dot. It is stored whole or not at
//! all, and never changed afterwards but by being stored anew, whole.

mod folder;
mod incoming;
mod meter;
mod s3;

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use keyveil_protocol::ErrorCode;
use url::Url;

pub use self::folder::Folder;
pub use self::incoming::{Incoming, Received};
use self::meter::Meter;
pub use self::s3::{PART_LEN, S3};
use crate::metrics::Metrics;
use crate::refusal::Refusal;

/// Bytes on their way out.
pub type Chunks = BoxStream<'static, Result<Bytes, StorageError>>;

/// Media, or sources in pieces, of one installation.
#[derive(Clone)]
pub struct Storage {
    place: Place,
    meter: Meter,
}

#[derive(Clone)]
enum Place {
    /// Of this machine.
    Folder(Folder),
    /// In a bucket.
    S3(S3),
}

/// A stored file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its path; relative to the folder, in a listing of one.
    pub path: String,
    /// In bytes.
    pub len: u64,
    /// In seconds since 1970.
    pub modified_at: u64,
    /// Differs when the bytes do, with quotes; a folder has none.
    pub etag: Option<String>,
}

/// Why something can't be stored or read. The cause is for the log: it holds no credentials and no presigned address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// There is no such file.
    #[error("not found")]
    NotFound,
    /// No space is left.
    #[error("no space left")]
    NoSpace,
    /// A file is longer than it may be.
    #[error("too long")]
    TooLong,
    /// It does not answer, or refuses. May pass by itself.
    #[error("{0}")]
    Unavailable(String),
}

impl StorageError {
    /// As it is told outside; a file that is missing where one has to be is a fault of this side.
    pub(crate) fn refusal(&self) -> Refusal {
        let code = match self {
            Self::NoSpace => ErrorCode::NoSpace,
            Self::NotFound | Self::TooLong | Self::Unavailable(_) => ErrorCode::Unavailable,
        };
        Refusal::new(code, format!("storage: {self}"))
    }
}

impl From<std::io::Error> for StorageError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Self::NotFound,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::NoSpace,
            kind => Self::Unavailable(kind.to_string()),
        }
    }
}

impl Storage {
    /// In a folder, which is made when something is stored.
    #[must_use]
    pub fn folder(root: PathBuf) -> Self {
        Self { place: Place::Folder(Folder::new(root)), meter: Meter::new("folder") }
    }

    /// In a bucket.
    #[must_use]
    pub fn s3(s3: S3) -> Self {
        Self { place: Place::S3(s3), meter: Meter::new("s3") }
    }

    /// Has what it does counted.
    #[must_use]
    pub(crate) fn measured(mut self, metrics: &Arc<Metrics>) -> Self {
        self.meter = self.meter.counting(metrics);
        self
    }

    /// The folder, where it is one of this machine.
    #[must_use]
    pub fn root(&self) -> Option<&Path> {
        match &self.place {
            Place::Folder(folder) => Some(folder.root()),
            Place::S3(_) => None,
        }
    }

    /// Begins to store a file. Nobody sees it before [`Received::keep`].
    pub async fn create(&self, path: &str) -> Result<Incoming, StorageError> {
        Ok(match &self.place {
            Place::Folder(folder) => Incoming::folder(folder.create(path)?, self.meter.clone()),
            Place::S3(s3) => Incoming::s3(s3.create(path)?, self.meter.clone()),
        })
    }

    /// What is known of a file.
    pub async fn look(&self, path: &str) -> Result<Stored, StorageError> {
        let work = async {
            match &self.place {
                Place::Folder(folder) => folder.look(path).await,
                Place::S3(s3) => s3.look(path).await,
            }
        };
        self.meter.time("look", work).await
    }

    /// A file or a range of it, which must lie inside. Begins to read at once: what is missing is missing here, not in the
    /// chunks.
    pub async fn read(&self, path: &str, range: Option<Range<u64>>) -> Result<(Stored, Chunks), StorageError> {
        let work = async {
            match &self.place {
                Place::Folder(folder) => folder.read(path, range).await,
                Place::S3(s3) => s3.read(path, range).await,
            }
        };
        self.meter.time("read", work).await
    }

    /// A whole file of at most `len_max` bytes.
    pub async fn read_all(&self, path: &str, len_max: u64) -> Result<Vec<u8>, StorageError> {
        let (stored, mut chunks) = self.read(path, None).await?;
        if stored.len > len_max {
            return Err(StorageError::TooLong);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(stored.len).unwrap_or_default());
        while let Some(chunk) = chunks.try_next().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// Every file below a folder, in no particular order; one that nothing is in does not exist, and is empty. Files that
    /// were never kept are not among them.
    pub async fn list(&self, folder: &str) -> Result<Vec<Stored>, StorageError> {
        let work = async {
            match &self.place {
                Place::Folder(root) => root.list(folder).await,
                Place::S3(s3) => s3.list(folder).await,
            }
        };
        self.meter.time("list", work).await
    }

    /// The folders at the top, some at a time: `page` is none at first and then what came with the page before, until none
    /// comes.
    pub async fn folders(&self, page: Option<String>) -> Result<(Vec<String>, Option<String>), StorageError> {
        match &self.place {
            Place::Folder(folder) => folder.folders().await.map(|names| (names, None)),
            Place::S3(s3) => s3.folders(page).await,
        }
    }

    /// When anything in a folder last changed; none where there is no such folder.
    pub async fn changed_at(&self, folder: &str) -> Result<Option<u64>, StorageError> {
        match &self.place {
            Place::Folder(root) => root.changed_at(folder).await,
            Place::S3(s3) => Ok(s3.list(folder).await?.iter().map(|stored| stored.modified_at).max()),
        }
    }

    /// Makes the files of a folder safe from a power cut, as far as they are not, and removes what was never kept.
    pub async fn settle(&self, folder: &str) -> Result<(), StorageError> {
        let work = async {
            match &self.place {
                Place::Folder(root) => root.settle(folder).await,
                // What S3 has answered for is safe.
                Place::S3(_) => Ok(()),
            }
        };
        self.meter.time("settle", work).await
    }

    /// Removes a folder with all that is in it. None is no error.
    pub async fn remove(&self, folder: &str) -> Result<(), StorageError> {
        let work = async {
            match &self.place {
                Place::Folder(root) => root.remove(folder).await,
                Place::S3(s3) => s3.remove(folder).await,
            }
        };
        self.meter.time("remove", work).await
    }

    /// Removes one file. None is no error.
    pub async fn remove_file(&self, path: &str) -> Result<(), StorageError> {
        let work = async {
            match &self.place {
                Place::Folder(folder) => folder.remove_file(path).await,
                Place::S3(s3) => s3.remove_file(path).await,
            }
        };
        self.meter.time("remove", work).await
    }

    /// Whether it can be used: really asked.
    pub async fn check(&self) -> Result<(), StorageError> {
        let work = async {
            match &self.place {
                Place::Folder(folder) => folder.check().await,
                Place::S3(s3) => s3.check().await,
            }
        };
        self.meter.time("check", work).await
    }

    /// An address by which anybody reads a file for a while, from the store itself; none where only this server reads.
    pub async fn address(&self, path: &str, valid_for: Duration) -> Result<Option<Url>, StorageError> {
        match &self.place {
            Place::Folder(_) => Ok(None),
            Place::S3(s3) => s3.address(path, valid_for).await.map(Some),
        }
    }

    /// Takes back uploads in parts that began before a time (seconds since 1970) and never ended. Returns how many.
    pub async fn sweep_parts(&self, begun_before: u64) -> Result<usize, StorageError> {
        match &self.place {
            Place::Folder(_) => Ok(0),
            Place::S3(s3) => s3.sweep_parts(begun_before).await,
        }
    }
}

impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Folder(folder) => write!(f, "the folder {}", folder.root().display()),
            Place::S3(s3) => write!(f, "{s3}"),
        }
    }
}
