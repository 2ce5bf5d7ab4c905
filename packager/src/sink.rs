//! Where sealed files go: a folder here, or a job's media at the key server.

use std::sync::Arc;

use crate::{error::PackError, output::PartialOutput, worker::JobMedia};

/// Takes each file of a title once, whole.
#[derive(Debug, Clone)]
pub(crate) enum Sink {
    Folder(Arc<PartialOutput>),
    Job(Arc<JobMedia>),
}

impl Sink {
    /// Returns when the file is safe: on disk, or taken by the server.
    pub(crate) async fn write(&self, path: &str, bytes: Vec<u8>) -> Result<(), PackError> {
        match self {
            Self::Folder(output) => {
                let (output, path) = (Arc::clone(output), path.to_owned());
                tokio::task::spawn_blocking(move || output.write(&path, &bytes)).await?
            }
            Self::Job(media) => media.put(path, bytes).await,
        }
    }
}
