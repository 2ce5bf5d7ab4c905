//! Speaks to the key server for `packager pack`: registers, publishes and deletes titles.

use std::{sync::Arc, time::Duration};

use base64ct::{Base64UrlUnpadded, Encoding};
use getrandom::SysRng;
use keyveil_protocol::{
    ApiKey, ErrorCode, Exchange, FileId, Mode, ServerKeyId, ServerPublicKey, TitleSecret,
    api::{CommitTitleRequest, MediaInfo, PutTitleRequest, PutTitleResponse},
};
use rand_core::UnwrapErr;
use reqwest::{Method, header};
use serde::{Serialize, Serializer};
use url::Url;
use zeroize::Zeroizing;

use crate::{
    error::PackError,
    http::{Answer, Failure, Server, answer, to_body},
    progress::Report,
};

/// Names the run whose title is meant.
const PUBLIC_KEY_HEADER: &str = "Keyveil-Public-Key";
/// Cleaning up after a failure must not keep the user waiting.
const DELETE_SECS_MAX: u64 = 5;

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

impl ServerOptions {
    /// Checks the URL; nothing is sent.
    pub(crate) fn server(&self) -> Result<Server, PackError> {
        Server::new(self.url.clone(), self.insecure_http, self.retry_max)
    }

    /// The pinned key, or the one that the server lists under this id.
    pub(crate) async fn server_key(
        &self,
        server: &Server,
        id: &ServerKeyId,
        report: &dyn Report,
    ) -> Result<ServerPublicKey, PackError> {
        match &self.server_key {
            Some(pinned) => ServerPublicKey::from_bytes(id.clone(), pinned).map_err(|_| PackError::EnvelopeRejected),
            None => server.listed_key(id, report).await,
        }
    }
}

/// A connection to one key server.
#[derive(Clone)]
pub(crate) struct Client {
    server: Server,
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

/// A key of another vendor's playlist, as the server takes it.
#[derive(Serialize)]
pub(crate) struct ImportedKey {
    ciphertext: String,
    /// base64url.
    #[serde(serialize_with = "bare")]
    key: Zeroizing<String>,
}

/// Importing is the one time that keys are sent: the owner hands over what the vendor's KMS gave.
fn bare<S: Serializer>(key: &Zeroizing<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(key)
}

impl ImportedKey {
    pub(crate) fn new(ciphertext: &str, key: &[u8; 16]) -> Self {
        Self { ciphertext: ciphertext.to_owned(), key: Zeroizing::new(Base64UrlUnpadded::encode_string(key)) }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ImportKeysRequest<'a> {
    media_id: &'a str,
    keys: &'a [ImportedKey],
}

impl Client {
    /// Checks the URL; nothing is sent.
    pub(crate) fn new(options: ServerOptions, report: Arc<dyn Report>) -> Result<Self, PackError> {
        Ok(Self { server: options.server()?, options, report })
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
        let answer = self.request("registering the title", Method::PUT, file_id, &path, &body).await?;
        let answer: PutTitleResponse = answer.json()?;
        let envelope = match (mode, answer.title_secret) {
            (Mode::Clear, _) => return Ok((registration, None)),
            (Mode::Private | Mode::Standard, Some(envelope)) => envelope,
            (Mode::Private | Mode::Standard, None) => {
                return Err(PackError::ServerError("it gave no title secret for a private title".into()));
            }
        };
        let server_key = self.options.server_key(&self.server, &envelope.server_key_id, &*self.report).await?;
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
        let answer = self.request("publishing the title", Method::POST, file_id, &path, &body).await?;
        answer.json::<serde::de::IgnoredAny>().map(|_| ())
    }

    /// `PUT /v1/titles/{fileId}/imported-keys`.
    pub(crate) async fn import_keys(
        &self,
        file_id: &FileId,
        media_id: &str,
        keys: &[ImportedKey],
    ) -> Result<(), PackError> {
        let body = Zeroizing::new(to_body(&ImportKeysRequest { media_id, keys })?);
        let path = format!("v1/titles/{file_id}/imported-keys");
        let answer = self.request("storing the keys", Method::PUT, file_id, &path, &body).await?;
        answer.json::<serde::de::IgnoredAny>().map(|_| ())
    }

    /// `DELETE /v1/titles/{fileId}`, once and without an error: it cleans up after another failure.
    /// Naming its public key, it deletes only what this run still holds.
    pub(crate) async fn delete(&self, registration: &Registration) {
        let Registration { file_id, public_key } = registration;
        let request = self.server.request(Method::DELETE, &format!("v1/titles/{file_id}"));
        let request = request.bearer_auth(self.options.api_key.expose_text()).header(PUBLIC_KEY_HEADER, public_key);
        match tokio::time::timeout(Duration::from_secs(DELETE_SECS_MAX), answer(request)).await {
            Ok(Ok(_)) => {}
            Ok(Err(failure)) => tracing::warn!(%file_id, ?failure, "the unpublished title stays at the key server"),
            Err(_) => tracing::warn!(%file_id, "the unpublished title stays at the key server: no answer in time"),
        }
    }

    /// Sends JSON until there is an answer that repeating would not change, or the time for that is over.
    async fn request(
        &self,
        what: &str,
        method: Method,
        file_id: &FileId,
        path: &str,
        body: &[u8],
    ) -> Result<Answer, PackError> {
        let attempt = || async {
            let request = self.server.request(method.clone(), path).bearer_auth(self.options.api_key.expose_text());
            let request = request.header(header::CONTENT_TYPE, "application/json").body(body.to_vec());
            answer(request).await.map_err(|failure| match failure {
                Failure::Refused(refusal) if refusal.code == ErrorCode::TitleExists.as_str() => {
                    Failure::Final(PackError::TitleExists(file_id.to_string()))
                }
                other => other,
            })
        };
        self.server.repeat(what, &*self.report, attempt).await
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.options.url)
    }
}
