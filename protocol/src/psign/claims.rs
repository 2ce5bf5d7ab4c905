//! The claims of a psign, field-compatible with Tencent VOD's. Unknown claims are ignored, known ones are bounded.

use serde::{Deserialize, Serialize};

use super::malformed;
use crate::address_range::AddressRange;
use crate::error::{ErrorCode, ProtocolError};
use crate::ids::{AppId, FileId};
use crate::level::{BelowMinLevel, LevelRule, PlaybackLevel};
use crate::object;
use crate::track::{Mode, TrackClass};

const TEXT_LEN_MAX: usize = 128;
const DOMAINS_MAX: usize = 32;
const RESOLUTION_NAMES_MAX: usize = 16;
const PREVIEW_SECS_MAX: u64 = 1 << 31;
const ADDRESSES_MAX: u64 = 9;
const US_LEN_MAX: usize = 64;
const ADDRESS_RANGES_MAX: usize = 16;
const SESSIONS_MAX: u32 = 100;

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
    #[serde(default, deserialize_with = "object::optional", skip_serializing_if = "Option::is_none")]
    pub content_info: Option<ContentInfo>,
    /// Limits of the media addresses.
    #[serde(default, deserialize_with = "object::optional", skip_serializing_if = "Option::is_none")]
    pub url_access_info: Option<UrlAccessInfo>,
    /// How long keys may be given.
    #[serde(default, deserialize_with = "object::optional", skip_serializing_if = "Option::is_none")]
    pub drm_license_info: Option<DrmLicenseInfo>,
    /// Watermark.
    #[serde(default, deserialize_with = "object::optional", skip_serializing_if = "Option::is_none")]
    pub ghost_watermark_info: Option<GhostWatermarkInfo>,
    /// Our own claims.
    #[serde(default, deserialize_with = "object::optional", skip_serializing_if = "Option::is_none")]
    pub keyveil: Option<KeyveilClaims>,
    /// Tells signatures of one second apart, whose uses are counted (RFC 7519, section 4.1.7). Written only: nothing depends on it.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
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
    #[serde(default, deserialize_with = "object::list", skip_serializing_if = "Vec::is_empty")]
    pub resolution_names: Vec<ResolutionName>,
}

/// A name in the quality menu.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ResolutionName {
    /// Shorter edge of the video in pixels. Vendors' documents write the two names with a capital.
    #[serde(alias = "MinEdgeLength")]
    pub min_edge_length: u32,
    /// At most 128 bytes.
    #[serde(alias = "Name")]
    pub name: String,
}

/// `urlAccessInfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UrlAccessInfo {
    /// Hexadecimal seconds since 1970: media addresses end there; empty sets nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t: Option<String>,
    /// Preview length in seconds, at most 2^31; 0 sets none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exper: Option<u64>,
    /// So many client addresses may use the signature, at most 9; 0 sets no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rlimit: Option<u64>,
    /// What the signer wants to find again, at most 64 of `A–Z a–z 0–9 _ -`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub us: Option<String>,
    /// Host names that may embed the player, separated by spaces or commas. `Default`, a vendor's word for its own playback domain,
    /// names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
}

/// `drmLicenseInfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DrmLicenseInfo {
    /// When keys end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire_time_stamp: Option<u64>,
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
    /// So many sessions of the viewer at once, 1 … 100; only with a viewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<u32>,
    /// Whether it opens one session only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub once: bool,
    /// Where every request has to come from, 1 … 16 addresses or ranges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<Vec<AddressRange>>,
    /// The least playback level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_level: Option<PlaybackLevel>,
    /// What a lower level gets: `refuse`, which is the default, or the highest track class. Only with a least level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below_min_level: Option<BelowMinLevel>,
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
            drm_license_info: None,
            ghost_watermark_info: None,
            keyveil: None,
            jti: None,
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
        let vendor = vendor.map(|text| names(text).collect::<Vec<_>>());
        let own = self.keyveil.as_ref().map(|own| own.domains.iter().map(String::as_str).collect());
        [vendor, own].into_iter().flatten().filter(|list| !list.is_empty()).collect()
    }

    pub(super) fn names_vendor_domains(&self) -> bool {
        let domain = self.url_access_info.as_ref().and_then(|info| info.domain.as_deref());
        domain.is_some_and(|text| names(text).next().is_some())
    }

    /// Takes names out of `urlAccessInfo.domain`.
    pub(super) fn retain_vendor_domains(&mut self, keep: impl Fn(&str) -> bool) {
        let Some(domain) = self.url_access_info.as_mut().and_then(|info| info.domain.as_mut()) else { return };
        *domain = names(domain).filter(|name| keep(name)).collect::<Vec<_>>().join(" ");
    }

    /// The length of a preview in seconds; none for the whole title.
    #[must_use]
    pub fn preview_secs(&self) -> Option<u64> {
        self.url_access_info.as_ref()?.exper.filter(|secs| *secs > 0)
    }

    /// How many client addresses may use the signature, if that is limited.
    #[must_use]
    pub fn address_limit(&self) -> Option<u64> {
        self.url_access_info.as_ref()?.rlimit.filter(|count| *count > 0)
    }

    /// What the signer wants to find again.
    #[must_use]
    pub fn us(&self) -> Option<&str> {
        self.url_access_info.as_ref()?.us.as_deref().filter(|us| !us.is_empty())
    }

    /// Where every request has to come from; empty for anywhere.
    #[must_use]
    pub fn address_ranges(&self) -> &[AddressRange] {
        self.keyveil.as_ref().and_then(|own| own.ip.as_deref()).unwrap_or_default()
    }

    /// Whether it opens one session only.
    #[must_use]
    pub fn is_for_one_use(&self) -> bool {
        self.keyveil.as_ref().is_some_and(|own| own.once)
    }

    /// How many sessions the viewer may have at once, if that is limited.
    #[must_use]
    pub fn session_limit(&self) -> Option<u32> {
        self.keyveil.as_ref()?.sessions
    }

    /// The least playback level and what a lower one gets; it never loosens what the application says.
    #[must_use]
    pub fn level_rule(&self) -> LevelRule {
        let own = self.keyveil.as_ref();
        LevelRule {
            min_level: own.and_then(|own| own.min_level).unwrap_or(LevelRule::NONE.min_level),
            below_min_level: own.and_then(|own| own.below_min_level).unwrap_or(LevelRule::NONE.below_min_level),
        }
    }

    /// When media addresses must end, in seconds since 1970.
    #[must_use]
    pub fn media_ends_at(&self) -> Option<u64> {
        let t = self.t()?;
        // `from_str_radix` alone would also take a sign.
        u64::from_str_radix(t, 16).ok().filter(|_| t.bytes().all(|b| b.is_ascii_hexdigit()))
    }

    /// When keys must end, in seconds since 1970.
    #[must_use]
    pub fn keys_end_at(&self) -> Option<u64> {
        self.drm_license_info.as_ref()?.expire_time_stamp
    }

    fn t(&self) -> Option<&str> {
        self.url_access_info.as_ref()?.t.as_deref().filter(|t| !t.is_empty())
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
        if self.t().is_some() && self.media_ends_at().is_none() {
            return Err(malformed("urlAccessInfo.t is not hexadecimal"));
        }
        self.check_limits()
    }

    /// A limit that makes no sense must not look as if it held.
    fn check_limits(&self) -> Result<(), ProtocolError> {
        if self.preview_secs().is_some_and(|secs| secs > PREVIEW_SECS_MAX) {
            return Err(malformed("urlAccessInfo.exper over 2^31"));
        }
        if self.address_limit().is_some_and(|count| count > ADDRESSES_MAX) {
            return Err(malformed("urlAccessInfo.rlimit over 9"));
        }
        let is_mark = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if self.us().is_some_and(|us| us.len() > US_LEN_MAX || !us.bytes().all(is_mark)) {
            return Err(malformed("urlAccessInfo.us is not up to 64 of A–Z a–z 0–9 _ -"));
        }
        let Some(own) = &self.keyveil else { return Ok(()) };
        if own.ip.as_ref().is_some_and(|ranges| !(1..=ADDRESS_RANGES_MAX).contains(&ranges.len())) {
            return Err(malformed("keyveil.ip is not 1 to 16 addresses or ranges"));
        }
        if own.below_min_level.is_some() && own.min_level.is_none() {
            return Err(malformed("keyveil.belowMinLevel without minLevel"));
        }
        match own.sessions {
            Some(count) if !(1..=SESSIONS_MAX).contains(&count) => Err(malformed("keyveil.sessions is not 1 to 100")),
            Some(_) if own.uid.is_none() => Err(malformed("keyveil.sessions without uid")),
            _ => Ok(()),
        }
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
}

/// The host names in a text that separates them by spaces or commas.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',']).filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("Default"))
}
