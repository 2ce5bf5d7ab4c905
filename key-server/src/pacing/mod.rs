//! How fast a viewer takes a title's keys, and what that looks like (docs/PACING.md). Pure: no I/O and no clock.

mod account;
mod periods;
mod reason;
mod score;

pub(crate) use account::{Account, Asked, Position};
pub(crate) use periods::PeriodSet;
pub use reason::Reason;
pub use score::Threshold;
pub(crate) use score::{Action, Judgement, Rules, Score};

#[cfg(test)]
mod tests;
