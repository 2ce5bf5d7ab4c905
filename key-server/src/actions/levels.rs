//! The level that a title is played at, and what that level gets (docs/LEVELS.md, "What the server decides").

use keyveil_protocol::psign::PlayerSignatureClaims;
use keyveil_protocol::{Downgrade, ErrorCode, Mode, PlaybackLevel, StatedLevel, TrackClass};

use crate::refusal::Refusal;
use crate::store::App;

/// What plays.
#[derive(Clone, Copy, Debug)]
pub(super) enum Player {
    /// The SDK, with what it says of itself.
    Sdk(StatedLevel),
    /// Any other.
    Other,
}

/// The level of a session, and why it is no higher one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SessionLevel {
    pub(super) level: PlaybackLevel,
    pub(super) downgrade: Option<Downgrade>,
}

impl SessionLevel {
    /// That of a title under a player; clear titles have none. What a player says counts for private titles only.
    /// `psign_content_type` for a private title and a player that can't play it.
    pub(super) fn of(mode: Mode, player: Player) -> Result<Option<Self>, Refusal> {
        match (mode, player) {
            (Mode::Clear, _) => Ok(None),
            (Mode::Standard, _) => Ok(Some(Self { level: PlaybackLevel::Standard, downgrade: None })),
            (Mode::Private, Player::Sdk(stated)) => {
                Ok(Some(Self { level: stated.level(), downgrade: stated.downgrade() }))
            }
            (Mode::Private, Player::Other) => {
                Err(Refusal::new(ErrorCode::PsignContentType, "only the SDK plays a private title"))
            }
        }
    }
}

/// The highest track class that application and signature leave to a level; where there is none, only the signature's own.
/// The stricter of both rules holds: `level_not_allowed` where one refuses.
pub(super) fn highest_track(
    app: &App,
    claims: &PlayerSignatureClaims,
    level: Option<PlaybackLevel>,
) -> Result<TrackClass, Refusal> {
    let own = claims.max_track();
    let Some(level) = level else { return Ok(own) };
    let refused = |cause: &'static str| Refusal::new(ErrorCode::LevelNotAllowed, cause);
    let by_app = app.level_rule.highest_track(level).ok_or_else(|| refused("below the application's least level"))?;
    let by_claims = claims.level_rule().highest_track(level).ok_or_else(|| refused("below the psign's least level"))?;
    Ok(own.min(by_app).min(by_claims))
}
