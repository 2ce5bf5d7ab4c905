//! The worker's requests.

use std::time::Duration;

use getrandom::SysRng;
use keyveil_protocol::{
    Envelope, Exchange, JobId, TitleSecret, WorkerId,
    job::{CLAIM_WAIT_SECS_MAX, ClaimJobRequest, ClaimedJob, FailJobRequest},
};
use rand_core::UnwrapErr;
use reqwest::{Method, RequestBuilder, StatusCode, header};
use serde::Serialize;

use super::WorkerOptions;
use crate::{
    client::ServerOptions,
    error::PackError,
    http::{Answer, Failure, Server, answer, to_body},
    progress::Report,
};

/// An answer to a claim may take its waiting time, and this.
const CLAIM_SECS_MORE: u64 = 15;
/// A failure's sentence is at most this long.
const MESSAGE_BYTES_MAX: usize = 1000;

/// A job, and what opens its envelopes.
pub(super) struct Claim {
    pub job: ClaimedJob,
    exchange: Exchange,
    body: Vec<u8>,
}

/// Asks for a job, and waits for one a while. `registered` is the worker's id and what it and the server speak.
pub(super) async fn claim(
    server: &Server,
    options: &WorkerOptions,
    registered: Option<(&WorkerId, u32)>,
) -> Result<Option<Claim>, Failure> {
    let exchange = Exchange::generate(&mut UnwrapErr(SysRng));
    let request = ClaimJobRequest {
        public_key: exchange.public_key().to_string(),
        worker: options.name.clone(),
        wait_secs: CLAIM_WAIT_SECS_MAX,
        worker_id: registered.map(|(id, _)| id.clone()),
        protocol_version: registered.map(|(_, version)| version),
    };
    // The envelopes are bound to these bytes.
    let body = to_body(&request).map_err(Failure::Final)?;
    let request = server
        .stream(Method::POST, "v1/jobs/claim")
        .timeout(Duration::from_secs(CLAIM_WAIT_SECS_MAX + CLAIM_SECS_MORE))
        .bearer_auth(options.server.api_key.expose_text())
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.clone());
    let answer = answer(request).await?;
    if answer.status == StatusCode::NO_CONTENT {
        return Ok(None);
    }
    let job = answer.json().map_err(Failure::Final)?;
    Ok(Some(Claim { job, exchange, body }))
}

impl Claim {
    /// Opens the new version's secret, and that of the version before where there is one.
    pub(super) async fn open(
        self,
        server: &Server,
        options: &ServerOptions,
        previous: Option<&Envelope>,
        report: &dyn Report,
    ) -> Result<Secrets, PackError> {
        let Some(new) = &self.job.title_secret else { return Ok(Secrets { new: None, previous: None }) };
        let key = options.server_key(server, &new.server_key_id, report).await?;
        let psk = options.api_key.psk();
        let opened = match previous {
            Some(previous) => self.exchange.open_title_pair(&self.body, [new, previous], &key, &psk),
            None => {
                let opened = self.exchange.open_title(&self.body, new, &key, &psk);
                return opened.map(|new| Secrets { new: Some(new), previous: None }).map_err(rejected);
            }
        };
        opened.map(|[new, previous]| Secrets { new: Some(new), previous: Some(previous) }).map_err(rejected)
    }
}

fn rejected(error: keyveil_protocol::ProtocolError) -> PackError {
    tracing::debug!(%error, "title secret");
    PackError::EnvelopeRejected
}

/// None in clear mode.
pub(super) struct Secrets {
    pub new: Option<TitleSecret>,
    pub previous: Option<TitleSecret>,
}

/// One attempt of one job at the server.
#[derive(Clone)]
pub(super) struct JobApi {
    server: Server,
    job_id: JobId,
    token: String,
}

impl std::fmt::Debug for JobApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JobApi({}, {})", self.server.url(), self.job_id)
    }
}

impl JobApi {
    pub(super) fn new(server: &Server, job: &ClaimedJob) -> Self {
        Self { server: server.clone(), job_id: job.job_id.clone(), token: job.token.clone() }
    }

    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// Without a limit of time.
    pub(super) fn stream(&self, method: Method, path: &str) -> RequestBuilder {
        self.server.stream(method, &format!("v1/jobs/{}/{path}", self.job_id)).bearer_auth(&self.token)
    }

    /// Posts JSON once.
    pub(super) async fn post(&self, path: &str, body: &impl Serialize) -> Result<Answer, Failure> {
        let body = to_body(body).map_err(Failure::Final)?;
        let request = self.server.request(Method::POST, &format!("v1/jobs/{}/{path}", self.job_id));
        answer(request.bearer_auth(&self.token).header(header::CONTENT_TYPE, "application/json").body(body)).await
    }

    /// Tells why the attempt ended.
    pub(super) async fn fail(&self, error: &PackError) -> Result<Answer, Failure> {
        let mut message = error.to_string();
        message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
        let retryable = error.is_retryable();
        self.post("fail", &FailJobRequest { code: error.code().to_owned(), message, retryable }).await
    }
}
