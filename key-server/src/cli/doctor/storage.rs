//! Where media lie: a file is stored, read and removed.

use std::time::Duration;

use bytes::Bytes;

use super::finding::Findings;
use crate::config::Config;
use crate::installation::open_media;
use crate::storage::{Storage, StorageError};

pub(super) const CHECK: &str = "storage";
/// S3's own attempts included.
const TIMEOUT: Duration = Duration::from_secs(40);
const CONTENT: &[u8] = b"key-server doctor";
/// Not in any title's folder, and of no title's name.
const FILE: &str = "probe";

pub(super) async fn look(config: &Config, findings: &mut Findings) {
    let media = match open_media(config) {
        Ok(media) => media,
        Err(error) => return findings.problem(CHECK, error.to_string(), "see docs/OPERATION.md, \"Media in S3\""),
    };
    let folder = format!("doctor-{}", std::process::id());
    let trip = tokio::time::timeout(TIMEOUT, round_trip(&media, &folder)).await;
    match trip.unwrap_or_else(|_| Err(("answer", StorageError::Unavailable("not in time".to_owned())))) {
        Ok(()) => findings.ok(CHECK, format!("{media}: a file was stored, read and removed")),
        Err((step, error)) => findings.problem(
            CHECK,
            format!("{media} does not {step} a file: {error}"),
            format!("give the server's user, or its credentials, what docs/OPERATION.md says; remove {folder}/ if it is left there"),
        ),
    }
}

async fn round_trip(media: &Storage, folder: &str) -> Result<(), (&'static str, StorageError)> {
    let path = format!("{folder}/{FILE}");
    store(media, &path).await.map_err(|error| ("store", error))?;
    let read = media.read_all(&path, CONTENT.len() as u64).await;
    // Also of a file that could not be read.
    let removed = media.remove(folder).await;
    if read.map_err(|error| ("give back", error))? != CONTENT {
        return Err(("give back", StorageError::Unavailable("it came back as something else".to_owned())));
    }
    removed.map_err(|error| ("remove", error))?;
    match media.look(&path).await {
        Err(StorageError::NotFound) => Ok(()),
        _ => Err(("remove", StorageError::Unavailable("it is still there".to_owned()))),
    }
}

async fn store(media: &Storage, path: &str) -> Result<(), StorageError> {
    let mut incoming = media.create(path).await?;
    incoming.push(Bytes::from_static(CONTENT)).await?;
    incoming.close().await?.keep().await
}
