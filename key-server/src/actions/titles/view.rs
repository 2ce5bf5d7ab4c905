//! A title in JSON, as lists, single reads and the stream of changes show it.

use keyveil_protocol::api::{MediaInfo, RenditionInfo};
use keyveil_protocol::{AppId, Cipher, Container, FileId, JobId, Mode, PeriodSegments, WorkflowId};
use serde::Serialize;
use utoipa::ToSchema;

use super::not_found;
use crate::clock::on_wire;
use crate::origin::MediaFolder;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{ListedJob, ListedTitle, StoreError, Title, TitleState, TitleVersion};

/// A title. Its renditions and versions are told where it is read or changed alone.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Title)]
pub(crate) struct TitleView {
    file_id: FileId,
    app_id: AppId,
    name: String,
    description: String,
    labels: Vec<String>,
    mode: Mode,
    #[schema(value_type = String)]
    state: &'static str,
    /// Of the source on its way, or of the running package job.
    percent: Option<f64>,
    left_secs: Option<i64>,
    failure: Option<FailureView>,
    workflow_id: Option<WorkflowId>,
    version: Option<u32>,
    duration_ms: Option<u64>,
    /// Of the source.
    size_bytes: Option<u64>,
    /// Of the media made from it.
    stored_bytes: Option<u64>,
    file_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    renditions: Option<Vec<RenditionInfo>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    versions: Option<Vec<VersionView>>,
    /// Good for an hour at least.
    cover_url: Option<String>,
    sprites_url: Option<String>,
    /// The latest unfinished one.
    job: Option<JobView>,
    created_at: u64,
    updated_at: u64,
    published_at: Option<u64>,
    pub(crate) change_seq: i64,
}

/// One encryption of a title.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TitleVersion)]
pub(crate) struct VersionView {
    version: u32,
    /// New sessions play it.
    current: bool,
    container: Option<Container>,
    /// None for clear titles, and before it is committed.
    cipher: Option<Cipher>,
    segment_ms: Option<u32>,
    period_segments: Option<PeriodSegments>,
    stored_bytes: Option<u64>,
    created_at: u64,
    /// Null while it is being made.
    committed_at: Option<u64>,
}

/// Why a title or a job failed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Failure)]
pub(crate) struct FailureView {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// A title's unfinished job.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TitleJob)]
struct JobView {
    job_id: JobId,
    kind: String,
    state: String,
    percent: Option<f64>,
    attempt: i64,
}

/// `GET /v1/titles/{fileId}`.
pub(crate) async fn title(state: &ServerState, principal: &Principal, file_id: &FileId) -> Result<TitleView, Refusal> {
    let listed = state.installation.store().listed_title(principal.app_id, file_id).await?;
    let listed = listed.filter(|listed| listed.title.state != TitleState::Deleted).ok_or_else(not_found)?;
    let renditions = media(listed.publication.as_deref())?.map(|media| media.renditions).unwrap_or_default();
    let current = listed.title.version;
    let versions = state.installation.store().title_versions(file_id).await?;
    let versions: Result<_, StoreError> =
        versions.into_iter().map(|version| VersionView::new(version, current)).collect();
    let mut view = TitleView::new(state, listed);
    view.renditions = Some(renditions);
    view.versions = Some(versions?);
    Ok(view)
}

fn media(publication: Option<&str>) -> Result<Option<MediaInfo>, StoreError> {
    publication.map(serde_json::from_str).transpose().map_err(|_| StoreError::Corrupt("publication"))
}

impl VersionView {
    fn new(version: TitleVersion, current: Option<u32>) -> Result<Self, StoreError> {
        let media = media(version.publication.as_deref())?;
        let media = media.as_ref();
        Ok(Self {
            version: version.version,
            current: current == Some(version.version),
            container: media.map(|media| media.container),
            cipher: media.and_then(|media| media.cipher),
            segment_ms: media.map(|media| media.segment_ms),
            period_segments: media.map(|media| media.period_segments),
            stored_bytes: version.stored_bytes,
            created_at: on_wire(version.created_at),
            committed_at: version.committed_at.map(on_wire),
        })
    }
}

impl TitleView {
    /// As lists show it: without its renditions.
    pub(super) fn new(state: &ServerState, listed: ListedTitle) -> Self {
        let ListedTitle { title, labels, cover, sprites, publication: _, upload_percent, job } = listed;
        let preview = |path: Option<String>| preview_url(state, &title, &path?);
        let (cover_url, sprites_url) = (preview(cover), preview(sprites));
        // A re-encryption leaves the title's own progress alone.
        let packaging = job.as_ref().filter(|job| job.kind == "package" && job.state == "running");
        Self {
            percent: packaging.and_then(|job| job.percent).or(upload_percent),
            left_secs: packaging.and_then(|job| job.left_secs),
            file_id: title.file_id,
            app_id: title.app_id,
            name: title.name,
            description: title.description,
            labels,
            mode: title.mode,
            state: title.state.as_str(),
            failure: title.failure.map(|failure| FailureView { code: failure.code, message: failure.message }),
            workflow_id: title.workflow_id,
            version: title.version,
            duration_ms: title.duration_ms,
            size_bytes: title.size_bytes,
            stored_bytes: title.stored_bytes,
            file_name: title.file_name,
            renditions: None,
            versions: None,
            cover_url,
            sprites_url,
            job: job.map(JobView::from),
            created_at: on_wire(title.created_at),
            updated_at: on_wire(title.updated_at),
            published_at: title.published_at.map(on_wire),
            change_seq: title.change_seq,
        }
    }
}

impl From<ListedJob> for JobView {
    fn from(job: ListedJob) -> Self {
        Self { job_id: job.job_id, kind: job.kind, state: job.state, percent: job.percent, attempt: job.attempt }
    }
}

/// The origin serves pictures of titles in these two states only.
fn preview_url(state: &ServerState, title: &Title, path: &str) -> Option<String> {
    if !matches!(title.state, TitleState::Ready | TitleState::Published) {
        return None;
    }
    let folder = MediaFolder::new(title.file_id.clone(), title.version?);
    Some(state.preview_url(&folder, path))
}
