//! Reads a byte range of a remote source to its end, whatever breaks meanwhile.

use std::{fmt::Debug, sync::Arc, time::Duration};

use axum::body::Bytes;
use futures_util::future::BoxFuture;
use reqwest::{Response, StatusCode};
use tokio::time::timeout;

use crate::{
    error::PackError,
    http::{self, Failure, Server},
    progress::Report,
    retry::Retry,
};

/// An answer that stays silent for this long is given up and asked for anew.
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// A source at a server.
pub(crate) trait Remote: Send + Sync + Debug {
    /// For messages.
    fn name(&self) -> &str;
    /// In bytes.
    fn len(&self) -> u64;
    /// Asks for the bytes from here on; the answer is 206 or, from 0 on, 200.
    fn ask(&self, from: u64, to: u64) -> BoxFuture<'_, Result<Response, Failure>>;
    fn server(&self) -> &Server;
    fn report(&self) -> &dyn Report;
}

/// One range while it is read.
#[derive(Debug)]
pub(crate) struct Ranges {
    remote: Arc<dyn Remote>,
    at: u64,
    to: u64,
    open: Option<Response>,
    is_over: bool,
}

impl Ranges {
    /// From `at` up to but without `to`.
    pub(crate) fn new(remote: Arc<dyn Remote>, at: u64, to: u64) -> Self {
        Self { remote, at, to, open: None, is_over: false }
    }

    /// The next bytes; `None` at the end, and after an error, which says why the rest can't be had.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, PackError>> {
        if self.is_over || self.at >= self.to {
            return None;
        }
        let remote = Arc::clone(&self.remote);
        let mut retry = Retry::new(remote.server().patience());
        loop {
            let failure = match self.attempt().await {
                Ok(chunk) => {
                    self.at += chunk.len() as u64;
                    return Some(Ok(chunk));
                }
                Err(failure) => failure,
            };
            self.open = None;
            if let Err(error) = retry.wait("reading the source", failure, remote.server().url(), remote.report()).await
            {
                self.is_over = true;
                return Some(Err(error));
            }
        }
    }

    async fn attempt(&mut self) -> Result<Bytes, Failure> {
        let silent = |_| Failure::Unreachable("no answer in time".into());
        let mut response = match self.open.take() {
            Some(response) => response,
            None => {
                let response = timeout(SILENCE_MAX, self.remote.ask(self.at, self.to)).await.map_err(silent)??;
                // Bytes from another place would make another film.
                if self.at > 0 && response.status() != StatusCode::PARTIAL_CONTENT {
                    return Err(Failure::Final(PackError::ServerError("it does not answer byte ranges".into())));
                }
                response
            }
        };
        let chunk = timeout(SILENCE_MAX, response.chunk()).await.map_err(silent)?;
        let mut chunk = chunk
            .map_err(|error| http::unreachable(&error))?
            .ok_or_else(|| Failure::Unreachable("the source broke off".into()))?;
        let left = usize::try_from(self.to - self.at).unwrap_or(usize::MAX);
        chunk.truncate(left);
        self.open = Some(response);
        Ok(chunk)
    }
}
