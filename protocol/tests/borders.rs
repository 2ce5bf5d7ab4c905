//! What happens at borders: of blocks and chunks, of periods, of a grant.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "tests")]

use keyveil_protocol::{
    BLOCK_LEN, CIPHERTEXT_LEN_MAX, Cipher, ErrorCode, Period, PeriodKey, PeriodKeyEntry, PeriodSegments, Rendition,
    Segment, SegmentKey, TitleSecret, TrackClass,
};
use proptest::prelude::*;

fn key() -> SegmentKey {
    SegmentKey::from_bytes(Cipher::Aes128Cbc, [7; 32])
}

/// No two neighbouring bytes alike, and no two blocks.
fn clear(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

#[test]
fn every_length_around_a_border_decrypts_to_itself_and_no_other_length_decrypts() {
    let around = |border: usize| border - BLOCK_LEN - 1..=border + BLOCK_LEN + 1;
    for len in (0..=4 * BLOCK_LEN + 1).chain(around(4 << 10)).chain(around(64 << 10)).chain(around(1 << 20)) {
        let mut buffer = clear(len);
        key().encrypt(&mut buffer).unwrap();
        assert_eq!(buffer.len(), (len / BLOCK_LEN + 1) * BLOCK_LEN);
        for other in [buffer.len() - 1, buffer.len() + 1] {
            let mut other_len = buffer.clone();
            other_len.resize(other, 0);
            assert_eq!(key().decrypt(&mut other_len).unwrap_err().code(), ErrorCode::SegmentDamaged);
        }
        let clear_len = key().decrypt(&mut buffer).unwrap();
        assert_eq!((clear_len, &buffer[..clear_len]), (len, &clear(len)[..]));
    }
}

#[test]
fn the_longest_segment_is_taken_and_a_byte_more_is_not() {
    let mut buffer = Vec::with_capacity(CIPHERTEXT_LEN_MAX + BLOCK_LEN);
    buffer.resize(CIPHERTEXT_LEN_MAX, 0);
    assert_eq!(key().encrypt(&mut buffer).unwrap_err().code(), ErrorCode::SegmentDamaged);
    assert_eq!(buffer.len(), CIPHERTEXT_LEN_MAX, "it was left as it is");
    buffer.pop();
    key().encrypt(&mut buffer).unwrap();
    assert_eq!(buffer.len(), CIPHERTEXT_LEN_MAX);
    buffer.resize(CIPHERTEXT_LEN_MAX + BLOCK_LEN, 0);
    assert_eq!(key().decrypt(&mut buffer).unwrap_err().code(), ErrorCode::SegmentDamaged);
    buffer.truncate(CIPHERTEXT_LEN_MAX);
    assert_eq!(key().decrypt(&mut buffer).unwrap(), CIPHERTEXT_LEN_MAX - 1);
    assert!(buffer[..CIPHERTEXT_LEN_MAX - 1].iter().all(|byte| *byte == 0));
}

#[test]
fn the_last_segment_has_a_period_whatever_a_period_is_long() {
    for count in [1, 2, PeriodSegments::MAX - 1, PeriodSegments::MAX] {
        let last = PeriodSegments::new(count).unwrap().period_of(Segment(u32::MAX));
        assert_eq!(last, Period(u32::MAX / count));
    }
    for count in [0, PeriodSegments::MAX + 1, u32::MAX] {
        assert_eq!(PeriodSegments::new(count).unwrap_err().code(), ErrorCode::MalformedRequest);
    }
}

/// As a player chooses: the key of the class and of the segment's period, or none.
fn granted(grant: &[PeriodKeyEntry], class: TrackClass, period: Period) -> Option<&PeriodKey> {
    grant.iter().find(|entry| (entry.track_class, entry.period) == (class, period)).map(|entry| &entry.key)
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(20), ..ProptestConfig::default() })]

    #[test]
    fn a_period_begins_and_ends_with_its_segments(count in 1..=PeriodSegments::MAX, period in 1..=429_495_u32) {
        let periods = PeriodSegments::new(count).unwrap();
        let Some(first) = period.checked_mul(count) else { return Ok(()) };
        prop_assert_eq!(periods.period_of(Segment(first)), Period(period));
        prop_assert_eq!(periods.period_of(Segment(first - 1)), Period(period - 1));
        let last = first.saturating_add(count - 1);
        prop_assert_eq!(periods.period_of(Segment(last)), Period(period));
    }

    #[test]
    fn neighbours_share_no_key(secret: [u8; 32], period in 1..u32::MAX, rendition in 1..u16::MAX, segment in 1..u32::MAX) {
        let title_secret = TitleSecret::from_bytes(secret);
        let segment_key = |class, period, rendition, segment| {
            *title_secret.period_key(class, Period(period)).segment_key(Cipher::Aes128Cbc, Rendition(rendition), Segment(segment)).expose_secret()
        };
        let own = segment_key(TrackClass::Sd, period, rendition, segment);
        for other in [
            segment_key(TrackClass::Audio, period, rendition, segment),
            segment_key(TrackClass::Hd, period, rendition, segment),
            segment_key(TrackClass::Sd, period - 1, rendition, segment),
            segment_key(TrackClass::Sd, period + 1, rendition, segment),
            segment_key(TrackClass::Sd, period, rendition - 1, segment),
            segment_key(TrackClass::Sd, period, rendition + 1, segment),
            segment_key(TrackClass::Sd, period, rendition, segment - 1),
            segment_key(TrackClass::Sd, period, rendition, segment + 1),
        ] {
            // Neither key nor IV.
            prop_assert!(own[..16] != other[..16] && own[16..] != other[16..]);
        }
    }

    #[test]
    fn a_grant_opens_exactly_its_segments(secret: [u8; 32], count in 1..=20_u32, first in 1..100_u32, class in 0..3_u8) {
        let title_secret = TitleSecret::from_bytes(secret);
        let periods = PeriodSegments::new(count).unwrap();
        let class = TrackClass::from_number(class).unwrap();
        let above = TrackClass::from_number(class.number() + 1).unwrap();
        let entry = |period| PeriodKeyEntry { track_class: class, period, key: title_secret.period_key(class, period) };
        let grant = [Period(first), Period(first + 1)].map(entry);
        let covered = first * count..(first + 2) * count;
        for segment in (covered.start - 1..=covered.end).map(Segment) {
            let period = periods.period_of(segment);
            let sealed = |class| {
                let mut buffer = clear(40);
                let key = title_secret.period_key(class, period).segment_key(Cipher::Aes128Cbc, Rendition(2), segment);
                key.encrypt(&mut buffer).unwrap();
                buffer
            };
            let opens = |key: &PeriodKey, mut buffer: Vec<u8>| {
                key.segment_key(Cipher::Aes128Cbc, Rendition(2), segment).decrypt(&mut buffer).is_ok_and(|len| buffer[..len] == clear(40))
            };
            let found = granted(&grant, class, period);
            prop_assert_eq!(found.is_some(), covered.contains(&segment.0));
            prop_assert!(found.is_none_or(|key| opens(key, sealed(class))));
            prop_assert!(granted(&grant, above, period).is_none());
            // Nor does another key of it: each opens its own period and its own class alone.
            for entry in &grant {
                prop_assert_eq!(opens(&entry.key, sealed(class)), entry.period == period);
                prop_assert!(!opens(&entry.key, sealed(above)));
            }
        }
    }
}
