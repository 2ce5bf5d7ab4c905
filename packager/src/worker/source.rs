//! A job's source at the server.

use std::sync::Arc;

use futures_util::{FutureExt, future::BoxFuture};
use reqwest::{Method, Response, header};

use super::{api::JobApi, heartbeat::JobReport};
use crate::{
    http::{self, Failure, Server},
    progress::Report,
    source::Remote,
};

/// Read by ranges, with the job's token.
#[derive(Debug)]
pub(super) struct JobSource {
    pub api: JobApi,
    pub report: Arc<JobReport>,
    pub name: String,
    pub len: u64,
}

impl Remote for JobSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn ask(&self, from: u64, to: u64) -> BoxFuture<'_, Result<Response, Failure>> {
        let range = format!("bytes={from}-{}", to.saturating_sub(1));
        http::open(self.api.stream(Method::GET, "source").header(header::RANGE, range)).boxed()
    }

    fn server(&self) -> &Server {
        self.api.server()
    }

    fn report(&self) -> &dyn Report {
        &*self.report
    }
}
