//! The keys at hand: those of the periods used last, and no more. Where a preview ends within a period, that period has no key of
//! its own but keys of its first segments.

use keyveil_protocol::{
    Cipher, Period, PeriodKey, PeriodKeyEntry, Rendition, Segment, SegmentKey, SegmentKeyEntry, SegmentRef, TrackClass,
};

use crate::masked::{Masked, Masks};
use crate::session::PlayerError;

/// Periods held at most. Renditions whose segments differ in length (a stream that was copied and its audio, or subtitles in one
/// piece) are in different periods at the same time, and six loads may run at once, each with the two periods of a grant.
const PERIODS_MAX: usize = 12;

/// What a grant gave for one period. A dropped key wipes itself.
struct Held {
    period: Period,
    keys: Vec<(TrackClass, Masked)>,
    segment_keys: Vec<HeldSegmentKey>,
}

struct HeldSegmentKey {
    track_class: TrackClass,
    rendition: Rendition,
    segment: Segment,
    cipher: Cipher,
    key: Masked,
}

/// Ordered by use, the period used last at the end.
#[derive(Default)]
pub(crate) struct KeyWindow {
    periods: Vec<Held>,
}

impl KeyWindow {
    /// Takes a key in; the periods that were not used for longest make room.
    ///
    /// # Errors
    /// `internal` when there is no mask left for it.
    pub(crate) fn insert(&mut self, entry: &PeriodKeyEntry, masks: &mut Masks) -> Result<(), PlayerError> {
        let key = Masked::new(entry.key.expose_secret(), masks)?;
        let held = self.used(entry.period);
        match held.keys.iter_mut().find(|(class, _)| *class == entry.track_class) {
            Some((_, known)) => *known = key,
            None => held.keys.push((entry.track_class, key)),
        }
        self.make_room();
        Ok(())
    }

    /// Takes the key of one segment in, as [`Self::insert`] does that of a period.
    ///
    /// # Errors
    /// As [`Self::insert`].
    pub(crate) fn insert_segment(
        &mut self,
        track_class: TrackClass,
        period: Period,
        entry: &SegmentKeyEntry,
        masks: &mut Masks,
    ) -> Result<(), PlayerError> {
        let SegmentKeyEntry { rendition, segment, ref key } = *entry;
        let (cipher, key) = (key.cipher(), Masked::new(key.expose_secret(), masks)?);
        let new = HeldSegmentKey { track_class, rendition, segment, cipher, key };
        let held = self.used(period);
        match held.segment_keys.iter_mut().find(|known| (known.rendition, known.segment) == (rendition, segment)) {
            Some(known) => *known = new,
            None => held.segment_keys.push(new),
        }
        self.make_room();
        Ok(())
    }

    /// The key of one segment: derived from its period's, or given for this segment alone. Its period then counts as used.
    ///
    /// # Errors
    /// `key_not_granted`, or `internal` when the browser gives no random numbers.
    pub(crate) fn key(&mut self, place: &SegmentRef) -> Result<SegmentKey, PlayerError> {
        if !self.holds_period(place.period) {
            return Err(PlayerError::KEY_NOT_GRANTED);
        }
        let held = self.used(place.period);
        if let Some((_, key)) = held.keys.iter_mut().find(|(class, _)| *class == place.track_class) {
            return key
                .reveal(|key| PeriodKey::from_bytes(*key).segment_key(place.cipher, place.rendition, place.segment));
        }
        let is_it = |held: &&mut HeldSegmentKey| {
            (held.track_class, held.rendition, held.segment, held.cipher)
                == (place.track_class, place.rendition, place.segment, place.cipher)
        };
        let found = held.segment_keys.iter_mut().find(is_it).ok_or(PlayerError::KEY_NOT_GRANTED)?;
        found.key.reveal(|key| SegmentKey::from_bytes(place.cipher, *key))
    }

    /// Whether any class of that period was granted; a class that is missing then is one the signature does not cover.
    pub(crate) fn holds_period(&self, period: Period) -> bool {
        self.periods.iter().any(|held| held.period == period)
    }

    /// The classes of any key held, lowest first.
    pub(crate) fn track_classes(&self) -> Vec<TrackClass> {
        let is_held = |class: &TrackClass| {
            self.periods.iter().any(|held| {
                held.keys.iter().any(|(of_key, _)| of_key == class)
                    || held.segment_keys.iter().any(|key| key.track_class == *class)
            })
        };
        TrackClass::ALL.into_iter().filter(is_held).collect()
    }

    pub(crate) fn clear(&mut self) {
        self.periods.clear();
    }

    /// What is held of a period, nothing at first, moved to where the period used last stands.
    fn used(&mut self, period: Period) -> &mut Held {
        let at = self.periods.iter().position(|held| held.period == period);
        let held = at.map(|at| self.periods.remove(at));
        self.periods.push_mut(held.unwrap_or_else(|| Held { period, keys: Vec::new(), segment_keys: Vec::new() }))
    }

    fn make_room(&mut self) {
        while self.periods.len() > PERIODS_MAX {
            self.periods.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masks() -> Masks {
        Masks::fetch(1).expect("random numbers")
    }

    fn insert(window: &mut KeyWindow, track_class: TrackClass, period: u32) {
        let key = PeriodKey::from_bytes([7; 32]);
        window.insert(&PeriodKeyEntry { track_class, period: Period(period), key }, &mut masks()).expect("a mask");
    }

    fn insert_segment(window: &mut KeyWindow, track_class: TrackClass, period: u32, entry: &SegmentKeyEntry) {
        window.insert_segment(track_class, Period(period), entry, &mut masks()).expect("a mask");
    }

    fn place(track_class: TrackClass, period: u32, rendition: u16, segment: u32) -> SegmentRef {
        let (rendition, segment) = (Rendition(rendition), Segment(segment));
        let (file_id, cipher) = ("title-1".parse().unwrap(), Cipher::Aes128Cbc);
        SegmentRef { file_id, track_class, period: Period(period), rendition, segment, cipher }
    }

    fn has(window: &mut KeyWindow, track_class: TrackClass, period: u32) -> bool {
        window.key(&place(track_class, period, 0, 0)).is_ok()
    }

    fn held(window: &KeyWindow) -> Vec<u32> {
        (0..100).filter(|period| window.holds_period(Period(*period))).collect()
    }

    #[test]
    fn the_periods_not_used_for_longest_make_room() {
        let mut window = KeyWindow::default();
        for period in 0..12 {
            insert(&mut window, TrackClass::Hd, period);
        }
        assert!(has(&mut window, TrackClass::Hd, 0));
        insert(&mut window, TrackClass::Hd, 50);
        assert_eq!(held(&window), [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 50]);
    }

    #[test]
    fn renditions_in_periods_far_apart_keep_their_keys() {
        let mut window = KeyWindow::default();
        for step in 0..40 {
            for period in [step / 10, step, step + 1] {
                insert(&mut window, TrackClass::Audio, period);
            }
            assert!(has(&mut window, TrackClass::Audio, step / 10));
        }
    }

    #[test]
    fn a_class_that_was_not_granted_has_no_key() {
        let mut window = KeyWindow::default();
        insert(&mut window, TrackClass::Sd, 1);
        insert(&mut window, TrackClass::Sd, 1);
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
            let key = SegmentKey::from_bytes(Cipher::Aes128Cbc, [byte; 32]);
            SegmentKeyEntry { rendition: Rendition(rendition), segment: Segment(segment), key }
        };
        for (class, rendition, segment, byte) in
            [(TrackClass::Hd, 2, 40, 1), (TrackClass::Hd, 2, 41, 2), (TrackClass::Audio, 1, 40, 3)]
        {
            insert_segment(&mut window, class, 4, &entry(rendition, segment, byte));
        }
        let key = |window: &mut KeyWindow, class, period, rendition, segment| {
            window.key(&place(class, period, rendition, segment)).map(|key| key.expose_secret()[0]).ok()
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
        insert_segment(&mut window, TrackClass::Hd, 4, &entry(2, 40, 9));
        assert_eq!(key(&mut window, TrackClass::Hd, 4, 2, 40), Some(9), "a later grant replaces it");
        window.clear();
        assert_eq!(key(&mut window, TrackClass::Hd, 4, 2, 40), None);
    }

    #[test]
    fn segment_keys_make_room_with_their_period() {
        let mut window = KeyWindow::default();
        let key = SegmentKey::from_bytes(Cipher::Aes128Cbc, [1; 32]);
        let entry = SegmentKeyEntry { rendition: Rendition(0), segment: Segment(0), key };
        insert_segment(&mut window, TrackClass::Hd, 0, &entry);
        assert!(has(&mut window, TrackClass::Hd, 0));
        for period in 1..=12 {
            insert(&mut window, TrackClass::Hd, period);
        }
        assert!(!has(&mut window, TrackClass::Hd, 0));
    }

    #[test]
    fn a_key_replaces_the_one_before() {
        let mut window = KeyWindow::default();
        insert(&mut window, TrackClass::Hd, 0);
        let key = PeriodKey::from_bytes([8; 32]);
        let entry = PeriodKeyEntry { track_class: TrackClass::Hd, period: Period(0), key: key.clone() };
        window.insert(&entry, &mut masks()).expect("a mask");
        let expected = key.segment_key(Cipher::Aes128Cbc, Rendition(0), Segment(0));
        assert_eq!(window.key(&place(TrackClass::Hd, 0, 0, 0)), Ok(expected));
    }
}
