//! Sources by URL: the server fetches them itself, in the background.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use keyveil_protocol::{AppId, ErrorCode, FileId, UploadId, WorkflowId};
use reqwest::{Response, StatusCode, header};
use serde::Deserialize;
use tokio::task::{self, JoinSet};
use tokio::time::Instant;
use url::Url;

use super::metadata::{file_name_of, malformed, parse_sha256};
use super::pace::limited;
use super::register::{Arrival, bytes_max, register};
use super::{SourceInfo, finish};
use crate::actions::parse_json;
use crate::actions::sources::{self, PULL_LEASE_SECS, Turn};
use crate::clock::stored;
use crate::fetch::{FetchError, explain};
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::Upload;

const URL_LEN_MAX: usize = 2048;
const ATTEMPTS_MAX: u32 = 3;
/// Sources that one server fetches at the same time, and how many of them may be one application's.
const PULLS_AT_ONCE: usize = 4;
const PULLS_PER_APP: usize = 2;
const POLL_INTERVAL: Duration = Duration::from_secs(1);
const LEASE_INTERVAL: Duration = Duration::from_secs(PULL_LEASE_SECS / 3);

/// Body of `POST /v1/titles`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = TitleByUrl)]
pub(crate) struct UrlRequest {
    /// http or https, without credentials.
    #[schema(max_length = 2048)]
    url: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    labels: Vec<String>,
    workflow_id: Option<WorkflowId>,
    file_id: Option<FileId>,
    /// Hex, of the whole file.
    sha256: Option<String>,
}

/// Why a pull ended without a source.
enum PullError {
    /// Another attempt may help.
    Again(String),
    /// No attempt will.
    Final(ErrorOrPull, String),
    /// The upload is over, or another server's.
    Lost,
}

/// A failure code of a title: one that requests know too, or that only pulls have.
enum ErrorOrPull {
    Error(ErrorCode),
    PullFailed,
}

/// Makes a title whose source is fetched from an address. What can be refused at once is.
pub(crate) async fn create_by_url(state: &ServerState, principal: &Principal, body: &[u8]) -> Result<FileId, Refusal> {
    let request: UrlRequest = parse_json(body)?;
    if request.url.len() > URL_LEN_MAX {
        return Err(malformed("url: at most 2048 bytes"));
    }
    let mut url: Url = request.url.parse().map_err(|_| malformed("url: not an address"))?;
    url.set_fragment(None);
    state.fetch.check(&url).await?;
    let info = SourceInfo {
        file_name: file_name_of(&url),
        name: request.name,
        description: request.description,
        labels: request.labels,
        workflow_id: request.workflow_id,
        file_id: request.file_id,
        sha256: request.sha256.as_deref().map(parse_sha256).transpose()?,
    };
    Ok(register(state, principal, info.checked()?, &Arrival::Pulled { url: &url }).await?.file_id)
}

/// Fetches sources, a few at a time; a lease keeps servers over one database apart.
pub(crate) async fn pull(state: Arc<ServerState>) {
    let mut running = JoinSet::new();
    let mut apps = HashMap::new();
    loop {
        while running.len() < PULLS_AT_ONCE {
            match claim(&state, &busy(&apps)).await {
                Ok(Some(upload)) => {
                    let app_id = upload.app_id;
                    apps.insert(running.spawn(run(Arc::clone(&state), upload)).id(), app_id);
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::error!(%error, "pulls can't be looked up");
                    break;
                }
            }
        }
        tokio::select! {
            Some(ended) = running.join_next_with_id() => {
                apps.remove(&ended.map_or_else(|error| error.id(), |(id, ())| id));
            }
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    }
}

/// Applications of which as many sources are being fetched here as may be: slow servers that one of them names leave
/// room for the others.
fn busy(apps: &HashMap<task::Id, AppId>) -> Vec<AppId> {
    let count = |app_id: AppId| apps.values().filter(|other| **other == app_id).count();
    apps.values().copied().filter(|app_id| count(*app_id) >= PULLS_PER_APP).collect()
}

async fn run(state: Arc<ServerState>, upload: Upload) {
    if let Err(error) = attempt(&state, upload).await {
        tracing::error!(%error, "a pull's end can't be recorded; it begins anew");
    }
}

async fn claim(state: &ServerState, busy: &[AppId]) -> Result<Option<Upload>, Refusal> {
    let store = state.installation.store();
    let now = state.clock.now();
    if !store.is_pull_due(busy, stored(now)).await? {
        return Ok(None);
    }
    let mut write = store.write().await?;
    let claimed = write.claim_pull(busy, stored(now), stored(now.saturating_add(PULL_LEASE_SECS))).await?;
    write.commit().await?;
    Ok(claimed)
}

async fn attempt(state: &ServerState, mut upload: Upload) -> Result<(), Refusal> {
    let Ok(mut turn) = state.turns.try_take(&upload.upload_id) else { return Ok(()) };
    let upload_id = upload.upload_id.clone();
    let fetched = tokio::select! {
        fetched = fetch(state, &mut turn, &mut upload) => fetched,
        () = hold_lease(state, &upload_id) => Err(PullError::Lost),
    };
    drop(turn);
    let (code, message) = match fetched {
        Ok(()) | Err(PullError::Lost) => return Ok(()),
        Err(PullError::Final(code, message)) => (code, message),
        Err(PullError::Again(message)) => {
            let store = state.installation.store();
            let mut write = store.write().await?;
            let wait = |attempt: u32| 5 * 4_u64.saturating_pow(attempt.saturating_sub(1));
            let attempts = write.count_failed_pull(&upload_id).await?;
            let again_at = state.clock.now().saturating_add(wait(attempts));
            write.lease_pull(&upload_id, stored(again_at)).await?;
            write.commit().await?;
            if attempts < ATTEMPTS_MAX {
                tracing::info!(%upload_id, attempts, message, "a pull failed and is repeated");
                return Ok(());
            }
            (ErrorOrPull::PullFailed, message)
        }
    };
    let code = match code {
        ErrorOrPull::Error(code) => code.as_str(),
        ErrorOrPull::PullFailed => "pull_failed",
    };
    finish::fail(state, &upload, code, &message).await
}

/// Ends when the upload is no longer to be fetched by this server.
async fn hold_lease(state: &ServerState, upload_id: &UploadId) {
    loop {
        tokio::time::sleep(LEASE_INTERVAL).await;
        let until = stored(state.clock.now().saturating_add(PULL_LEASE_SECS));
        let held = async {
            let mut write = state.installation.store().write().await?;
            let held = write.lease_pull(upload_id, until).await?;
            write.commit().await?;
            Ok::<_, Refusal>(held)
        };
        // A database that does not answer once leaves the lease as it was.
        if let Ok(false) = held.await {
            return;
        }
    }
}

async fn fetch(state: &ServerState, turn: &mut Turn, upload: &mut Upload) -> Result<(), PullError> {
    // Everything was there already when the server was stopped.
    if upload.offset > 0 && upload.length == Some(upload.offset) {
        return finish::complete(state, upload).await.map_err(PullError::from_refusal);
    }
    if upload.offset > 0 {
        // From the start: whether the other server still holds the same file is not known.
        sources::restart(state, turn, upload).await.map_err(PullError::from_refusal)?;
    }
    let begun = Instant::now();
    let url = upload.url.as_deref().and_then(|url| url.parse::<Url>().ok()).ok_or(PullError::Lost)?;
    let response = state.fetch.get(&url).await.map_err(PullError::from_fetch)?;
    let limit = bytes_max(state, upload.app_id).await.map_err(PullError::from_refusal)?;
    let announced = acceptable(&response, limit)?;
    set_length(state, upload, announced).await?;
    let chunks = response.bytes_stream().map(|chunk| chunk.map_err(|error| explain(&error).into()));
    let chunks = limited(chunks, limit, begun);
    upload.offset = sources::append(state, turn, upload, chunks, None).await.map_err(PullError::from_refusal)?;
    if upload.offset == 0 {
        return Err(PullError::failed("The other server sent an empty file."));
    }
    if announced.is_some_and(|announced| announced != upload.offset) {
        return Err(PullError::Again("The connection to the other server broke off.".to_owned()));
    }
    set_length(state, upload, Some(upload.offset)).await?;
    finish::complete(state, upload).await.map_err(PullError::from_refusal)
}

/// The length that an answer announces, when it is a file that may be taken.
fn acceptable(response: &Response, limit: u64) -> Result<Option<u64>, PullError> {
    let status = response.status();
    if status != StatusCode::OK {
        let message = format!("The other server answered {}; check the address.", status.as_u16());
        let may_pass = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
        return Err(if may_pass { PullError::Again(message) } else { PullError::failed(message) });
    }
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if content_type.is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("text/html")) {
        return Err(PullError::failed("The address leads to a web page, not to a file."));
    }
    match response.content_length() {
        Some(length) if length > limit => Err(PullError::too_large()),
        length => Ok(length),
    }
}

async fn set_length(state: &ServerState, upload: &mut Upload, length: Option<u64>) -> Result<(), PullError> {
    let kept = async {
        let mut write = state.installation.store().write().await?;
        write.set_upload_length(upload, length).await?;
        write.touch_title(&upload.file_id, stored(state.clock.now())).await?;
        write.commit().await
    };
    kept.await.map_err(|error| PullError::from_refusal(error.into()))?;
    upload.length = length;
    Ok(())
}

impl PullError {
    fn failed(message: impl Into<String>) -> Self {
        Self::Final(ErrorOrPull::PullFailed, message.into())
    }

    fn too_large() -> Self {
        let code = ErrorCode::UploadTooLarge;
        Self::Final(ErrorOrPull::Error(code), code.message().to_owned())
    }

    fn from_fetch(error: FetchError) -> Self {
        match error {
            FetchError::Refused(why) => {
                let message = format!("This server does not call that address: {why}.");
                Self::Final(ErrorOrPull::Error(ErrorCode::UrlRefused), message)
            }
            FetchError::Failed(why) => Self::Again(why),
        }
    }

    fn from_refusal(refusal: Refusal) -> Self {
        match refusal.code() {
            // The title has been failed already, or is gone.
            ErrorCode::UploadOffset | ErrorCode::UploadGone | ErrorCode::ChecksumMismatch => Self::Lost,
            ErrorCode::UploadTooLarge => Self::too_large(),
            ErrorCode::Unavailable if refusal.detail().is_some() => {
                Self::Again(refusal.detail().unwrap_or_default().to_owned())
            }
            code => Self::Again(code.message().to_owned()),
        }
    }
}
