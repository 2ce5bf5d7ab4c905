//! Where a segment stands in a title: rendition, segment, period and track class (docs/PROTOCOL.md, "Identifiers").

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{ErrorCode, ProtocolError};

const fn malformed(cause: &'static str) -> ProtocolError {
    ProtocolError::new(ErrorCode::MalformedRequest, cause)
}

/// What a period key opens. Ordered: a session allowed up to one class holds the keys of all below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[repr(u8)]
pub enum TrackClass {
    /// Audio and subtitles.
    #[serde(rename = "AUDIO")]
    Audio = 0,
    /// Video with a shorter edge of at most 576 pixels.
    #[serde(rename = "SD")]
    Sd = 1,
    /// Video with a shorter edge of at most 1080 pixels.
    #[serde(rename = "HD")]
    Hd = 2,
    /// Any larger video.
    #[serde(rename = "UHD")]
    Uhd = 3,
}

impl TrackClass {
    /// All classes, lowest first.
    pub const ALL: [Self; 4] = [Self::Audio, Self::Sd, Self::Hd, Self::Uhd];

    /// The class of a video of this size in pixels.
    #[must_use]
    pub fn of_video(width: u32, height: u32) -> Self {
        match width.min(height) {
            0..=576 => Self::Sd,
            577..=1080 => Self::Hd,
            _ => Self::Uhd,
        }
    }

    /// The byte that stands for it in key derivation and grants.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The class behind such a byte.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.number() == number)
    }

    /// The name that stands for it in playlists, JSON and signatures.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Audio => "AUDIO",
            Self::Sd => "SD",
            Self::Hd => "HD",
            Self::Uhd => "UHD",
        }
    }
}

impl fmt::Display for TrackClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for TrackClass {
    type Err = ProtocolError;
    fn from_str(name: &str) -> Result<Self, ProtocolError> {
        Self::ALL.into_iter().find(|class| class.name() == name).ok_or(malformed("unknown track class"))
    }
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident($inner:ty),)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

numbers! {
    /// A rendition's place in the title's list.
    Rendition(u16),
    /// A segment's number in its rendition: the media sequence number, from 0.
    Segment(u32),
    /// A run of `periodSegments` segments that share period keys.
    Period(u32),
}

/// Segments per period, 1 … 10000, the same for all renditions of a title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(try_from = "u32", into = "u32")]
pub struct PeriodSegments(u32);

impl PeriodSegments {
    /// The most segments a period may have.
    pub const MAX: u32 = 10_000;
    /// About a minute of segments of the usual length.
    pub const DEFAULT: Self = Self(10);

    /// # Errors
    /// `malformed_request` outside 1 … 10000.
    pub fn new(count: u32) -> Result<Self, ProtocolError> {
        if (1..=Self::MAX).contains(&count) { Ok(Self(count)) } else { Err(malformed("periodSegments out of range")) }
    }

    /// The count itself.
    #[must_use]
    pub const fn value(self) -> u32 {
        self.0
    }

    /// The period that a segment belongs to.
    #[must_use]
    pub const fn period_of(self, segment: Segment) -> Period {
        Period(segment.0 / self.0)
    }
}

impl TryFrom<u32> for PeriodSegments {
    type Error = ProtocolError;
    fn try_from(count: u32) -> Result<Self, ProtocolError> {
        Self::new(count)
    }
}

impl From<PeriodSegments> for u32 {
    fn from(count: PeriodSegments) -> Self {
        count.0
    }
}

/// How a title's segments are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Encrypted with Keyveil's own key tag; only the SDK plays it.
    Private,
    /// HLS with `METHOD=AES-128` (RFC 8216): any player that holds a token plays it.
    Standard,
    /// Not encrypted.
    Clear,
}

impl Mode {
    /// Whether segments are encrypted, and so whether there are a title secret, a cipher and sessions.
    #[must_use]
    pub const fn is_encrypted(self) -> bool {
        matches!(self, Self::Private | Self::Standard)
    }

    /// Its name in JSON and SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Standard => "standard",
            Self::Clear => "clear",
        }
    }

    /// The mode of such a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Private, Self::Standard, Self::Clear].into_iter().find(|mode| mode.as_str() == name)
    }
}

/// The cipher of an encrypted title's segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Cipher {
    /// AES-128-CBC with PKCS#7, a key and an IV per segment.
    #[serde(rename = "aes-128-cbc")]
    Aes128Cbc,
    /// ChaCha20-Poly1305 in chunks of 64 KiB, a key per segment: authenticated. Of private titles only.
    #[serde(rename = "chacha20-poly1305")]
    ChaCha20Poly1305,
}

impl Cipher {
    /// All ciphers.
    pub const ALL: [Self; 2] = [Self::Aes128Cbc, Self::ChaCha20Poly1305];

    /// The byte that stands for it in grants.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Aes128Cbc => 0,
            Self::ChaCha20Poly1305 => 1,
        }
    }

    /// The cipher behind such a byte.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|cipher| cipher.number() == number)
    }

    /// The cipher of such a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cipher| cipher.name() == name)
    }

    /// Whether segments of titles of this mode may have it: standard players know AES only.
    #[must_use]
    pub const fn fits(self, mode: Mode) -> bool {
        match mode {
            Mode::Private => true,
            Mode::Standard => matches!(self, Self::Aes128Cbc),
            Mode::Clear => false,
        }
    }

    /// The name in playlists and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes128Cbc => "aes-128-cbc",
            Self::ChaCha20Poly1305 => "chacha20-poly1305",
        }
    }
}

/// The container of a title's audio and video segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Container {
    /// CMAF: fragmented MP4 with an init segment.
    Fmp4,
    /// MPEG-TS.
    Ts,
}
