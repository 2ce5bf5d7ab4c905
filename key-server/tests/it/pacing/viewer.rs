//! Honest viewers: what people do with a player.

use std::collections::{BTreeSet, VecDeque};

use super::sdk::{Network, Tab, segment_start};
use super::world::{Actor, Chance, Client, Outcome, TITLE_SECS};
use crate::support::{Player, TestApp};

/// The SDK's limit.
const BUFFER_SECS: f64 = 60.0;

/// What kind of person it is; what else it does is drawn for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    Watches,
    /// Clicks about on the timeline for a moment, now and then.
    Scrubs,
    /// From end to end by seeks.
    Skims,
    /// Forward in small steps.
    Skips,
    /// Stops, and leaves the tab in the background.
    Pauses,
    /// Twice the speed.
    Hurries,
    /// Loads the page again and again.
    Reloads,
    /// Plays in two tabs at once, with a third at rest.
    Tabs,
}

impl Habit {
    pub(super) const ALL: [Self; 8] =
        [Self::Watches, Self::Scrubs, Self::Skims, Self::Skips, Self::Pauses, Self::Hurries, Self::Reloads, Self::Tabs];
}

pub(super) struct Viewer {
    pub(super) uid: String,
    pub(super) habit: Habit,
    chance: Chance,
    starts_at: u32,
    ends_at: u32,
    tabs: Vec<Tab>,
    network: Network,
    /// Seconds of media that it loads ahead.
    buffer_secs: f64,
    /// Clicks that are left of a burst, and when it acts next.
    clicks: u32,
    acts_at: u32,
    /// Where a burst of clicks ends, and how far the next one may miss it.
    scene: f64,
    miss_secs: f64,
    pub(super) throttled: u32,
    pub(super) refused: Vec<String>,
    pub(super) requests: u32,
}

impl Viewer {
    pub(super) fn new(number: u32, seed: u64) -> Self {
        let mut chance = Chance::new(seed ^ (u64::from(number) << 20));
        let habit = Habit::ALL[(number as usize) % Habit::ALL.len()];
        let starts_at = chance.below(300);
        let watches_secs = if habit == Habit::Skims { 1200.0 } else { chance.between(60.0, 900.0) };
        let starts_in = if chance.is(0.7) { 0.0 } else { chance.between(0.0, 3000.0) };
        let rate = match habit {
            Habit::Hurries => 2.0,
            Habit::Skims => [1.0, 1.25][chance.below(2) as usize],
            _ => [1.0, 1.0, 1.25, 1.5][chance.below(4) as usize],
        };
        let tabs = if habit == Habit::Tabs { 3 } else { 1 };
        let tabs = (0..tabs).map(|tab| Tab {
            client: None,
            held: VecDeque::new(),
            at: if tab == 0 { starts_in } else { chance.between(0.0, 3000.0) },
            buffer_end: 0.0,
            rate: match (habit, tab) {
                (Habit::Tabs, 0 | 1) => 1.0,
                (Habit::Tabs, _) => 0.0,
                _ => rate,
            },
            opens_at: starts_at + tab * 20,
            retries_at: 0,
            held_until: 0,
            starved: 0,
        });
        let mut tabs: Vec<Tab> = tabs.collect();
        tabs.iter_mut().for_each(|tab| tab.buffer_end = segment_start(tab.at));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
        let ends_at = starts_at + watches_secs as u32;
        let network = Network::new(&mut chance, number);
        Self {
            uid: format!("viewer-{number}"),
            habit,
            starts_at,
            ends_at,
            tabs,
            network,
            buffer_secs: BUFFER_SECS,
            clicks: 0,
            scene: 0.0,
            miss_secs: 0.0,
            acts_at: starts_at + 20 + chance.below(60),
            chance,
            throttled: 0,
            refused: Vec::new(),
            requests: 0,
        }
    }

    /// On a page whose settings for hls.js make it load ten minutes ahead, and on a good network.
    pub(super) fn who_buffers_much(number: u32, seed: u64) -> Self {
        Self { buffer_secs: 600.0, network: Network::good(), ..Self::new(number, seed) }
    }

    /// Seconds in which it had nothing left to play because it had to wait for keys.
    pub(super) fn starved(&self) -> u32 {
        self.tabs.iter().map(|tab| tab.starved).sum()
    }

    /// What it does with its hands.
    fn act(&mut self, now: u32) {
        if now < self.acts_at {
            return;
        }
        let chance = &mut self.chance;
        let tab = &mut self.tabs[0];
        let (pause, to) = match self.habit {
            Habit::Watches | Habit::Hurries | Habit::Tabs => {
                // A seek now and then; another quality empties the buffer and needs no other key.
                let seeks = chance.is(0.5);
                if !seeks {
                    tab.buffer_end = segment_start(tab.at);
                }
                (chance.between(180.0, 600.0), seeks.then(|| chance.between(0.0, 3500.0)))
            }
            Habit::Scrubs => {
                // Nearer and nearer to a scene that it looks for.
                if self.clicks == 0 {
                    self.clicks = 3 + chance.below(6);
                    self.scene = chance.between(0.0, 3500.0);
                    self.miss_secs = 1200.0;
                }
                self.clicks -= 1;
                let to = self.scene + chance.between(-self.miss_secs, self.miss_secs);
                self.miss_secs /= 2.0;
                let pause = if self.clicks > 0 { chance.between(2.0, 6.0) } else { chance.between(180.0, 600.0) };
                (pause, Some(to.max(0.0)))
            }
            Habit::Skims => (chance.between(40.0, 80.0), Some(tab.at + chance.between(60.0, 150.0))),
            Habit::Skips => {
                if self.clicks == 0 {
                    self.clicks = 5 + chance.below(15);
                }
                self.clicks -= 1;
                let pause = if self.clicks > 0 { 1.0 } else { chance.between(120.0, 400.0) };
                (pause, Some(tab.at + 30.0))
            }
            Habit::Pauses => {
                tab.rate = if tab.rate > 0.0 { 0.0 } else { 1.0 };
                (chance.between(20.0, 300.0), None)
            }
            Habit::Reloads => {
                tab.client = None;
                tab.held.clear();
                tab.buffer_end = segment_start(tab.at);
                tab.opens_at = now + 1;
                let pause = if chance.is(0.3) { chance.between(4.0, 10.0) } else { chance.between(60.0, 400.0) };
                (pause, None)
            }
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
        let pause = pause as u32;
        self.acts_at = now + pause.max(1);
        if let Some(to) = to {
            self.tabs[0].seek(to.min(TITLE_SECS - 10.0));
        }
    }
}

impl Actor for Viewer {
    fn tick(&mut self, app: &TestApp, player: &Player<'_>, now: u32) {
        if now < self.starts_at || now >= self.ends_at {
            return;
        }
        self.act(now);
        let Self { tabs, chance, network, uid, buffer_secs, throttled, refused, requests, .. } = self;
        let is_silent = tabs.iter().all(|tab| tab.client.is_some() && tab.rate == 0.0 && tab.is_full(*buffer_secs));
        if is_silent {
            return;
        }
        let mut note = |outcome: Outcome| -> BTreeSet<u32> {
            *requests += 1;
            match outcome {
                Outcome::Keys(periods) => return periods,
                Outcome::Throttled(_) => *throttled += 1,
                Outcome::Refused(code) => refused.push(code),
            }
            BTreeSet::new()
        };
        for tab in tabs {
            if now < tab.opens_at {
                continue;
            }
            if tab.client.is_none() && now >= tab.held_until {
                let (client, outcome) = Client::open(player, app, uid, tab.at, network.address(chance, now));
                tab.client = client;
                tab.hold(note(outcome));
            }
            tab.load(now, *buffer_secs, network, chance, player, &mut note);
            tab.play(now);
        }
    }
}
