use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a session looks like theft. The names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Keys of more media than playing and buffering in a row explain.
    AheadOfPlay,
    /// Seeks and little playing between.
    SeekHarvest,
    /// Keys of more media than playing explains, seeks or not.
    FasterThanPlay,
    /// Sessions of one viewer that take a title at the same time.
    ParallelSessions,
    /// One viewer in the networks of many operators.
    ManyAddresses,
    /// Positions where nothing could have played.
    ImpossiblePosition,
    /// Counters that no player makes.
    ImpossibleCounter,
    /// A player that was replaced long ago.
    OldBuild,
}
