//! Speaks to the key server: registers, publishes and deletes titles.

use std::{sync::Arc, time::Duration};

use base64ct::{Base64UrlUnpadded, Encoding};
use futures_util::StreamExt;
use getrandom::SysRng;
use keyveil_protocol::{
    ApiKey, ErrorCode, Exchange, FileId, Mode, ServerPublicKey, TitleSecret,
    api::{CommitTitleRequest, ErrorResponse, MediaInfo, PutTitleRequest, PutTitleResponse, ServerKeysResponse},
};
use rand_core::UnwrapErr;
use reqwest::{Method, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use url::{Host, Url};

use crate::{error::PackError, progress::Report, retry::Retry};

const CONNECT_SECS_MAX: u64 = 5;
const REQUEST_SECS_MAX: u64 = 15;
/// Cleaning up after a failure must not keep the user waiting.
const DELETE_SECS_MAX: u64 = 5;
/// The largest answer is a title with 64 renditions.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Where the key server is and how to speak to it.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    pub url: Url,
    pub api_key: ApiKey,
    /// The server's static public key, when it is pinned rather than asked for.
    pub server_key: Option<[u8; 32]>,
    /// Allows plain http beyond this machine.
    pub insecure_http: bool,
    /// How long failing requests are repeated in all.
    pub retry_max: Duration,
}

/// A connection to one key server.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    options: ServerOptions,
    report: Arc<dyn Report>,
}

/// A title as this run registered it.
#[derive(Debug, Clone)]
pub(crate) struct Registration {
    pub file_id: FileId,
    /// Names the run to the server: it publishes only what was encrypted under the secret that it keeps.
    public_key: String,
}

/// Why a request did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No answer; worth repeating.
    Unreachable(String),
    /// 429 or 5xx; worth repeating, perhaps after the time that the server names.
    Busy { reason: String, after: Option<Duration> },
    /// Anything that repeating does not change.
    Final(PackError),
}

impl Client {
    /// Checks the URL; nothing is sent.
    pub(crate) fn new(options: ServerOptions, report: Arc<dyn Report>) -> Result<Self, PackError> {
        // A second installation is refused, and then the first, which is the same, stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        if !matches!(options.url.scheme(), "http" | "https") || options.url.host().is_none() {
            return Err(PackError::OptionInvalid(format!("--server {} is no http(s) address", options.url)));
        }
        if options.url.scheme() == "http" && !is_loopback(&options.url) && !options.insecure_http {
            return Err(PackError::OptionInvalid(
                "over http the API key, and with it every title it may register, is open to the network; use an https \
                 --server, or --insecure-http where the network itself is trusted"
                    .into(),
            ));
        }
        let mut builder = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(CONNECT_SECS_MAX))
            .timeout(Duration::from_secs(REQUEST_SECS_MAX))
            // The API key goes to the server that was named and to no other.
            .redirect(reqwest::redirect::Policy::none());
        if is_loopback(&options.url) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| PackError::Internal(error.to_string()))?;
        Ok(Self { http, options, report })
    }

    /// `PUT /v1/titles/{fileId}`: registers a title, and opens the secret of a private one.
    pub(crate) async fn register(
        &self,
        file_id: &FileId,
        name: &str,
        mode: Mode,
    ) -> Result<(Registration, Option<TitleSecret>), PackError> {
        let exchange = Exchange::generate(&mut UnwrapErr(SysRng));
        let registration = Registration { file_id: file_id.clone(), public_key: exchange.public_key().to_string() };
        let request = PutTitleRequest {
            file_id: file_id.clone(),
            public_key: registration.public_key.clone(),
            name: name.to_owned(),
            mode,
        };
        // The envelope is bound to these bytes, so a repetition sends the same.
        let body = to_body(&request)?;
        let path = format!("v1/titles/{file_id}");
        let answer: PutTitleResponse = self.request("registering the title", Method::PUT, &path, Some(&body)).await?;
        let envelope = match (mode, answer.title_secret) {
            (Mode::Clear, _) => return Ok((registration, None)),
            (Mode::Private, Some(envelope)) => envelope,
            (Mode::Private, None) => {
                return Err(PackError::ServerError("it gave no title secret for a private title".into()));
            }
        };
        let server_key = self.server_key(&envelope.server_key_id).await?;
        let opened = exchange.open_title(&body, &envelope, &server_key, &self.options.api_key.psk());
        opened.map(|secret| (registration, Some(secret))).map_err(|error| {
            tracing::debug!(%error, "title secret");
            PackError::EnvelopeRejected
        })
    }

    /// `POST /v1/titles/{fileId}/commit`.
    pub(crate) async fn publish(&self, registration: &Registration, media: &MediaInfo) -> Result<(), PackError> {
        let Registration { file_id, public_key } = registration;
        let body = to_body(&CommitTitleRequest { public_key: public_key.clone(), media: media.clone() })?;
        let path = format!("v1/titles/{file_id}/commit");
        let _: serde::de::IgnoredAny = self.request("publishing the title", Method::POST, &path, Some(&body)).await?;
        Ok(())
    }

    /// `DELETE /v1/titles/{fileId}`, once and without an error: it cleans up after another failure.
    pub(crate) async fn delete(&self, file_id: &FileId) {
        let path = format!("v1/titles/{file_id}");
        let limit = Duration::from_secs(DELETE_SECS_MAX);
        match tokio::time::timeout(limit, self.send(&Method::DELETE, &path, None)).await {
            Ok(Ok(_)) => {}
            Ok(Err(failure)) => tracing::warn!(%file_id, ?failure, "the unpublished title stays at the key server"),
            Err(_) => tracing::warn!(%file_id, "the unpublished title stays at the key server: no answer in time"),
        }
    }

    /// The pinned key, or the one that the server lists under this id.
    async fn server_key(&self, id: &keyveil_protocol::ServerKeyId) -> Result<ServerPublicKey, PackError> {
        let bytes = match self.options.server_key {
            Some(pinned) => pinned,
            None => {
                let listed: ServerKeysResponse =
                    self.request("reading the server's keys", Method::GET, "v1/server-keys", None).await?;
                let found = listed.server_keys.iter().find(|key| key.id == *id);
                let found = found.ok_or_else(|| PackError::ServerKeyUnknown(id.to_string()))?;
                decode_key(&found.public_key)
                    .ok_or_else(|| PackError::ServerError("its public key is malformed".into()))?
            }
        };
        ServerPublicKey::from_bytes(id.clone(), &bytes).map_err(|_| PackError::EnvelopeRejected)
    }

    /// Sends until there is an answer that repeating would not change, or the time for that is over.
    async fn request<T: DeserializeOwned>(
        &self,
        what: &str,
        method: Method,
        path: &str,
        body: Option<&[u8]>,
    ) -> Result<T, PackError> {
        let mut retry = Retry::new(self.options.retry_max);
        loop {
            let failure = match self.send(&method, path, body).await {
                Ok(answer) => {
                    return serde_json::from_slice(&answer)
                        .map_err(|error| PackError::ServerError(format!("its answer can't be read ({error})")));
                }
                Err(Failure::Final(error)) => return Err(error),
                Err(failure) => failure,
            };
            retry.wait(what, failure, &self.options.url, &*self.report).await?;
        }
    }

    async fn send(&self, method: &Method, path: &str, body: Option<&[u8]>) -> Result<Vec<u8>, Failure> {
        let base = self.options.url.as_str().trim_end_matches('/');
        let mut request = self.http.request(method.clone(), format!("{base}/{path}"));
        // Listing public keys needs no API key, and so gets none.
        if path != "v1/server-keys" {
            request = request.bearer_auth(self.options.api_key.expose_text());
        }
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body.to_vec());
        }
        let response = request.send().await.map_err(|error| Failure::Unreachable(root_cause(&error)))?;
        let (status, after) = (response.status(), retry_after(response.headers()));
        let answer = read_bounded(response).await?;
        match status {
            status if status.is_success() => Ok(answer),
            StatusCode::TOO_MANY_REQUESTS => Err(Failure::Busy { reason: describe(status, &answer), after }),
            status if status.is_server_error() => Err(Failure::Busy { reason: describe(status, &answer), after }),
            StatusCode::UNAUTHORIZED => Err(Failure::Final(PackError::ApiKeyInvalid)),
            _ if code(&answer) == Some(ErrorCode::TitleExists.as_str().to_owned()) => {
                let file_id = path.split('/').nth(2).unwrap_or_default().to_owned();
                Err(Failure::Final(PackError::TitleExists(file_id)))
            }
            _ => Err(Failure::Final(PackError::ServerError(describe(status, &answer)))),
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.options.url)
    }
}

async fn read_bounded(response: reqwest::Response) -> Result<Vec<u8>, Failure> {
    let mut answer = Vec::new();
    let mut stream = response.bytes_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| Failure::Unreachable(root_cause(&error)))?;
        if answer.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Failure::Final(PackError::ServerError("its answer is too long; check --server".into())));
        }
        answer.extend_from_slice(&chunk);
    }
    Ok(answer)
}

fn to_body(request: &impl Serialize) -> Result<Vec<u8>, PackError> {
    serde_json::to_vec(request).map_err(|error| PackError::Internal(error.to_string()))
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
            format!("{code}: {message} (status {}, request {id})", status.as_u16())
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
