//! The period keys at hand: a bounded window around the period that was asked for last.

use std::collections::BTreeMap;

use keyveil_protocol::{Period, PeriodKey, TrackClass};

/// Periods kept behind the last one asked for: a short step back needs no exchange.
const PERIODS_BEHIND_MAX: u32 = 2;
/// Periods kept ahead of it: a grant holds the asked period and the next.
const PERIODS_AHEAD_MAX: u32 = 2;

/// Keys by period and track class. A dropped key wipes itself.
#[derive(Default)]
pub(crate) struct KeyWindow {
    keys: BTreeMap<(Period, TrackClass), PeriodKey>,
}

impl KeyWindow {
    /// Drops every key that lies too far from `period`.
    pub(crate) fn move_to(&mut self, period: Period) {
        let first = Period(period.0.saturating_sub(PERIODS_BEHIND_MAX));
        let last = Period(period.0.saturating_add(PERIODS_AHEAD_MAX));
        self.keys.retain(|(period, _), _| (first..=last).contains(period));
    }

    pub(crate) fn insert(&mut self, track_class: TrackClass, period: Period, key: PeriodKey) {
        self.keys.insert((period, track_class), key);
    }

    pub(crate) fn key(&self, track_class: TrackClass, period: Period) -> Option<&PeriodKey> {
        self.keys.get(&(period, track_class))
    }

    /// Whether any class of that period was granted; a class that is missing then is one the signature does not cover.
    pub(crate) fn holds_period(&self, period: Period) -> bool {
        self.keys.keys().any(|(held, _)| *held == period)
    }

    /// The classes of any key held, lowest first.
    pub(crate) fn track_classes(&self) -> Vec<TrackClass> {
        let mut classes: Vec<TrackClass> = self.keys.keys().map(|(_, class)| *class).collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    }

    pub(crate) fn clear(&mut self) {
        self.keys.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> PeriodKey {
        PeriodKey::from_bytes([7; 32])
    }

    #[test]
    fn keys_far_behind_and_far_ahead_are_dropped() {
        let mut window = KeyWindow::default();
        for period in 0..12 {
            window.insert(TrackClass::Hd, Period(period), key());
        }
        window.move_to(Period(6));
        let held: Vec<u32> = (0..12).filter(|period| window.holds_period(Period(*period))).collect();
        assert_eq!(held, [4, 5, 6, 7, 8]);
    }

    #[test]
    fn a_class_that_was_not_granted_has_no_key() {
        let mut window = KeyWindow::default();
        window.insert(TrackClass::Sd, Period(1), key());
        assert!(window.key(TrackClass::Sd, Period(1)).is_some());
        assert!(window.key(TrackClass::Hd, Period(1)).is_none());
        assert!(window.holds_period(Period(1)));
        assert!(!window.holds_period(Period(2)));
    }

    #[test]
    fn the_window_reaches_both_ends_of_the_number_range() {
        let mut window = KeyWindow::default();
        window.insert(TrackClass::Sd, Period(0), key());
        window.move_to(Period(1));
        assert!(window.holds_period(Period(0)));
        window.move_to(Period(u32::MAX));
        assert!(!window.holds_period(Period(0)));
    }
}
