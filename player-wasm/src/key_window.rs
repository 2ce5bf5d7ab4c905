//! The keys at hand: those of the periods used last, and no more. Where a preview ends within a period, that period has no key of
//! its own but keys of its first segments.

use std::collections::VecDeque;

use keyveil_protocol::{GRANT_KEYS_MAX, Period, PeriodKey, SegmentKey, SegmentKeyEntry, SegmentRef, TrackClass};

/// Periods held at most. Renditions whose segments differ in length (a stream that was copied and its audio, or subtitles in one
/// piece) are in different periods at the same time, and six loads may run at once, each with the two periods of a grant.
const PERIODS_MAX: usize = 12;

/// What a grant gave for one period, by track class. A dropped key wipes itself.
struct Held {
    period: Period,
    keys: Vec<(TrackClass, PeriodKey)>,
    segment_keys: Vec<(TrackClass, SegmentKeyEntry)>,
}

/// Ordered by use, the period used last at the end.
#[derive(Default)]
pub(crate) struct KeyWindow {
    periods: VecDeque<Held>,
}

impl KeyWindow {
    /// Takes a key in; the periods that were not used for longest make room.
    pub(crate) fn insert(&mut self, track_class: TrackClass, period: Period, key: &PeriodKey) {
        let held = self.used(period);
        match held.keys.iter_mut().find(|(class, _)| *class == track_class) {
            Some((_, known)) => known.clone_from(key),
            None => push_wiping(&mut held.keys, (track_class, key.clone()), TrackClass::ALL.len()),
        }
        self.make_room();
    }

    /// Takes the key of one segment in, as [`Self::insert`] does that of a period.
    pub(crate) fn insert_segment(&mut self, track_class: TrackClass, period: Period, entry: &SegmentKeyEntry) {
        let place = (entry.rendition, entry.segment);
        let held = self.used(period);
        match held.segment_keys.iter_mut().find(|(_, known)| (known.rendition, known.segment) == place) {
            Some((class, known)) => {
                *class = track_class;
                known.clone_from(entry);
            }
            None => push_wiping(&mut held.segment_keys, (track_class, entry.clone()), GRANT_KEYS_MAX),
        }
        self.make_room();
    }

    /// The key of one segment: derived from its period's, or given for this segment alone. Its period then counts as used.
    pub(crate) fn key(&mut self, place: &SegmentRef) -> Option<SegmentKey> {
        if !self.holds_period(place.period) {
            return None;
        }
        let held = self.used(place.period);
        if let Some((_, key)) = held.keys.iter().find(|(class, _)| *class == place.track_class) {
            return Some(key.segment_key(place.rendition, place.segment));
        }
        let is_it = |(class, entry): &&(TrackClass, SegmentKeyEntry)| {
            (*class, entry.rendition, entry.segment) == (place.track_class, place.rendition, place.segment)
        };
        held.segment_keys.iter().find(is_it).map(|(_, entry)| entry.key.clone())
    }

    /// Whether any class of that period was granted; a class that is missing then is one the signature does not cover.
    pub(crate) fn holds_period(&self, period: Period) -> bool {
        self.periods.iter().any(|held| held.period == period)
    }

    /// The classes of any key held, lowest first.
    pub(crate) fn track_classes(&self) -> Vec<TrackClass> {
        let of_held = |held: &Held| {
            let of_periods = held.keys.iter().map(|(class, _)| *class);
            of_periods.chain(held.segment_keys.iter().map(|(class, _)| *class)).collect::<Vec<_>>()
        };
        let mut classes: Vec<TrackClass> = self.periods.iter().flat_map(of_held).collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    }

    pub(crate) fn clear(&mut self) {
        self.periods.clear();
    }

    /// What is held of a period, nothing at first, moved to where the period used last stands.
    fn used(&mut self, period: Period) -> &mut Held {
        let at = self.periods.iter().position(|held| held.period == period);
        let held = at.and_then(|at| self.periods.remove(at));
        self.periods.push_back_mut(held.unwrap_or_else(|| Held { period, keys: Vec::new(), segment_keys: Vec::new() }))
    }

    fn make_room(&mut self) {
        while self.periods.len() > PERIODS_MAX {
            self.periods.pop_front();
        }
    }
}

/// Adds to a list that has room for `most` from the start. One that grows by itself leaves the keys it held so far in freed memory:
/// should more come, they are cloned, and the old list wipes them as it is dropped.
fn push_wiping<T: Clone>(keys: &mut Vec<T>, key: T, most: usize) {
    if keys.len() == keys.capacity() {
        let mut grown = Vec::with_capacity(keys.len() + most);
        grown.extend_from_slice(keys);
        *keys = grown;
    }
    keys.push(key);
}

#[cfg(test)]
mod tests {
    use keyveil_protocol::{Rendition, Segment};

    use super::*;

    const KEY: PeriodKey = PeriodKey::from_bytes([7; 32]);

    fn place(track_class: TrackClass, period: u32, rendition: u16, segment: u32) -> SegmentRef {
        let (rendition, segment) = (Rendition(rendition), Segment(segment));
        SegmentRef { file_id: "title-1".parse().unwrap(), track_class, period: Period(period), rendition, segment }
    }

    fn has(window: &mut KeyWindow, track_class: TrackClass, period: u32) -> bool {
        window.key(&place(track_class, period, 0, 0)).is_some()
    }

    fn held(window: &KeyWindow) -> Vec<u32> {
        (0..100).filter(|period| window.holds_period(Period(*period))).collect()
    }

    #[test]
    fn the_periods_not_used_for_longest_make_room() {
        let mut window = KeyWindow::default();
        for period in 0..12 {
            window.insert(TrackClass::Hd, Period(period), &KEY);
        }
        assert!(has(&mut window, TrackClass::Hd, 0));
        window.insert(TrackClass::Hd, Period(50), &KEY);
        assert_eq!(held(&window), [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 50]);
    }

    #[test]
    fn renditions_in_periods_far_apart_keep_their_keys() {
        let mut window = KeyWindow::default();
        for step in 0..40 {
            for period in [step / 10, step, step + 1] {
                window.insert(TrackClass::Audio, Period(period), &KEY);
            }
            assert!(has(&mut window, TrackClass::Audio, step / 10));
        }
    }

    #[test]
    fn a_class_that_was_not_granted_has_no_key() {
        let mut window = KeyWindow::default();
        window.insert(TrackClass::Sd, Period(1), &KEY);
        window.insert(TrackClass::Sd, Period(1), &KEY);
        assert!(has(&mut window, TrackClass::Sd, 1));
        assert!(!has(&mut window, TrackClass::Hd, 1));
        assert_eq!(window.track_classes(), [TrackClass::Sd]);
        assert!(window.holds_period(Period(1)));
        assert!(!window.holds_period(Period(2)));
    }

    #[test]
    fn a_segment_key_opens_its_segment_of_its_rendition_and_nothing_else() {
        let mut window = KeyWindow::default();
        let entry = |rendition, segment, byte| {
            let key = SegmentKey::from_bytes([byte; 32]);
            SegmentKeyEntry { rendition: Rendition(rendition), segment: Segment(segment), key }
        };
        for (class, rendition, segment, byte) in
            [(TrackClass::Hd, 2, 40, 1), (TrackClass::Hd, 2, 41, 2), (TrackClass::Audio, 1, 40, 3)]
        {
            window.insert_segment(class, Period(4), &entry(rendition, segment, byte));
        }
        let key = |window: &mut KeyWindow, class, period, rendition, segment| {
            window.key(&place(class, period, rendition, segment)).map(|key| key.expose_secret()[0])
        };
        assert_eq!(key(&mut window, TrackClass::Hd, 4, 2, 40), Some(1));
        assert_eq!(key(&mut window, TrackClass::Hd, 4, 2, 41), Some(2));
        assert_eq!(key(&mut window, TrackClass::Audio, 4, 1, 40), Some(3));
        for (class, period, rendition, segment) in [
            (TrackClass::Hd, 4, 2, 42),
            (TrackClass::Hd, 4, 3, 40),
            (TrackClass::Audio, 4, 1, 41),
            (TrackClass::Audio, 4, 2, 40),
            (TrackClass::Hd, 5, 2, 40),
        ] {
            assert_eq!(key(&mut window, class, period, rendition, segment), None, "{class} {period} {segment}");
        }
        assert!(window.holds_period(Period(4)) && !window.holds_period(Period(5)));
        assert_eq!(window.track_classes(), [TrackClass::Audio, TrackClass::Hd]);
        window.insert_segment(TrackClass::Hd, Period(4), &entry(2, 40, 9));
        assert_eq!(key(&mut window, TrackClass::Hd, 4, 2, 40), Some(9), "a later grant replaces it");
        window.clear();
        assert_eq!(key(&mut window, TrackClass::Hd, 4, 2, 40), None);
    }

    #[test]
    fn segment_keys_make_room_with_their_period() {
        let mut window = KeyWindow::default();
        let entry =
            SegmentKeyEntry { rendition: Rendition(0), segment: Segment(0), key: SegmentKey::from_bytes([1; 32]) };
        window.insert_segment(TrackClass::Hd, Period(0), &entry);
        assert!(has(&mut window, TrackClass::Hd, 0));
        for period in 1..=12 {
            window.insert(TrackClass::Hd, Period(period), &KEY);
        }
        assert!(!has(&mut window, TrackClass::Hd, 0));
    }

    #[test]
    fn a_list_of_keys_does_not_grow_in_place_and_loses_none() {
        let mut window = KeyWindow::default();
        let capacities = |window: &KeyWindow| {
            window.periods.iter().map(|held| (held.keys.capacity(), held.segment_keys.capacity())).collect::<Vec<_>>()
        };
        let entry = |segment| {
            let key = SegmentKey::from_bytes([u8::try_from(segment % 251).unwrap(); 32]);
            SegmentKeyEntry { rendition: Rendition(0), segment: Segment(segment), key }
        };
        let most = u32::try_from(GRANT_KEYS_MAX).unwrap();
        window.insert(TrackClass::Audio, Period(0), &KEY);
        window.insert_segment(TrackClass::Hd, Period(0), &entry(0));
        let at_first = capacities(&window);
        for class in [TrackClass::Sd, TrackClass::Uhd] {
            window.insert(class, Period(0), &KEY);
        }
        for segment in 1..most {
            window.insert_segment(TrackClass::Hd, Period(0), &entry(segment));
        }
        assert_eq!(capacities(&window), at_first);
        window.insert_segment(TrackClass::Hd, Period(0), &entry(most));
        for segment in 0..=most {
            let key = window.key(&place(TrackClass::Hd, 0, 0, segment)).unwrap();
            assert_eq!(key.expose_secret(), entry(segment).key.expose_secret());
        }
    }
}
