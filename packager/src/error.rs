//! What can go wrong while packing. Each failure has a stable code and a sentence that says what to do.

use std::{io, path::Path};

/// A failed `pack`. [`PackError::code`] is stable; the message may change.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    #[error("{0} does not exist or can't be read ({1}); check the path and its permissions")]
    InputNotFound(String, String),
    #[error("{0} is empty (0 bytes); copy or export it again")]
    InputEmpty(String),
    #[error("{0} is not a video this packager reads ({1}); give it a video file such as MP4, MOV, MKV, WebM or TS")]
    InputNotVideo(String, String),
    #[error("{0} is truncated: {1}; copy or export the whole file again")]
    InputTruncated(String, String),
    #[error("{0} is too long: {1}; cut it into parts of at most 24 hours, or export it again")]
    InputTooLong(String, String),
    #[error("this ffmpeg can't decode the {kind} codec {codec}; convert the file first or install an ffmpeg that can")]
    CodecUnknown { kind: &'static str, codec: String },
    #[error("the ladder copy can't carry {kind} codec {codec} in {container}; {instead}")]
    CopyCodecUnsupported { kind: &'static str, codec: String, container: &'static str, instead: &'static str },
    #[error("{0}")]
    LadderInvalid(String),
    #[error("{0}")]
    OptionInvalid(String),
    #[error("this can't be imported: {0}")]
    ImportInvalid(String),
    #[error("can't write to {0} ({1}); choose another --out folder or change its permissions")]
    OutputUnwritable(String, String),
    #[error("{0}; it was left as it is. Choose another --file-id or remove it first")]
    OutputExists(String),
    #[error("no space left while writing {0}; free some space or choose another --out folder")]
    NoSpace(String),
    #[error("the key server at {url} can't be reached ({reason}); check --server and that it is running")]
    ServerUnreachable { url: String, reason: String },
    #[error("the key server refused or failed: {0}")]
    ServerError(String),
    /// It answered, but only that it can't work now, for longer than was waited.
    #[error("the key server can't answer now: {0}; try again later")]
    ServerBusy(String),
    /// It has not every file that the playlists list; whoever makes the title again stores them again.
    #[error("the server lacks files of the finished title: {0}")]
    MediaIncomplete(String),
    #[error("the server's disk is full; free some space there and try again")]
    ServerFull,
    #[error("this attempt has lost its lease; another one may go on")]
    LeaseLost,
    #[error("someone cancelled the job")]
    JobCancelled,
    #[error("the key server does not accept this API key; check --api-key or KEYVEIL_API_KEY")]
    ApiKeyInvalid,
    #[error(
        "this is no worker key of this server; give --token or KEYVEIL_WORKER_TOKEN what `key-server worker create` told"
    )]
    WorkerTokenInvalid,
    #[error("{0}")]
    WorkerTooOld(String),
    #[error("{0}")]
    WorkerTooNew(String),
    #[error("{0} has changed while it was uploaded; upload it again once nothing writes to it any more")]
    InputChanged(String),
    #[error("the upload is over at the server; upload the file again")]
    UploadGone,
    #[error("the server could not make the title: {message} ({code})")]
    TitleFailed { code: String, message: String },
    #[error("the key server already has a published title {0}; choose another --file-id or delete that title first")]
    TitleExists(String),
    #[error(
        "the title secret could not be opened; check that --api-key belongs to this server and that --server-key is its key"
    )]
    EnvelopeRejected,
    #[error("the key server sealed the title secret with a key ({0}) that it does not list; check --server")]
    ServerKeyUnknown(String),
    #[error("{0} was not found; install ffmpeg (Debian: apt install ffmpeg) so that it is on PATH")]
    FfmpegMissing(&'static str),
    #[error("ffmpeg failed: {0}")]
    FfmpegFailed(String),
    #[error("ffmpeg was ended by signal {0}, perhaps for want of memory; give the machine more of it, or try again")]
    FfmpegKilled(i32),
    #[error("interrupted; nothing was published")]
    Interrupted { signal: i32 },
    #[error("a task of the packager stopped unexpectedly ({0}); please report it")]
    Internal(String),
}

impl PackError {
    /// The stable code that scripts may rely on.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InputNotFound(..) => "input_not_found",
            Self::InputEmpty(_) => "input_empty",
            Self::InputNotVideo(..) => "input_not_video",
            Self::InputTruncated(..) => "input_truncated",
            Self::InputTooLong(..) => "input_too_long",
            Self::CodecUnknown { .. } => "codec_unknown",
            Self::CopyCodecUnsupported { .. } => "copy_codec_unsupported",
            Self::LadderInvalid(_) => "ladder_invalid",
            Self::OptionInvalid(_) => "option_invalid",
            Self::ImportInvalid(_) => "import_invalid",
            Self::OutputUnwritable(..) => "output_unwritable",
            Self::OutputExists(_) => "output_exists",
            Self::NoSpace(_) | Self::ServerFull => "no_space",
            Self::ServerUnreachable { .. } => "server_unreachable",
            Self::ServerError(_) | Self::ServerBusy(_) => "server_error",
            Self::MediaIncomplete(_) => "media_incomplete",
            Self::LeaseLost => "lease_lost",
            Self::JobCancelled => "job_cancelled",
            Self::WorkerTokenInvalid => "worker_token_invalid",
            Self::WorkerTooOld(_) => "worker_too_old",
            Self::WorkerTooNew(_) => "worker_too_new",
            Self::InputChanged(_) => "input_changed",
            Self::UploadGone => "upload_gone",
            Self::TitleFailed { .. } => "title_failed",
            Self::ApiKeyInvalid => "api_key_invalid",
            Self::TitleExists(_) => "title_exists",
            Self::EnvelopeRejected => "envelope_rejected",
            Self::ServerKeyUnknown(_) => "server_key_unknown",
            Self::FfmpegMissing(_) => "ffmpeg_missing",
            Self::FfmpegFailed(_) => "ffmpeg_failed",
            Self::FfmpegKilled(_) => "ffmpeg_killed",
            Self::Interrupted { .. } => "interrupted",
            Self::Internal(_) => "internal",
        }
    }

    /// Whether another attempt may go better although nobody changes the input or the options.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::ServerUnreachable { .. }
                | Self::ServerBusy(_)
                | Self::ServerFull
                | Self::MediaIncomplete(_)
                | Self::NoSpace(_)
                | Self::FfmpegKilled(_)
                // Another worker may have it.
                | Self::FfmpegMissing(_)
                | Self::Interrupted { .. }
                | Self::Internal(_)
        )
    }

    /// The exit status of the `packager` binary: 128 + signal when interrupted, 2 for bad options, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Interrupted { signal } => u8::try_from(128 + signal).unwrap_or(1),
            Self::LadderInvalid(_) | Self::OptionInvalid(_) => 2,
            _ => 1,
        }
    }

    /// A failed write under the output folder: a full disk is told apart from a folder that can't be written.
    pub(crate) fn writing(path: &Path, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace(path.display().to_string()),
            _ => Self::OutputUnwritable(path.display().to_string(), error.to_string()),
        }
    }
}

impl From<tokio::task::JoinError> for PackError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Internal(error.to_string())
    }
}
