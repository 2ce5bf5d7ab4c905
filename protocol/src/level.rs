//! Where a title is played (docs/LEVELS.md): the levels, what a player says of its own, and the rules that ask for one.

mod rule;

use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use self::rule::{BelowMinLevel, LevelRule};
use crate::error::{ErrorCode, ProtocolError};

const fn malformed(cause: &'static str) -> ProtocolError {
    ProtocolError::new(ErrorCode::MalformedRequest, cause)
}

/// How far clear media is from the page. Ordered: a rule that asks for one level is satisfied by every higher one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum PlaybackLevel {
    /// Any player; the keys are handed out openly.
    Standard,
    /// Keys stay in the worker, clear media passes through the page.
    Guarded,
    /// Keys and clear media stay in the worker.
    Sealed,
}

impl PlaybackLevel {
    /// All levels, lowest first.
    pub const ALL: [Self; 3] = [Self::Standard, Self::Guarded, Self::Sealed];

    /// Its name in JSON and SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Guarded => "guarded",
            Self::Sealed => "sealed",
        }
    }
}

impl FromStr for PlaybackLevel {
    type Err = ProtocolError;
    fn from_str(name: &str) -> Result<Self, ProtocolError> {
        Self::ALL.into_iter().find(|level| level.as_str() == name).ok_or(malformed("unknown playback level"))
    }
}

/// Why a player that could be sealed is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Downgrade {
    /// The browser has no MediaSource in workers.
    Browser,
    /// The page asked for guarded.
    Application,
    /// The page brings its own hls.js.
    OwnHls,
    /// The page's settings for hls.js can't go to a worker.
    HlsSettings,
    /// The player knows no levels: it says none, and nobody says this for it but the server.
    OldPlayer,
}

impl Downgrade {
    /// All reasons.
    pub const ALL: [Self; 5] = [Self::Browser, Self::Application, Self::OwnHls, Self::HlsSettings, Self::OldPlayer];

    /// Its name in JSON and SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Application => "application",
            Self::OwnHls => "own_hls",
            Self::HlsSettings => "hls_settings",
            Self::OldPlayer => "old_player",
        }
    }
}

impl FromStr for Downgrade {
    type Err = ProtocolError;
    fn from_str(name: &str) -> Result<Self, ProtocolError> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name).ok_or(malformed("unknown downgrade"))
    }
}

/// What a player says of itself in `level` and `downgrade` of a play request. No proof: a changed player says anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "LevelFields", into = "LevelFields")]
pub enum StatedLevel {
    /// It is sealed.
    Sealed,
    /// It is guarded, and why; [`Downgrade::OldPlayer`] where it says nothing.
    Guarded(Downgrade),
}

impl StatedLevel {
    /// # Errors
    /// `malformed_request` for `sealed` with a reason, `guarded` without one, a reason without a level, and what no player says:
    /// `standard`, `old_player`.
    pub fn new(level: Option<PlaybackLevel>, downgrade: Option<Downgrade>) -> Result<Self, ProtocolError> {
        match (level, downgrade) {
            (None, None) => Ok(Self::Guarded(Downgrade::OldPlayer)),
            (Some(PlaybackLevel::Sealed), None) => Ok(Self::Sealed),
            (Some(PlaybackLevel::Guarded), Some(reason)) if reason != Downgrade::OldPlayer => Ok(Self::Guarded(reason)),
            _ => Err(malformed("level and downgrade do not belong together")),
        }
    }

    /// The level.
    #[must_use]
    pub const fn level(self) -> PlaybackLevel {
        match self {
            Self::Sealed => PlaybackLevel::Sealed,
            Self::Guarded(_) => PlaybackLevel::Guarded,
        }
    }

    /// Why it is not sealed.
    #[must_use]
    pub const fn downgrade(self) -> Option<Downgrade> {
        match self {
            Self::Sealed => None,
            Self::Guarded(reason) => Some(reason),
        }
    }
}

/// What a player says of itself: `sealed` and no reason, `guarded` and a reason, or neither field.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = StatedLevel))]
pub(crate) struct LevelFields {
    /// `sealed` or `guarded`; absent of players that know no levels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<PlaybackLevel>,
    /// Why it is not sealed, or null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Downgrade>))]
    downgrade: Option<Option<Downgrade>>,
}

impl TryFrom<LevelFields> for StatedLevel {
    type Error = ProtocolError;
    fn try_from(fields: LevelFields) -> Result<Self, ProtocolError> {
        Self::new(fields.level, fields.downgrade.flatten())
    }
}

impl From<StatedLevel> for LevelFields {
    fn from(stated: StatedLevel) -> Self {
        match stated {
            // What a player that knows no levels sends.
            StatedLevel::Guarded(Downgrade::OldPlayer) => Self { level: None, downgrade: None },
            _ => Self { level: Some(stated.level()), downgrade: Some(stated.downgrade()) },
        }
    }
}
