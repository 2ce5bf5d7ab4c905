//! The rule: an account and a request become a score with reasons, and what follows from it.

use serde::{Deserialize, Serialize};

use super::{Account, Asked, Reason};

const POINTS_MAX: u64 = 100;
/// Points at a reason's first and second limit.
const FIRST: u64 = 30;
const SECOND: u64 = 60;
/// For each reason beside the strongest.
const FURTHER: u64 = 2;
const OLD_BUILD: u64 = 10;
/// Periods that a player holds beyond what it plays and buffers: the two of a grant, and the next two as soon as it loads
/// from the second.
const PERIODS_AHEAD: u64 = 4;
/// Of the allowance for seeks, what one who seeks now and then needs: a third.
const SOME_SEEKING: u64 = 3;
/// Longest wait that is told.
const WAIT_SECS_MAX: u64 = 3600;

/// From which score on an action is taken, if ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// Never.
    Off,
    /// From this many points on, 1 … 100.
    At(u32),
}

impl Threshold {
    fn is_reached(self, score: u64) -> bool {
        matches!(self, Self::At(points) if score >= u64::from(points))
    }
}

/// What the score of a request leads to; the later, the stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Action {
    Log,
    Throttle,
    Revoke,
}

/// The configuration, as it is for titles of one mode.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) log: Threshold,
    pub(crate) throttle: Threshold,
    pub(crate) revoke: Threshold,
    /// Thousandths of media time per wall time that cost nothing.
    pub(crate) speed: u64,
    pub(crate) look_ahead_ms: u64,
    /// Media time beyond that which seeks may take.
    pub(crate) seek_allowance_ms: u64,
    /// Players say where they play, and keep to the look-ahead: none takes more in a row.
    pub(crate) limits_runs: bool,
}

/// How much a session looks like theft.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Score {
    pub(crate) points: u64,
    /// In their order.
    pub(crate) reasons: Vec<Reason>,
}

/// What is to be done about a request.
#[derive(Clone, Debug)]
pub(crate) struct Judgement {
    pub(crate) score: Score,
    pub(crate) action: Option<Action>,
    /// The account once it is answered.
    pub(crate) after: Account,
    /// It is not to be answered before so many seconds.
    pub(crate) wait_secs: Option<u64>,
}

impl Rules {
    /// Whether anything at all follows from a score.
    pub(crate) fn are_off(&self) -> bool {
        [self.log, self.throttle, self.revoke] == [Threshold::Off; 3]
    }

    pub(crate) fn judge(&self, account: &Account, asked: &Asked<'_>) -> Judgement {
        let after = account.after(asked, self);
        let score = self.score(&after, asked);
        let action = self.action(&score);
        let costs = account.cost_ms(asked) > 0;
        let wait_secs = (costs && self.refuses(&after, &score, asked)).then(|| {
            // Time only lowers what is counted, so the first second that fits is found by halving.
            let fits = |secs: u64| {
                let later = Asked { now: asked.now.saturating_add(secs), ..asked.clone() };
                let after = account.after(&later, self);
                !self.refuses(&after, &self.score(&after, &later), &later)
            };
            first(WAIT_SECS_MAX, fits)
        });
        // Who is slowed is told of as such, whatever the points.
        let action = wait_secs.map_or(action, |_| action.max(Some(Action::Throttle)));
        Judgement { score, action, after, wait_secs }
    }

    /// What would be beyond the limits once it is answered, or is beyond what a player holds ahead and suspect.
    fn refuses(&self, after: &Account, score: &Score, asked: &Asked<'_>) -> bool {
        let ahead_ms = self.ahead_limit_ms(asked.period_ms);
        let is_over = after.total_ms > ahead_ms.saturating_add(self.seek_allowance_ms)
            || (self.limits_runs && after.run_ms(asked.session) > ahead_ms);
        let is_suspect = self.throttle.is_reached(score.points) || self.revoke.is_reached(score.points);
        (self.throttle != Threshold::Off && is_over) || (is_suspect && after.total_ms > ahead_ms)
    }

    /// Media time that is played, at most, in so many seconds.
    pub(super) fn play_ms(&self, secs: u64) -> u64 {
        secs.saturating_mul(self.speed)
    }

    /// `A` of docs/PACING.md.
    fn ahead_limit_ms(&self, period_ms: u64) -> u64 {
        self.look_ahead_ms.saturating_add(period_ms.saturating_mul(PERIODS_AHEAD))
    }

    fn score(&self, account: &Account, asked: &Asked<'_>) -> Score {
        let ahead_ms = self.ahead_limit_ms(asked.period_ms);
        let (some_ms, much_ms) = (
            ahead_ms.saturating_add(self.seek_allowance_ms / SOME_SEEKING),
            ahead_ms.saturating_add(self.seek_allowance_ms),
        );
        let in_row_ms = account.ahead_ms.max(account.run_ms(asked.session));
        let limited = [
            (Reason::AheadOfPlay, in_row_ms, ahead_ms, much_ms),
            (Reason::SeekHarvest, account.seeks, 4_000, 12_000),
            (Reason::FasterThanPlay, account.total_ms, some_ms, much_ms),
            (Reason::ParallelSessions, account.session_count(), 5, 10),
            (Reason::ManyAddresses, account.network_count(), 5, 12),
            (Reason::ImpossiblePosition, account.odd_positions, 4_000, 12_000),
            (Reason::ImpossibleCounter, account.odd_counters, 1_000, 5_000),
        ];
        let mut reasons: Vec<(Reason, u64)> =
            limited.into_iter().map(|(reason, value, first, second)| (reason, points(value, first, second))).collect();
        reasons.push((Reason::OldBuild, if asked.is_old_build { OLD_BUILD } else { 0 }));
        reasons.retain(|(_, points)| *points > 0);
        let strongest = reasons.iter().map(|(_, points)| *points).max().unwrap_or(0);
        let further = u64::try_from(reasons.len()).unwrap_or(POINTS_MAX).saturating_sub(1).saturating_mul(FURTHER);
        Score {
            points: strongest.saturating_add(further).min(POINTS_MAX),
            reasons: reasons.into_iter().map(|(reason, _)| reason).collect(),
        }
    }

    fn action(&self, score: &Score) -> Option<Action> {
        let by_strength = [(self.revoke, Action::Revoke), (self.throttle, Action::Throttle), (self.log, Action::Log)];
        by_strength.into_iter().find(|(threshold, _)| threshold.is_reached(score.points)).map(|(_, action)| action)
    }
}

/// Nothing below `first`; linear through [`FIRST`] and [`SECOND`] from there, both at once where they are the same.
fn points(value: u64, first: u64, second: u64) -> u64 {
    if value < first {
        return 0;
    }
    if second <= first {
        return SECOND;
    }
    let beyond = (value - first).saturating_mul(SECOND - FIRST) / (second - first);
    FIRST.saturating_add(beyond).min(POINTS_MAX)
}

/// The least number of `1 ..= max` that fits; `max` where none does. What is above one that fits does so, too.
fn first(max: u64, fits: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (1, max);
    while low < high {
        let middle = low.midpoint(high);
        if fits(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    high
}
