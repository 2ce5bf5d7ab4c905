//! The JSON bodies of docs/PROTOCOL.md, "HTTP", shared by server, packager and player.

use serde::{Deserialize, Serialize};

use crate::envelope::Envelope;
use crate::ids::{AppId, FileId, ServerKeyId, SessionId};
use crate::level::{PlaybackLevel, StatedLevel};
use crate::psign::ResolutionName;
use crate::track::{Cipher, Container, Mode, Period, PeriodSegments, Rendition, TrackClass};

/// Largest body of `POST /v1/play` and `POST /v1/keys`, in bytes.
pub const PLAY_BODY_LEN_MAX: usize = 16 << 10;
/// Largest body of `POST /v1/titles/{fileId}/commit`, in bytes.
pub const COMMIT_BODY_LEN_MAX: usize = 256 << 10;
/// The most renditions of a title.
pub const RENDITIONS_MAX: usize = 64;

/// Body of `POST /v1/play`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PlayRequest {
    /// The player signature.
    pub psign: String,
    /// What the page means to play.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_id: Option<FileId>,
    /// base64url of 32 bytes. Private titles only, as `build_id`: an empty one is `public_key_invalid` there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub public_key: String,
    /// The SDK build that asks. A text, not an id: whatever it holds, the answer is `build_unknown`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub build_id: String,
    /// Where playback will start, in milliseconds.
    #[serde(default)]
    pub position_ms: u64,
    /// The version that a player which opens its session anew has playlists of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// `level` and `downgrade`: what the player says of itself.
    #[serde(flatten)]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::level::LevelFields))]
    pub stated: StatedLevel,
}

/// Answer to `POST /v1/play`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PlayResponse {
    /// The session.
    pub session: SessionInfo,
    /// The title.
    pub title: TitleInfo,
    /// Address of the master playlist.
    pub playlist_url: String,
    /// Watermark text.
    pub watermark: Option<String>,
    /// Names for the quality menu.
    pub resolution_names: Vec<ResolutionName>,
    /// The highest track class that the signature and the rules on levels leave.
    pub max_track: TrackClass,
    /// Where it ends, if the signature does not cover the whole title.
    pub preview: Option<Preview>,
    /// A sealed [`crate::PlayGrant`]; none for clear titles.
    pub grant: Option<Envelope>,
}

/// The beginning of a title: as much as the signature covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// So many segments of every rendition.
    pub segments: u32,
    /// Where they end, in milliseconds.
    pub end_ms: u64,
}

/// What a session tells in the open.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionInfo {
    /// None for clear titles.
    pub id: Option<SessionId>,
    /// Seconds since 1970.
    pub expires_at: u64,
    /// The server's clock, seconds since 1970.
    pub server_time: u64,
    /// The level that it is played at; none for clear titles.
    #[serde(default)]
    pub level: Option<PlaybackLevel>,
}

/// A published title as players see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TitleInfo {
    /// The application.
    pub app_id: AppId,
    /// The title.
    pub file_id: FileId,
    /// Its name for people.
    pub name: String,
    /// How its segments are published.
    pub mode: Mode,
    /// Which encryption of it.
    pub version: u32,
    /// What the packager made.
    #[serde(flatten)]
    pub media: MediaInfo,
}

/// What the packager made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MediaInfo {
    /// Length in milliseconds.
    pub duration_ms: u64,
    /// Container of audio and video.
    pub container: Container,
    /// None for clear titles.
    pub cipher: Option<Cipher>,
    /// Target length of a segment in milliseconds.
    pub segment_ms: u32,
    /// Segments per period.
    pub period_segments: PeriodSegments,
    /// Segments of the longest rendition.
    pub segment_count: u32,
    /// So many segments at the beginning of every rendition are not encrypted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub clear_lead_segments: u32,
    /// In playlist order, at most 64.
    pub renditions: Vec<RenditionInfo>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// What a rendition carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum RenditionKind {
    /// Video without audio.
    Video,
    /// Audio.
    Audio,
    /// WebVTT.
    Subtitles,
}

/// One rendition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RenditionInfo {
    /// Its number.
    pub rendition: Rendition,
    /// What it carries.
    pub kind: RenditionKind,
    /// Whose period key opens it.
    pub track_class: TrackClass,
    /// For people, for example `720p`.
    pub name: String,
    /// BCP 47.
    pub language: Option<String>,
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
    /// Peak, bit/s.
    pub bandwidth: Option<u64>,
    /// RFC 6381.
    pub codecs: Option<String>,
    /// Its playlist, relative to the title's folder.
    pub playlist: String,
    /// Its segments.
    pub segment_count: u32,
}

/// Body of `POST /v1/keys`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeysRequest {
    /// The session.
    pub session_id: SessionId,
    /// Above every counter the session has used.
    pub counter: u64,
    /// base64url of 32 bytes.
    pub public_key: String,
    /// The first period wanted.
    pub period: Period,
    /// Where playback is, in milliseconds.
    pub position_ms: u64,
    /// A newer signature that prolongs the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psign: Option<String>,
}

/// Answer to `POST /v1/keys`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeysResponse {
    /// The session.
    pub session: SessionInfo,
    /// Address of the master playlist, with a fresh url token.
    pub playlist_url: String,
    /// A sealed [`crate::KeysGrant`].
    pub grant: Envelope,
}

/// Answer to `GET /v1/server-keys`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ServerKeysResponse {
    /// Newest first.
    pub server_keys: Vec<ServerKeyInfo>,
}

/// A public server key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ServerKeyInfo {
    /// Its id.
    pub id: ServerKeyId,
    /// base64url of 32 bytes.
    pub public_key: String,
}

/// Body of `PUT /v1/titles/{fileId}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PutTitleRequest {
    /// The same as in the path: so the envelope, which is bound to this body, is bound to the title.
    pub file_id: FileId,
    /// base64url of 32 bytes. Made once per run of the packager: a repetition carries the same one.
    pub public_key: String,
    /// For people, 1 … 256 bytes.
    pub name: String,
    /// How its segments are published.
    pub mode: Mode,
}

/// Body of `POST /v1/titles/{fileId}/commit`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CommitTitleRequest {
    /// That of the run's `PUT`: proof that the media was encrypted under the secret the server keeps.
    pub public_key: String,
    /// What the packager made.
    #[serde(flatten)]
    pub media: MediaInfo,
}

/// Answer to `PUT /v1/titles/{fileId}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PutTitleResponse {
    /// The application of the API key.
    pub app_id: AppId,
    /// The title.
    pub file_id: FileId,
    /// The sealed title secret; none for clear titles.
    pub title_secret: Option<Envelope>,
}

/// Every error's body.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorResponse {
    /// The error.
    pub error: ErrorBody,
}

/// The error envelope's content.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// Stable.
    pub code: String,
    /// What to do.
    pub message: String,
    /// Names the request in the server's log.
    pub request_id: String,
    /// Which field, where that can be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
