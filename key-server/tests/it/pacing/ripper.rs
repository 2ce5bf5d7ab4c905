//! Programs that take a title without playing it.

use std::collections::{BTreeMap, BTreeSet};

use super::world::{Actor, Chance, Client, Outcome, PERIOD_SECS, PERIODS, period_at, suspicion};
use crate::support::{Player, TestApp};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// From the beginning, at 50 times play speed.
    Sequential,
    /// Many sessions of one viewer, each a share of the title at up to twice the speed.
    Parallel,
    /// At less than twice the speed, each request from another place.
    ManyAddresses,
    /// Four times play speed, for ever.
    Slow,
    /// Seeks here and there until it has all.
    RandomSeeks,
}

impl Kind {
    pub(super) const ALL: [Self; 5] =
        [Self::Sequential, Self::Parallel, Self::ManyAddresses, Self::Slow, Self::RandomSeeks];
}

pub(super) struct Ripper {
    pub(super) kind: Kind,
    uid: String,
    sessions: Vec<Share>,
    starts_at: u32,
    /// Media time per wall time, of each of its sessions.
    speed: f64,
    /// Between two seeks.
    rests_secs: u32,
    is_candid: bool,
    requests: u32,
    pub(super) held: BTreeSet<u32>,
    /// When it held how many for the first time.
    pub(super) held_at: BTreeMap<u32, usize>,
    /// How many it held as it was suspected, and when it was first refused.
    pub(super) suspected_with: Option<usize>,
    pub(super) throttled_with: Option<usize>,
    pub(super) ended: bool,
    pub(super) reasons: BTreeSet<String>,
}

/// A session and the periods that it is to fetch, in order.
struct Share {
    client: Option<Client>,
    begins: u32,
    wanted: Vec<u32>,
    retries_at: u32,
}

impl Ripper {
    pub(super) fn new(number: u32, seed: u64) -> Self {
        let mut chance = Chance::new(seed ^ (u64::from(number) << 24));
        let kind = Kind::ALL[number as usize % Kind::ALL.len()];
        let mut wanted: Vec<u32> = (0..PERIODS).collect();
        if kind == Kind::RandomSeeks {
            for last in (1..PERIODS).rev() {
                wanted.swap(last as usize, chance.below(last + 1) as usize);
            }
        }
        let count = if kind == Kind::Parallel { 6 + chance.below(15) } else { 1 };
        let per_session = PERIODS.div_ceil(count) as usize;
        let shares = wanted.chunks(per_session).map(|wanted| Share {
            client: None,
            begins: wanted.first().copied().unwrap_or(0),
            wanted: wanted.to_vec(),
            retries_at: 0,
        });
        let speed = match kind {
            Kind::Sequential => 50.0,
            Kind::Parallel => chance.between(1.0, 2.0),
            Kind::ManyAddresses => chance.between(1.5, 1.9),
            Kind::Slow => 4.0,
            Kind::RandomSeeks => f64::INFINITY,
        };
        Self {
            kind,
            uid: format!("ripper-{number}"),
            sessions: shares.collect(),
            starts_at: chance.below(30),
            speed,
            rests_secs: 1 + chance.below(5),
            is_candid: chance.is(0.5),
            requests: 0,
            held: BTreeSet::new(),
            held_at: BTreeMap::new(),
            suspected_with: None,
            throttled_with: None,
            ended: false,
            reasons: BTreeSet::new(),
        }
    }

    /// As a part of the title.
    #[allow(clippy::cast_precision_loss, reason = "small")]
    pub(super) fn share(count: usize) -> f64 {
        count as f64 / f64::from(PERIODS)
    }

    /// It takes one session's periods in order, and says that it plays at play speed.
    pub(super) fn plays_in_a_row(&self) -> bool {
        matches!(self.kind, Kind::Sequential | Kind::Slow | Kind::ManyAddresses) && !self.is_candid
    }

    fn address(&self) -> String {
        let place = if self.kind == Kind::ManyAddresses { self.requests % 40 } else { 0 };
        format!("{}.{}.0.9", 20 + place, self.uid.len() + 100)
    }

    /// One request of one session; nothing where it has nothing to ask for now.
    fn ask(&mut self, app: &TestApp, player: &Player<'_>, which: usize, elapsed: f64) -> Option<Outcome> {
        let (address, held) = (self.address(), &self.held);
        let share = &mut self.sessions[which];
        let first = share.wanted.first().copied()?;
        share.wanted.retain(|period| !held.contains(period));
        let Some(client) = &mut share.client else {
            self.requests += 1;
            let (client, outcome) = Client::open(player, app, &self.uid, f64::from(first) * PERIOD_SECS, &address);
            share.client = client;
            return Some(outcome);
        };
        let next = share.wanted.first().copied()?;
        self.requests += 1;
        // It says that it plays at play speed, or where it takes keys.
        let played = f64::from(first.min(next)) * PERIOD_SECS;
        let at = if self.is_candid { f64::from(next) * PERIOD_SECS } else { elapsed.min(played) };
        debug_assert!(period_at(at) < PERIODS);
        Some(client.keys(player, next, at, &address))
    }

    fn is_due(&self, which: usize, elapsed: f64) -> bool {
        let share = &self.sessions[which];
        let Some(first) = share.wanted.first() else { return false };
        if share.client.is_none() {
            return true;
        }
        let taken = f64::from(*first) - f64::from(share.begins);
        taken * PERIOD_SECS <= elapsed * self.speed
    }

    fn note(&mut self, app: &TestApp, outcome: Outcome, which: usize, now: u32) {
        match outcome {
            Outcome::Keys(periods) => self.held.extend(periods),
            Outcome::Throttled(secs) => {
                self.throttled_with.get_or_insert(self.held.len());
                self.sessions[which].retries_at = now + u32::try_from(secs).unwrap();
            }
            Outcome::Refused(code) => {
                assert_eq!(code, "session_invalid");
                self.ended = true;
            }
        }
        self.held_at.insert(now - self.starts_at, self.held.len());
        if self.suspected_with.is_none() {
            let (score, reasons) = suspicion(app, &self.uid);
            if score >= 30 {
                self.suspected_with = Some(self.held.len());
                self.reasons = reasons;
            }
        }
    }
}

impl Actor for Ripper {
    fn tick(&mut self, app: &TestApp, player: &Player<'_>, now: u32) {
        if now < self.starts_at || self.ended {
            return;
        }
        let elapsed = f64::from(now - self.starts_at);
        if self.kind == Kind::RandomSeeks && !(now - self.starts_at).is_multiple_of(self.rests_secs) {
            return;
        }
        for which in 0..self.sessions.len() {
            if now < self.sessions[which].retries_at || !self.is_due(which, elapsed) {
                continue;
            }
            if let Some(outcome) = self.ask(app, player, which, elapsed) {
                self.note(app, outcome, which, now);
            }
        }
    }
}
