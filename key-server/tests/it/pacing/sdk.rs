//! The SDK's player as it asks for keys, and the network that it is on.

use std::collections::{BTreeSet, VecDeque};

use super::world::{Chance, Client, Outcome, PERIODS, TITLE_SECS, period_at};
use crate::support::Player;

/// The SDK keeps the keys of so many periods.
const KEPT_PERIODS: usize = 12;
const SEGMENT_SECS: f64 = 6.0;

pub(super) struct Network {
    addresses: Vec<String>,
    is_mobile: bool,
    /// How often an exchange fails.
    loss: f64,
    /// Media seconds that arrive in a second.
    bandwidth: f64,
}

pub(super) struct Tab {
    pub(super) client: Option<Client>,
    pub(super) held: VecDeque<u32>,
    pub(super) at: f64,
    pub(super) buffer_end: f64,
    pub(super) rate: f64,
    pub(super) opens_at: u32,
    pub(super) retries_at: u32,
    /// The server wants to be asked for more of what follows then.
    pub(super) held_until: u32,
    /// Seconds in which it had nothing left to play for that.
    pub(super) starved: u32,
}

impl Tab {
    pub(super) fn seek(&mut self, to: f64) {
        let is_buffered = (self.at..self.buffer_end).contains(&to);
        self.at = to;
        if !is_buffered {
            self.buffer_end = segment_start(to);
            self.held_until = 0;
        }
    }

    pub(super) fn is_full(&self, buffer_secs: f64) -> bool {
        self.buffer_end >= (self.at + buffer_secs).min(TITLE_SECS)
    }

    pub(super) fn play(&mut self, now: u32) {
        self.starved += u32::from(now < self.held_until && self.at >= self.buffer_end);
        self.at = (self.at + self.rate).min(self.buffer_end);
    }

    pub(super) fn hold(&mut self, periods: BTreeSet<u32>) {
        for period in periods {
            self.held.retain(|held| *held != period);
            self.held.push_back(period);
        }
        while self.held.len() > KEPT_PERIODS {
            self.held.pop_front();
        }
    }

    /// What `SegmentLoader` does: keys of the segment's period, and those of the next one after it.
    pub(super) fn load(
        &mut self,
        now: u32,
        buffer_secs: f64,
        network: &Network,
        chance: &mut Chance,
        player: &Player<'_>,
        note: &mut impl FnMut(Outcome) -> BTreeSet<u32>,
    ) {
        if now < self.retries_at {
            return;
        }
        let mut left = network.bandwidth * chance.between(0.3, 1.0);
        while left > 0.0 && !self.is_full(buffer_secs) {
            let period = period_at(self.buffer_end);
            if !self.held.contains(&period) && !self.ask(period, now, network, chance, player, note) {
                return;
            }
            self.buffer_end = (self.buffer_end + SEGMENT_SECS).min(TITLE_SECS);
            left -= SEGMENT_SECS;
            if period + 1 < PERIODS && !self.held.contains(&(period + 1)) {
                self.ask(period + 1, now, network, chance, player, note);
            }
        }
    }

    fn ask(
        &mut self,
        period: u32,
        now: u32,
        network: &Network,
        chance: &mut Chance,
        player: &Player<'_>,
        note: &mut impl FnMut(Outcome) -> BTreeSet<u32>,
    ) -> bool {
        let Some(client) = self.client.as_mut().filter(|_| now >= self.held_until) else { return false };
        let (is_lost, is_lost_back) = (chance.is(network.loss), chance.is(network.loss));
        self.retries_at = now + 1 + chance.below(4);
        if is_lost {
            client.lose_request();
            return false;
        }
        let outcome = client.keys(player, period, self.at, network.address(chance, now));
        if let Outcome::Throttled(secs) = &outcome {
            self.held_until = now + u32::try_from(*secs).unwrap();
            self.retries_at = 0;
        }
        let periods = note(outcome);
        if is_lost_back || periods.is_empty() {
            return false;
        }
        self.retries_at = 0;
        self.hold(periods);
        self.held.contains(&period)
    }
}

impl Network {
    /// One that loses nothing, and stays where it is.
    pub(super) fn good() -> Self {
        Self { addresses: vec!["192.0.2.7".to_owned()], is_mobile: false, loss: 0.0, bandwidth: 60.0 }
    }

    pub(super) fn new(chance: &mut Chance, number: u32) -> Self {
        let is_mobile = chance.is(0.3);
        // Home, work, and two of a mobile operator's.
        let operators = if is_mobile { 4 } else { 1 };
        let address = |n: u32| format!("{}.{}.{}.7", 11 + n * 40, number % 250, number / 250);
        Self {
            addresses: (0..operators).map(address).collect(),
            is_mobile,
            loss: if chance.is(0.3) { chance.between(0.05, 0.4) } else { 0.0 },
            bandwidth: chance.between(2.0, 60.0),
        }
    }

    /// A mobile one is elsewhere every two minutes, and sometimes for a moment only.
    pub(super) fn address(&self, chance: &mut Chance, now: u32) -> &str {
        let at = if self.is_mobile && chance.is(0.1) { chance.below(4) } else { now / 120 };
        &self.addresses[at as usize % self.addresses.len()]
    }
}

pub(super) fn segment_start(secs: f64) -> f64 {
    (secs / SEGMENT_SECS).floor() * SEGMENT_SECS
}
