//! A version's files at the server: stored by this attempt, or read from the version before.

use std::time::Duration;

use axum::body::Bytes;
use keyveil_protocol::job::{MEDIA_FILE_LEN_MAX, SHA256_HEADER};
use reqwest::{Method, StatusCode, header};
use sha2::{Digest, Sha256};
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};

use std::sync::Arc;

use super::{api::JobApi, heartbeat::JobReport};
use crate::{
    error::PackError,
    http::{self, Failure},
};

/// Files under way at a time; whoever has more waits, and so does ffmpeg.
const FILES_MAX: usize = 4;
/// A transfer may take this long, and more by its length at the slowest rate that is waited for.
const TRANSFER_SECS_MIN: u64 = 30;
const BYTES_PER_SEC_MIN: u64 = 64 * 1024;
/// An answer that stays silent for this long is given up.
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// Where one attempt of a job keeps its files.
#[derive(Debug)]
pub(crate) struct JobMedia {
    api: JobApi,
    report: Arc<JobReport>,
    places: Semaphore,
    over: watch::Sender<bool>,
}

impl JobMedia {
    pub(super) fn new(api: JobApi, report: Arc<JobReport>) -> Self {
        Self { api, report, places: Semaphore::new(FILES_MAX), over: watch::Sender::new(false) }
    }

    /// Nothing more is stored: the attempt is over, while some of its tasks may still hold files.
    pub(super) fn close(&self) {
        self.over.send_replace(true);
        self.places.close();
    }

    /// Stores one file whole; repeated until the server has it, or does not come back.
    pub(crate) async fn put(&self, path: &str, bytes: Vec<u8>) -> Result<(), PackError> {
        let _place = self.places.acquire().await.map_err(|_| PackError::LeaseLost)?;
        let bytes = Bytes::from(bytes);
        let hash = {
            let bytes = bytes.clone();
            tokio::task::spawn_blocking(move || hex::encode(Sha256::digest(&bytes))).await?
        };
        let limit = Duration::from_secs(TRANSFER_SECS_MIN + bytes.len() as u64 / BYTES_PER_SEC_MIN);
        let path = format!("media/{path}");
        let attempt = || {
            let request = self.api.stream(Method::PUT, &path).timeout(limit);
            let request = request.header(header::CONTENT_TYPE, "application/octet-stream");
            http::answer(request.header(SHA256_HEADER, &hash).body(bytes.clone()))
        };
        let mut over = self.over.subscribe();
        tokio::select! {
            stored = self.api.server().repeat("storing a file", &*self.report, attempt) => stored.map(|_| ()),
            _ = over.wait_for(|over| *over) => Err(PackError::LeaseLost),
        }
    }

    /// Reads one file of the version before.
    pub(super) async fn get(&self, path: &str) -> Result<Vec<u8>, PackError> {
        let path = format!("media/{path}");
        let attempt = || async {
            let silent = |_| Failure::Unreachable("no answer in time".into());
            let request = self.api.stream(Method::GET, &path);
            let mut response = timeout(SILENCE_MAX, http::open(request)).await.map_err(silent)??;
            if response.status() != StatusCode::OK {
                return Err(Failure::Final(PackError::ServerError(format!("{path} does not come whole"))));
            }
            let mut bytes = Vec::new();
            while let Some(chunk) = timeout(SILENCE_MAX, response.chunk())
                .await
                .map_err(silent)?
                .map_err(|error| http::unreachable(&error))?
            {
                if (bytes.len() + chunk.len()) as u64 > MEDIA_FILE_LEN_MAX {
                    return Err(Failure::Final(PackError::ServerError(format!("{path} is too long"))));
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(bytes)
        };
        self.api.server().repeat("reading a file", &*self.report, attempt).await
    }
}
