//! What a worker and the server tell each other (docs/WORKFLOW.md, "Jobs").

use serde::{Deserialize, Serialize};

use crate::api::MediaInfo;
use crate::envelope::Envelope;
use crate::ids::{AppId, FileId, JobId, WorkerId};
use crate::track::Mode;
use crate::workflow::WorkflowSettings;

/// Largest body of a file that a worker stores: the largest ciphertext.
pub const MEDIA_FILE_LEN_MAX: u64 = crate::CIPHERTEXT_LEN_MAX as u64;
/// Carries the lower-case hex SHA-256 of a stored file.
pub const SHA256_HEADER: &str = "Keyveil-Sha256";
/// Longest time that a claim waits for a job, in seconds.
pub const CLAIM_WAIT_SECS_MAX: u64 = 20;
/// Most lines of log in one heartbeat, and the longest of them in bytes.
pub const LOG_LINES_MAX: usize = 50;
/// See [`LOG_LINES_MAX`].
pub const LOG_LINE_LEN_MAX: usize = 500;

/// Body of `POST /v1/jobs/claim`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClaimJobRequest {
    /// base64url of 32 bytes, made for this one claim: the title secret is sealed to it.
    pub public_key: String,
    /// The worker's name for people, 1 … 128 bytes.
    pub worker: String,
    /// How long to wait for a job, 0 … 20 s.
    pub wait_secs: u64,
    /// Of a worker that has registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker_id: Option<WorkerId>,
    /// What its registration was answered with. A worker that names none speaks 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<u32>,
}

/// Answer to a claim that got a job; 204 without a body means that there is none.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClaimedJob {
    /// The job.
    pub job_id: JobId,
    /// Authorizes every later request about this attempt, and nothing else.
    pub token: String,
    /// From 1.
    pub attempt: u32,
    /// How long the claim holds without a heartbeat.
    pub lease_secs: u64,
    /// The application.
    pub app_id: AppId,
    /// The title.
    pub file_id: FileId,
    /// The version that this attempt makes: also the fence.
    pub version: u32,
    /// The title's name for people.
    pub name: String,
    /// Private or clear.
    pub mode: Mode,
    /// The new version's sealed secret; none for clear titles.
    pub title_secret: Option<Envelope>,
    /// What to do.
    pub work: JobWork,
}

/// What a job does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum JobWork {
    /// Transcodes and encrypts the source.
    Package {
        /// The source's file name, for messages.
        file_name: String,
        /// The source's length in bytes.
        source_len: u64,
        /// What to make of it. Its mode is the title's.
        settings: WorkflowSettings,
    },
    /// Decrypts the current version's segments and encrypts them anew.
    Reencrypt {
        /// The current version's sealed secret.
        previous_secret: Envelope,
        /// The current version's publication.
        media: MediaInfo,
        /// Its cover, relative to the media folder.
        cover: Option<String>,
        /// Its WebVTT file of sprites, relative to the media folder.
        sprites: Option<String>,
    },
}

/// What a worker is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum JobStage {
    /// ffmpeg runs.
    Transcoding,
    /// The last segments, cover and sprites are sealed and stored.
    Encrypting,
}

/// Body of `POST /v1/jobs/{jobId}/heartbeat`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct HeartbeatRequest {
    /// What the worker is at.
    pub stage: JobStage,
    /// 0 … 100.
    pub percent: Option<f64>,
    /// Estimated seconds to the end.
    pub left_secs: Option<u64>,
    /// Multiples of playing time.
    pub speed: Option<f64>,
    /// New lines of the job's log, at most 50 of at most 500 bytes.
    #[serde(default)]
    pub log: Vec<String>,
}

/// Answer to a heartbeat.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct HeartbeatResponse {
    /// Someone cancelled the job: stop, and report nothing more.
    pub cancelled: bool,
    /// How long the claim holds from now.
    pub lease_secs: u64,
}

/// Body of `POST /v1/jobs/{jobId}/complete`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CompleteJobRequest {
    /// What was made.
    pub media: MediaInfo,
    /// The cover, relative to the media folder.
    pub cover: Option<String>,
    /// The WebVTT file of sprites, relative to the media folder.
    pub sprites: Option<String>,
}

/// Body of `POST /v1/jobs/{jobId}/fail`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FailJobRequest {
    /// A stable code, 1 … 64 of `a–z 0–9 _`.
    pub code: String,
    /// A sentence that says what to do, at most 1000 bytes.
    pub message: String,
    /// Whether another attempt may go better.
    pub retryable: bool,
}
