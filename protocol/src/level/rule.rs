//! What an application or a signature makes of a level.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::PlaybackLevel;
use crate::error::ProtocolError;
use crate::track::TrackClass;

const REFUSE: &str = "refuse";

/// What a player below the least level gets. Ordered: the stricter of two is the lower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum BelowMinLevel {
    /// Nothing.
    Refuse,
    /// The keys of this track class and of those below it.
    UpTo(TrackClass),
}

impl fmt::Display for BelowMinLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refuse => f.write_str(REFUSE),
            Self::UpTo(track_class) => track_class.fmt(f),
        }
    }
}

impl FromStr for BelowMinLevel {
    type Err = ProtocolError;
    fn from_str(text: &str) -> Result<Self, ProtocolError> {
        if text == REFUSE { Ok(Self::Refuse) } else { text.parse().map(Self::UpTo) }
    }
}

impl TryFrom<String> for BelowMinLevel {
    type Error = ProtocolError;
    fn try_from(text: String) -> Result<Self, ProtocolError> {
        text.parse()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for BelowMinLevel {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        let names = std::iter::once(REFUSE).chain(TrackClass::ALL.map(TrackClass::name));
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("What a lower level than the least one gets: nothing, or the keys up to a track class."))
            .enum_values(Some(names))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for BelowMinLevel {}

impl From<BelowMinLevel> for String {
    fn from(below: BelowMinLevel) -> Self {
        below.to_string()
    }
}

/// The least level that an application or a signature allows, and what a lower one gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelRule {
    /// The least level.
    pub min_level: PlaybackLevel,
    /// What a lower one gets.
    pub below_min_level: BelowMinLevel,
}

impl LevelRule {
    /// Every level is allowed.
    pub const NONE: Self = Self { min_level: PlaybackLevel::Standard, below_min_level: BelowMinLevel::Refuse };

    /// The highest track class at a level; none where the level is refused. Of two rules the smaller result holds.
    #[must_use]
    pub fn highest_track(self, level: PlaybackLevel) -> Option<TrackClass> {
        match self.below_min_level {
            _ if level >= self.min_level => Some(TrackClass::Uhd),
            BelowMinLevel::Refuse => None,
            BelowMinLevel::UpTo(track_class) => Some(track_class),
        }
    }
}
