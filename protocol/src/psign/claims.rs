//! The claims of a psign, field-compatible with Tencent VOD's. Unknown claims are ignored, known ones are bounded.

use serde::{Deserialize, Serialize};

use super::malformed;
use crate::error::{ErrorCode, ProtocolError};
use crate::ids::{AppId, FileId};
use crate::track::{Mode, TrackClass};

const TEXT_LEN_MAX: usize = 128;
const DOMAINS_MAX: usize = 32;
const RESOLUTION_NAMES_MAX: usize = 16;

/// All claims. Times in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PlayerSignatureClaims {
    /// The application.
    pub app_id: AppId,
    /// The title.
    pub file_id: FileId,
    /// When it was signed.
    pub current_time_stamp: u64,
    /// When it ends; none means the application's maximum age.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire_time_stamp: Option<u64>,
    /// What is to be played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_info: Option<ContentInfo>,
    /// Limits of the media addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_access_info: Option<UrlAccessInfo>,
    /// Watermark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ghost_watermark_info: Option<GhostWatermarkInfo>,
    /// Our own claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyveil: Option<KeyveilClaims>,
}

/// `contentInfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ContentInfo {
    /// `ProtectedAdaptive` or `RawAdaptive`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_video_type: Option<String>,
    /// Names for the quality menu, at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolution_names: Vec<ResolutionName>,
}

/// A name in the quality menu.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ResolutionName {
    /// Shorter edge of the video in pixels.
    pub min_edge_length: u32,
    /// At most 128 bytes.
    pub name: String,
}

/// `urlAccessInfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UrlAccessInfo {
    /// Hexadecimal seconds since 1970: media addresses end there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t: Option<String>,
    /// Preview length in seconds. Not enforced in this version: refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exper: Option<u64>,
    /// Most client addresses. Not enforced in this version: refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rlimit: Option<u64>,
    /// Host names that may embed the player, separated by spaces or commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
}

/// `ghostWatermarkInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct GhostWatermarkInfo {
    /// At most 128 bytes.
    pub text: String,
}

/// The claim `keyveil`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeyveilClaims {
    /// The viewer, at most 128 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The highest track class whose keys are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_track: Option<TrackClass>,
    /// Host names that may embed the player, at most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<String>,
    /// Most sessions at once. Not enforced in this version: refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<serde_json::Value>,
    /// Single use. Not enforced in this version: refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<serde_json::Value>,
    /// Client address. Not enforced in this version: refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<serde_json::Value>,
}

impl PlayerSignatureClaims {
    /// Claims with the required fields only.
    #[must_use]
    pub const fn new(app_id: AppId, file_id: FileId, current_time_stamp: u64) -> Self {
        Self {
            app_id,
            file_id,
            current_time_stamp,
            expire_time_stamp: None,
            content_info: None,
            url_access_info: None,
            ghost_watermark_info: None,
            keyveil: None,
        }
    }

    /// The viewer, if named.
    #[must_use]
    pub fn uid(&self) -> Option<&str> {
        self.keyveil.as_ref()?.uid.as_deref()
    }

    /// The highest track class allowed; UHD where nothing is said.
    #[must_use]
    pub fn max_track(&self) -> TrackClass {
        self.keyveil.as_ref().and_then(|own| own.max_track).unwrap_or(TrackClass::Uhd)
    }

    /// Every list of host names the psign sets. The page must satisfy each of them.
    #[must_use]
    pub fn domain_lists(&self) -> Vec<Vec<&str>> {
        let vendor = self.url_access_info.as_ref().and_then(|info| info.domain.as_deref());
        let vendor = vendor.map(|text| text.split([' ', ',']).filter(|name| !name.is_empty()).collect::<Vec<_>>());
        let own = self.keyveil.as_ref().map(|own| own.domains.iter().map(String::as_str).collect());
        [vendor, own].into_iter().flatten().filter(|list| !list.is_empty()).collect()
    }

    /// When media addresses must end, in seconds since 1970.
    #[must_use]
    pub fn media_ends_at(&self) -> Option<u64> {
        let t = self.url_access_info.as_ref()?.t.as_deref()?;
        // `from_str_radix` alone would also take a sign.
        u64::from_str_radix(t, 16).ok().filter(|_| t.bytes().all(|b| b.is_ascii_hexdigit()))
    }

    pub(super) fn check_bounds(&self) -> Result<(), ProtocolError> {
        let text_fits = |text: &str| text.len() <= TEXT_LEN_MAX;
        let names = self.content_info.as_ref().map_or(&[][..], |info| &info.resolution_names);
        if names.len() > RESOLUTION_NAMES_MAX || !names.iter().all(|entry| text_fits(&entry.name)) {
            return Err(malformed("resolutionNames over its limit"));
        }
        if self.ghost_watermark_info.as_ref().is_some_and(|info| !text_fits(&info.text)) {
            return Err(malformed("ghostWatermarkInfo.text over 128 bytes"));
        }
        if self.uid().is_some_and(|uid| !text_fits(uid)) {
            return Err(malformed("keyveil.uid over 128 bytes"));
        }
        if self.domain_lists().iter().any(|list| list.len() > DOMAINS_MAX) {
            return Err(malformed("more than 32 domains"));
        }
        let t = self.url_access_info.as_ref().and_then(|info| info.t.as_ref());
        if t.is_some() && self.media_ends_at().is_none() {
            return Err(malformed("urlAccessInfo.t is not hexadecimal"));
        }
        Ok(())
    }

    pub(super) fn check_content_type(&self, mode: Mode) -> Result<(), ProtocolError> {
        let asked = self.content_info.as_ref().and_then(|info| info.audio_video_type.as_deref());
        match (asked, mode) {
            (None, _)
            | (Some("ProtectedAdaptive"), Mode::Private | Mode::Standard)
            | (Some("RawAdaptive"), Mode::Clear) => Ok(()),
            _ => Err(ProtocolError::new(ErrorCode::PsignContentType, "audioVideoType does not fit the title's mode")),
        }
    }

    /// A limit that nothing enforces must not look as if it held.
    pub(super) fn check_limits(&self) -> Result<(), ProtocolError> {
        let vendor = self.url_access_info.as_ref().is_some_and(|info| {
            info.exper.is_some_and(|seconds| seconds > 0) || info.rlimit.is_some_and(|count| count > 0)
        });
        let own =
            self.keyveil.as_ref().is_some_and(|own| own.sessions.is_some() || own.once.is_some() || own.ip.is_some());
        if vendor || own {
            return Err(ProtocolError::new(
                ErrorCode::PsignLimitUnsupported,
                "sets exper, rlimit, sessions, once or ip",
            ));
        }
        Ok(())
    }
}
