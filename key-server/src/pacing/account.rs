use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::PeriodSet;
use super::score::{Action, Rules};

/// A seek is forgotten in so long.
const SEEK_SECS: u64 = 30;
/// An impossible position or counter is.
const ODD_SECS: u64 = 60;
/// Sessions that take keys within this are parallel.
const SESSIONS_SECS: u64 = 120;
/// What a session took in a row is known for so long.
const RUNS_SECS: u64 = 3600;
const NETWORKS_SECS: u64 = 3600;
/// More of either are not told apart.
const SEEN_MAX: usize = 32;
/// A player counts its own requests; this many in a row without an answer are none's.
const COUNTER_STEP_MAX: u64 = 1000;

/// What a viewer has taken of a title: see docs/PACING.md, "What is counted". What is counted in pieces is in thousandths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Account {
    #[serde(skip)]
    pub(crate) periods: PeriodSet,
    /// When it was last brought up to date.
    at: u64,
    pub(super) ahead_ms: u64,
    pub(super) total_ms: u64,
    pub(super) seeks: u64,
    pub(super) odd_positions: u64,
    pub(super) odd_counters: u64,
    sessions: VecDeque<Taker>,
    networks: VecDeque<Seen>,
    /// The strongest action that was told of.
    pub(crate) told: Option<Action>,
}

/// A network, and when it was last seen; the latest stands last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen(String, u64);

/// A session, as it was when it last took a new period.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Taker {
    session: String,
    at: u64,
    /// The last period that it was given.
    last: u32,
    /// Where it said that it plays.
    position_ms: u64,
    /// Media time that it took in a row and can't have played or passed over.
    run_ms: u64,
}

/// A request for keys.
#[derive(Clone, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) now: u64,
    /// Of the title.
    pub(crate) period_ms: u64,
    /// Those that it gets any key of, in order.
    pub(crate) periods: &'a [u32],
    pub(crate) session: &'a str,
    /// Of the client's operator.
    pub(crate) network: &'a str,
    /// Where it says that it plays; nothing where it does not say so.
    pub(crate) position: Option<Position>,
    /// The same in media time. Players that don't say it are not held to what they take in a row.
    pub(crate) position_ms: Option<u64>,
    /// How far its counter is above the last.
    pub(crate) counter_step: u64,
    /// Its build was replaced long ago.
    pub(crate) is_old_build: bool,
}

/// A place in the title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// Behind the end.
    Behind,
    /// In this period.
    In(u32),
    /// Where nothing is encrypted.
    Clear,
}

impl Account {
    /// Media time of the periods that would be new.
    pub(super) fn cost_ms(&self, asked: &Asked<'_>) -> u64 {
        let new = asked.periods.iter().filter(|period| !self.periods.contains(**period)).count();
        asked.period_ms.saturating_mul(u64::try_from(new).unwrap_or(u64::MAX))
    }

    /// The account once the request is answered.
    pub(super) fn after(&self, asked: &Asked<'_>, rules: &Rules) -> Self {
        let mut after = self.clone();
        after.forget(asked.now, rules);
        let cost_ms = after.cost_ms(asked);
        if cost_ms > 0 {
            let continues = after.continues(asked);
            if !continues {
                after.seeks = after.seeks.saturating_add(1000);
                after.ahead_ms = 0;
            }
            after.ahead_ms = after.ahead_ms.saturating_add(cost_ms);
            after.total_ms = after.total_ms.saturating_add(cost_ms);
            let left_ms = if continues { after.run_left_ms(asked, rules) } else { 0 };
            after.note_taker(asked, left_ms.saturating_add(cost_ms));
        }
        see(&mut after.networks, asked.network, after.at);
        for period in asked.periods {
            after.periods.insert(*period);
        }
        if asked.position.is_some_and(|position| !after.could_play_at(position)) {
            after.odd_positions = after.odd_positions.saturating_add(1000);
        }
        if asked.counter_step > COUNTER_STEP_MAX {
            after.odd_counters = after.odd_counters.saturating_add(1000);
        }
        after
    }

    pub(super) fn session_count(&self) -> u64 {
        let recent = self.sessions.iter().filter(|taker| self.is_recent(taker)).count();
        u64::try_from(recent).unwrap_or(u64::MAX)
    }

    /// What the session took in a row and can't have played or passed over, in media time.
    pub(super) fn run_ms(&self, session: &str) -> u64 {
        self.taker(session).map_or(0, |taker| taker.run_ms)
    }

    fn taker(&self, session: &str) -> Option<&Taker> {
        self.sessions.iter().find(|taker| taker.session == session)
    }

    fn is_recent(&self, taker: &Taker) -> bool {
        self.at.saturating_sub(taker.at) <= SESSIONS_SECS
    }

    /// What is left of the session's run: less what was played since, or less how far its position moved, where that is more. Who skips
    /// forward in small steps needs keys as fast; what a position that runs ahead of the clock is worth, `total_ms` limits.
    fn run_left_ms(&self, asked: &Asked<'_>, rules: &Rules) -> u64 {
        let Some(taker) = self.taker(asked.session) else { return 0 };
        let played_ms = rules.play_ms(self.at.saturating_sub(taker.at));
        let moved_ms = asked.position_ms.map_or(0, |position_ms| position_ms.saturating_sub(taker.position_ms));
        taker.run_ms.saturating_sub(played_ms.max(moved_ms))
    }

    pub(super) fn network_count(&self) -> u64 {
        u64::try_from(self.networks.len()).unwrap_or(u64::MAX)
    }

    /// Lets the time pass since the last request. Of replicas' clocks one may be behind: then none has.
    fn forget(&mut self, now: u64, rules: &Rules) {
        let secs = now.saturating_sub(self.at);
        let played_ms = rules.play_ms(secs);
        self.ahead_ms = self.ahead_ms.saturating_sub(played_ms);
        self.total_ms = self.total_ms.saturating_sub(played_ms);
        let thousandths = secs.saturating_mul(1000);
        self.seeks = self.seeks.saturating_sub(thousandths / SEEK_SECS);
        self.odd_positions = self.odd_positions.saturating_sub(thousandths / ODD_SECS);
        self.odd_counters = self.odd_counters.saturating_sub(thousandths / ODD_SECS);
        // Those that are no longer parallel, too: nobody's run is forgotten before it can have been played.
        self.sessions.retain(|taker| now.saturating_sub(taker.at) <= RUNS_SECS);
        self.networks.retain(|seen| now.saturating_sub(seen.1) <= NETWORKS_SECS);
        self.at = self.at.max(now);
    }

    /// Whether the first period follows what the session was given last; of a session that was not seen of late, any that was
    /// released: it may be the same player, loaded again.
    fn continues(&self, asked: &Asked<'_>) -> bool {
        let Some(&first) = asked.periods.first() else { return true };
        if let Some(Taker { last, .. }) = self.taker(asked.session).filter(|taker| self.is_recent(taker)) {
            return (last.saturating_sub(1)..=last.saturating_add(1)).contains(&first);
        }
        self.periods.contains(first) || first.checked_sub(1).is_some_and(|before| self.periods.contains(before))
    }

    fn note_taker(&mut self, asked: &Asked<'_>, run_ms: u64) {
        self.sessions.retain(|taker| taker.session != asked.session);
        if self.sessions.len() >= SEEN_MAX {
            self.sessions.pop_front();
        }
        let (first, last) = (asked.periods.first().copied().unwrap_or(0), asked.periods.last().copied().unwrap_or(0));
        // An opening's is somewhere in the first period that it is given.
        let position_ms = asked.position_ms.unwrap_or(u64::from(first).saturating_mul(asked.period_ms));
        self.sessions.push_back(Taker { session: asked.session.to_owned(), at: self.at, last, position_ms, run_ms });
    }

    /// The neighbours' keys are enough: loads and positions do not meet exactly at a border.
    fn could_play_at(&self, position: Position) -> bool {
        match position {
            Position::Behind => false,
            Position::Clear => true,
            Position::In(period) => {
                (period.saturating_sub(1)..=period.saturating_add(1)).any(|near| self.periods.contains(near))
            }
        }
    }
}

fn see(seen: &mut VecDeque<Seen>, name: &str, now: u64) {
    seen.retain(|one| one.0 != name);
    if seen.len() >= SEEN_MAX {
        seen.pop_front();
    }
    seen.push_back(Seen(name.to_owned(), now));
}
