use bytes::Bytes;

use super::StorageError;
use super::folder::{FolderIncoming, Unnamed};
use super::meter::Meter;
use super::s3::{S3Incoming, S3Received};

/// A file on its way in. Dropped, it never was.
pub struct Incoming {
    to: IncomingTo,
    meter: Meter,
}

enum IncomingTo {
    Folder(FolderIncoming),
    S3(Box<S3Incoming>),
}

/// A file that has come whole and that nobody sees yet. Dropped, it goes.
pub struct Received {
    at: ReceivedAt,
    meter: Meter,
}

enum ReceivedAt {
    Folder(Unnamed),
    S3(S3Received),
}

impl Incoming {
    pub(super) const fn folder(incoming: FolderIncoming, meter: Meter) -> Self {
        Self { to: IncomingTo::Folder(incoming), meter }
    }

    pub(super) fn s3(incoming: S3Incoming, meter: Meter) -> Self {
        Self { to: IncomingTo::S3(Box::new(incoming)), meter }
    }

    /// The next bytes. After a failure [`Self::close`] says why.
    pub async fn push(&mut self, chunk: Bytes) -> Result<(), StorageError> {
        match &mut self.to {
            IncomingTo::Folder(incoming) => incoming.push(chunk).await,
            IncomingTo::S3(incoming) => incoming.push(chunk).await,
        }
    }

    /// There are no more.
    pub async fn close(self) -> Result<Received, StorageError> {
        let at = match self.to {
            IncomingTo::Folder(incoming) => ReceivedAt::Folder(incoming.close().await?),
            IncomingTo::S3(incoming) => ReceivedAt::S3((*incoming).close().await?),
        };
        Ok(Received { at, meter: self.meter })
    }
}

impl Received {
    /// How many bytes came.
    #[must_use]
    pub fn len(&self) -> u64 {
        match &self.at {
            ReceivedAt::Folder(unnamed) => unnamed.len,
            ReceivedAt::S3(received) => received.len(),
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
        match &self.at {
            ReceivedAt::Folder(unnamed) => unnamed.sha256,
            ReceivedAt::S3(received) => received.sha256(),
        }
    }

    /// Gives the file its name, in place of whatever had it.
    pub async fn keep(self) -> Result<(), StorageError> {
        let Self { at, meter } = self;
        let work = async {
            match at {
                ReceivedAt::Folder(unnamed) => unnamed.keep().await,
                ReceivedAt::S3(received) => received.keep().await,
            }
        };
        meter.time("store", work).await
    }
}
