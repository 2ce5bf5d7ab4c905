//! tus 1.0 requests (docs/WORKFLOW.md, "Uploads"), and a look at the title.

use std::time::Duration;

use base64ct::{Base64, Encoding};
use reqwest::{Method, RequestBuilder, header};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::UploadOptions;
use crate::{
    client::ServerOptions,
    error::PackError,
    http::{Answer, Failure, Server, answer},
    progress::Report,
};

const TRANSFER_SECS_MIN: u64 = 30;
const BYTES_PER_SEC_MIN: u64 = 64 * 1024;
/// Taking back must not keep the user waiting.
const TERMINATE_SECS_MAX: u64 = 5;

/// Where an upload lives.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Place {
    /// Relative to the server's address, without a slash in front.
    upload: String,
    pub file_id: String,
}

/// What a title tells while it is waited for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Title {
    pub state: String,
    pub percent: Option<f64>,
    pub left_secs: Option<u64>,
    pub failure: Option<TitleFailure>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct TitleFailure {
    pub code: String,
    pub message: String,
}

/// What is told at creation.
pub(super) struct Metadata<'a> {
    pub options: &'a UploadOptions,
    pub file_name: String,
    pub sha256: &'a str,
}

/// The uploads of one server.
pub(super) struct Tus<'a> {
    server: Server,
    options: &'a ServerOptions,
    report: &'a dyn Report,
}

impl<'a> Tus<'a> {
    /// Checks the URL; nothing is sent.
    pub(super) fn new(options: &'a ServerOptions, report: &'a dyn Report) -> Result<Self, PackError> {
        Ok(Self { server: options.server()?, options, report })
    }

    pub(super) fn address(&self) -> &str {
        self.server.url().as_str()
    }

    /// Begins an upload, and with it a title.
    pub(super) async fn create(&self, len: u64, metadata: &Metadata<'_>) -> Result<Place, PackError> {
        let metadata = metadata.text()?;
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| PackError::Internal(error.to_string()))?;
        // A repetition makes no second title.
        let key = hex::encode(random);
        let attempt = || {
            let request = self.authorized(self.server.request(Method::POST, "v1/uploads"));
            let request = request.header("Upload-Length", len).header("Upload-Metadata", &metadata);
            answer(request.header("Idempotency-Key", &key).header(header::CONTENT_LENGTH, 0))
        };
        let answer = self.server.repeat("beginning the upload", self.report, attempt).await?;
        self.place(&answer).ok_or_else(|| PackError::ServerError("it does not say where to upload to".into()))
    }

    /// How much of it the server has.
    pub(super) async fn offset(&self, place: &Place) -> Result<u64, PackError> {
        let attempt = || async {
            answer(self.authorized(self.server.request(Method::HEAD, &place.upload))).await.map_err(|failure| {
                match failure {
                    Failure::Refused(refusal) if matches!(refusal.status.as_u16(), 404 | 410) => {
                        Failure::Final(PackError::UploadGone)
                    }
                    other => other,
                }
            })
        };
        let answer = self.server.repeat("asking for the upload", self.report, attempt).await?;
        offset_of(&answer).ok_or_else(|| PackError::ServerError("it does not say how much it has".into()))
    }

    /// Sends one piece, once; gives how much the server has then.
    pub(super) async fn send(&self, place: &Place, offset: u64, chunk: Vec<u8>) -> Result<u64, Failure> {
        let limit = Duration::from_secs(TRANSFER_SECS_MIN + chunk.len() as u64 / BYTES_PER_SEC_MIN);
        let (chunk, checksum) = tokio::task::spawn_blocking(move || {
            let checksum = format!("sha256 {}", Base64::encode_string(&Sha256::digest(&chunk)));
            (chunk, checksum)
        })
        .await
        .map_err(|error| Failure::Final(error.into()))?;
        let request = self.authorized(self.server.stream(Method::PATCH, &place.upload)).timeout(limit);
        let request = request.header("Upload-Offset", offset).header("Upload-Checksum", checksum);
        let request = request.header(header::CONTENT_TYPE, "application/offset+octet-stream").body(chunk);
        let answer = answer(request).await?;
        offset_of(&answer)
            .ok_or_else(|| Failure::Final(PackError::ServerError("it does not say how much it has".into())))
    }

    /// Takes it back, once and without an error.
    pub(super) async fn terminate(&self, place: &Place) {
        let request = self.authorized(self.server.request(Method::DELETE, &place.upload));
        let ended = tokio::time::timeout(Duration::from_secs(TERMINATE_SECS_MAX), answer(request)).await;
        if !matches!(ended, Ok(Ok(_))) {
            tracing::debug!("the upload stays at the server until it is swept");
        }
    }

    /// `GET /v1/titles/{fileId}`.
    pub(super) async fn title(&self, file_id: &str) -> Result<Title, PackError> {
        let path = format!("v1/titles/{file_id}");
        let attempt = || {
            let request = self.server.request(Method::GET, &path);
            answer(request.bearer_auth(self.options.api_key.expose_text()))
        };
        self.server.repeat("asking for the title", self.report, attempt).await?.json()
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth(self.options.api_key.expose_text()).header("Tus-Resumable", "1.0.0")
    }

    /// From the answer to a creation. The API key goes to the server that was named and to no other, so of an address
    /// elsewhere nothing is taken.
    fn place(&self, answer: &Answer) -> Option<Place> {
        let location = self.server.url().join(answer.header("location")?).ok()?;
        let base = self.server.url().as_str().trim_end_matches('/');
        let upload = location.as_str().strip_prefix(base)?.strip_prefix('/')?.to_owned();
        let file_id: keyveil_protocol::FileId = answer.header("keyveil-file-id")?.parse().ok()?;
        Some(Place { upload, file_id: file_id.to_string() })
    }
}

impl Metadata<'_> {
    /// Keys, and values in base64.
    fn text(&self) -> Result<String, PackError> {
        let options = self.options;
        if options.labels.iter().any(|label| label.is_empty() || label.contains(',')) {
            return Err(PackError::OptionInvalid(
                "--label takes one label, without a comma; repeat it for more".into(),
            ));
        }
        let labels = (!options.labels.is_empty()).then(|| options.labels.join(","));
        let values = [
            ("filename", Some(self.file_name.as_str())),
            ("name", options.name.as_deref()),
            ("description", options.description.as_deref()),
            ("labels", labels.as_deref()),
            ("workflowId", options.workflow_id.as_ref().map(keyveil_protocol::WorkflowId::as_str)),
            ("fileId", options.file_id.as_ref().map(keyveil_protocol::FileId::as_str)),
            ("sha256", Some(self.sha256)),
        ];
        let pairs = values.into_iter().filter_map(|(key, value)| Some((key, value?)));
        let pairs: Vec<_> =
            pairs.map(|(key, value)| format!("{key} {}", Base64::encode_string(value.as_bytes()))).collect();
        Ok(pairs.join(","))
    }
}

fn offset_of(answer: &Answer) -> Option<u64> {
    answer.header("upload-offset")?.parse().ok()
}
