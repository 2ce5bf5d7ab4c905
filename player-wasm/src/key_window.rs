//! The period keys at hand: those of the periods used last, and no more.

use std::collections::VecDeque;

use keyveil_protocol::{Period, PeriodKey, TrackClass};

/// Periods held at most. Renditions whose segments differ in length (a stream that was copied and its audio, or subtitles in one
/// piece) are in different periods at the same time, and six loads may run at once, each with the two periods of a grant.
const PERIODS_MAX: usize = 12;

/// What a grant gave for one period, by track class. A dropped key wipes itself.
struct Held {
    period: Period,
    keys: Vec<(TrackClass, PeriodKey)>,
}

/// Ordered by use, the period used last at the end.
#[derive(Default)]
pub(crate) struct KeyWindow {
    periods: VecDeque<Held>,
}

impl KeyWindow {
    /// Takes a key in; the periods that were not used for longest make room.
    pub(crate) fn insert(&mut self, track_class: TrackClass, period: Period, key: PeriodKey) {
        let mut held = self.take(period).unwrap_or_else(|| Held { period, keys: Vec::new() });
        held.keys.retain(|(class, _)| *class != track_class);
        held.keys.push((track_class, key));
        self.periods.push_back(held);
        while self.periods.len() > PERIODS_MAX {
            self.periods.pop_front();
        }
    }

    /// The key, if it is at hand; its period then counts as used.
    pub(crate) fn key(&mut self, track_class: TrackClass, period: Period) -> Option<&PeriodKey> {
        let held = self.take(period)?;
        self.periods.push_back(held);
        let held = self.periods.back()?;
        held.keys.iter().find(|(class, _)| *class == track_class).map(|(_, key)| key)
    }

    /// Whether any class of that period was granted; a class that is missing then is one the signature does not cover.
    pub(crate) fn holds_period(&self, period: Period) -> bool {
        self.periods.iter().any(|held| held.period == period)
    }

    /// The classes of any key held, lowest first.
    pub(crate) fn track_classes(&self) -> Vec<TrackClass> {
        let all = self.periods.iter().flat_map(|held| held.keys.iter().map(|(class, _)| *class));
        let mut classes: Vec<TrackClass> = all.collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    }

    pub(crate) fn clear(&mut self) {
        self.periods.clear();
    }

    fn take(&mut self, period: Period) -> Option<Held> {
        let at = self.periods.iter().position(|held| held.period == period)?;
        self.periods.remove(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> PeriodKey {
        PeriodKey::from_bytes([7; 32])
    }

    fn held(window: &KeyWindow) -> Vec<u32> {
        (0..100).filter(|period| window.holds_period(Period(*period))).collect()
    }

    #[test]
    fn the_periods_not_used_for_longest_make_room() {
        let mut window = KeyWindow::default();
        for period in 0..12 {
            window.insert(TrackClass::Hd, Period(period), key());
        }
        assert!(window.key(TrackClass::Hd, Period(0)).is_some());
        window.insert(TrackClass::Hd, Period(50), key());
        assert_eq!(held(&window), [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 50]);
    }

    #[test]
    fn renditions_in_periods_far_apart_keep_their_keys() {
        let mut window = KeyWindow::default();
        for step in 0..40 {
            for period in [step / 10, step, step + 1] {
                window.insert(TrackClass::Audio, Period(period), key());
            }
            assert!(window.key(TrackClass::Audio, Period(step / 10)).is_some());
        }
    }

    #[test]
    fn a_class_that_was_not_granted_has_no_key() {
        let mut window = KeyWindow::default();
        window.insert(TrackClass::Sd, Period(1), key());
        window.insert(TrackClass::Sd, Period(1), key());
        assert!(window.key(TrackClass::Sd, Period(1)).is_some());
        assert!(window.key(TrackClass::Hd, Period(1)).is_none());
        assert_eq!(window.track_classes(), [TrackClass::Sd]);
        assert!(window.holds_period(Period(1)));
        assert!(!window.holds_period(Period(2)));
    }
}
