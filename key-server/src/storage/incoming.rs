use bytes::Bytes;

use super::StorageError;
use super::folder::{FolderIncoming, Unnamed};
use super::s3::{S3Incoming, S3Received};

/// A file on its way in. Dropped, it never was.
pub enum Incoming {
    /// Of a folder.
    Folder(FolderIncoming),
    /// Of a bucket.
    S3(Box<S3Incoming>),
}

/// A file that has come whole and that nobody sees yet. Dropped, it goes.
pub enum Received {
    /// Of a folder.
    Folder(Unnamed),
    /// Of a bucket.
    S3(S3Received),
}

impl Incoming {
    /// The next bytes. After a failure [`Self::close`] says why.
    pub async fn push(&mut self, chunk: Bytes) -> Result<(), StorageError> {
        match self {
            Self::Folder(incoming) => incoming.push(chunk).await,
            Self::S3(incoming) => incoming.push(chunk).await,
        }
    }

    /// There are no more.
    pub async fn close(self) -> Result<Received, StorageError> {
        match self {
            Self::Folder(incoming) => incoming.close().await.map(Received::Folder),
            Self::S3(incoming) => (*incoming).close().await.map(Received::S3),
        }
    }
}

impl Received {
    /// How many bytes came.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Folder(unnamed) => unnamed.len,
            Self::S3(received) => received.len(),
        }
    }

    /// Whether none came.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What they hash to.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        match self {
            Self::Folder(unnamed) => unnamed.sha256,
            Self::S3(received) => received.sha256(),
        }
    }

    /// Gives the file its name, in place of whatever had it.
    pub async fn keep(self) -> Result<(), StorageError> {
        match self {
            Self::Folder(unnamed) => unnamed.keep().await,
            Self::S3(received) => received.keep().await,
        }
    }
}
