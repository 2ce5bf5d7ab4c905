//! HTTP to the key server, whoever asks: one client, bounded answers, and failures sorted by whether to try again.

use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use futures_util::StreamExt;
use keyveil_protocol::{
    ErrorCode, ServerKeyId, ServerPublicKey,
    api::{ErrorResponse, ServerKeysResponse},
};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use url::{Host, Url};

use crate::{error::PackError, progress::Report, retry::Retry};

const CONNECT_SECS_MAX: u64 = 5;
/// Of a request with a small body and a small answer.
const REQUEST_SECS_MAX: u64 = 15;
/// The largest answer that is read whole is a title with 64 renditions.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// One key server.
#[derive(Clone)]
pub(crate) struct Server {
    http: reqwest::Client,
    url: Url,
    /// How long failing requests are repeated in all.
    patience: Duration,
}

/// Why a request did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No answer; worth repeating.
    Unreachable(String),
    /// 429 or 5xx; worth repeating, perhaps after the time that the server names.
    Busy { reason: String, after: Option<Duration> },
    /// An answer that repeating does not change.
    Refused(Refusal),
    /// Anything else that repeating does not change.
    Final(PackError),
}

/// What a server that refuses says.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub status: StatusCode,
    /// Empty when the answer has none.
    pub code: String,
    /// For people.
    pub text: String,
}

/// A small answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: header::HeaderMap,
    pub body: Vec<u8>,
}

impl Server {
    /// Checks the URL; nothing is sent.
    pub(crate) fn new(url: Url, insecure_http: bool, patience: Duration) -> Result<Self, PackError> {
        // A second installation is refused, and then the first, which is the same, stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(PackError::OptionInvalid(format!("--server {url} is no http(s) address")));
        }
        if url.scheme() == "http" && !is_loopback(&url) && !insecure_http {
            return Err(PackError::OptionInvalid(
                "over http the API key, and with it every title it may register, is open to the network; use an https \
                 --server, or --insecure-http where the network itself is trusted"
                    .into(),
            ));
        }
        let mut builder = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(CONNECT_SECS_MAX))
            // The API key goes to the server that was named and to no other.
            .redirect(reqwest::redirect::Policy::none());
        if is_loopback(&url) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| PackError::Internal(error.to_string()))?;
        Ok(Self { http, url, patience })
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// A request to `path`, which has no slash in front; nothing is sent yet. Without a limit of time.
    pub(crate) fn stream(&self, method: Method, path: &str) -> RequestBuilder {
        let base = self.url.as_str().trim_end_matches('/');
        self.http.request(method, format!("{base}/{path}"))
    }

    /// As [`Self::stream`], for small bodies and small answers.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.stream(method, path).timeout(Duration::from_secs(REQUEST_SECS_MAX))
    }

    /// Attempts until there is an outcome that repeating would not change, or the time for that is over.
    pub(crate) async fn repeat<T, F>(
        &self,
        what: &str,
        report: &dyn Report,
        // Not `AsyncFnMut`: its futures can't be told to be `Send`.
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, PackError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut retry = Retry::new(self.patience);
        loop {
            match attempt().await {
                Ok(outcome) => return Ok(outcome),
                Err(failure) => retry.wait(what, failure, &self.url, report).await?,
            }
        }
    }

    /// The static key that the server lists under this id.
    pub(crate) async fn listed_key(&self, id: &ServerKeyId, report: &dyn Report) -> Result<ServerPublicKey, PackError> {
        // Public keys need no API key, and so get none.
        let ask = || answer(self.request(Method::GET, "v1/server-keys"));
        let answer = self.repeat("reading the server's keys", report, ask).await?;
        let listed: ServerKeysResponse = answer.json()?;
        let found = listed.server_keys.iter().find(|key| key.id == *id);
        let found = found.ok_or_else(|| PackError::ServerKeyUnknown(id.to_string()))?;
        let bytes = decode_key(&found.public_key)
            .ok_or_else(|| PackError::ServerError("its public key is malformed".into()))?;
        ServerPublicKey::from_bytes(id.clone(), &bytes).map_err(|_| PackError::EnvelopeRejected)
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({})", self.url)
    }
}

impl Answer {
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, PackError> {
        serde_json::from_slice(&self.body)
            .map_err(|error| PackError::ServerError(format!("its answer can't be read ({error})")))
    }

    /// A header's text, when there is one.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Refusal {
    /// What it means to whoever asked.
    pub(crate) fn into_error(self) -> PackError {
        match self.code.as_str() {
            code if code == ErrorCode::LeaseLost.as_str() => PackError::LeaseLost,
            code if code == ErrorCode::NoSpace.as_str() => PackError::ServerFull,
            code if code == ErrorCode::MediaIncomplete.as_str() => PackError::MediaIncomplete(self.text),
            code if code == ErrorCode::WorkerTooOld.as_str() => PackError::WorkerTooOld(self.text),
            code if code == ErrorCode::WorkerTooNew.as_str() => PackError::WorkerTooNew(self.text),
            _ if self.status == StatusCode::UNAUTHORIZED => PackError::ApiKeyInvalid,
            _ => PackError::ServerError(self.text),
        }
    }
}

/// Sends, and reads a small answer whole.
pub(crate) async fn answer(request: RequestBuilder) -> Result<Answer, Failure> {
    let response = open(request).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    Ok(Answer { status, headers, body: read_bounded(response).await? })
}

/// Sends, and gives a good answer unread; refusals are read and sorted.
pub(crate) async fn open(request: RequestBuilder) -> Result<Response, Failure> {
    let response = request.send().await.map_err(|error| unreachable(&error))?;
    let (status, after) = (response.status(), retry_after(response.headers()));
    if status.is_success() {
        return Ok(response);
    }
    let limit = Duration::from_secs(REQUEST_SECS_MAX);
    let answer = tokio::time::timeout(limit, read_bounded(response)).await;
    let answer = answer.map_err(|_| Failure::Unreachable("no answer in time".into()))??;
    let refusal = Refusal { status, code: code(&answer).unwrap_or_default(), text: describe(status, &answer) };
    let is_full = refusal.code == ErrorCode::NoSpace.as_str();
    if status == StatusCode::TOO_MANY_REQUESTS || (status.is_server_error() && !is_full) {
        return Err(Failure::Busy { reason: refusal.text, after });
    }
    Err(Failure::Refused(refusal))
}

pub(crate) fn unreachable(error: &reqwest::Error) -> Failure {
    Failure::Unreachable(root_cause(error))
}

pub(crate) fn to_body(request: &impl Serialize) -> Result<Vec<u8>, PackError> {
    serde_json::to_vec(request).map_err(|error| PackError::Internal(error.to_string()))
}

async fn read_bounded(response: Response) -> Result<Vec<u8>, Failure> {
    let mut answer = Vec::new();
    let mut stream = response.bytes_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| unreachable(&error))?;
        if answer.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Failure::Final(PackError::ServerError("its answer is too long; check --server".into())));
        }
        answer.extend_from_slice(&chunk);
    }
    Ok(answer)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn decode_key(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let length = Base64UrlUnpadded::decode(text, &mut bytes).ok()?.len();
    (length == bytes.len()).then_some(bytes)
}

/// Only the form in seconds; a date would need the clocks to agree.
fn retry_after(headers: &header::HeaderMap) -> Option<Duration> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

fn code(answer: &[u8]) -> Option<String> {
    serde_json::from_slice::<ErrorResponse>(answer).ok().map(|answer| answer.error.code)
}

fn describe(status: StatusCode, answer: &[u8]) -> String {
    let clean = |text: &str| text.chars().filter(|character| !character.is_control()).take(300).collect::<String>();
    match serde_json::from_slice::<ErrorResponse>(answer) {
        Ok(ErrorResponse { error }) => {
            let (code, message, id) = (clean(&error.code), clean(&error.message), clean(&error.request_id));
            let detail = error.detail.map(|detail| format!(" [{}]", clean(&detail))).unwrap_or_default();
            format!("{code}: {message}{detail} (status {}, request {id})", status.as_u16())
        }
        Err(_) => format!("it answered status {}; check --server", status.as_u16()),
    }
}

/// reqwest's own text only says that sending failed; the cause is at the bottom.
fn root_cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".into();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
