//! What must hold of every segment and each cipher: it decrypts to itself, whole or in parts, however it is cut; and of the cipher
//! that authenticates, that nothing but what was encrypted is ever taken.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "tests")]

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use keyveil_protocol::{
    BLOCK_LEN, CHUNK_LEN, CIPHERTEXT_LEN_MAX, Cipher, ErrorCode, Period, Rendition, SEALED_CHUNK_LEN, Segment,
    SegmentDecryptor, SegmentKey, TAG_LEN, TitleSecret, TrackClass,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn key(cipher: Cipher) -> SegmentKey {
    SegmentKey::from_bytes(cipher, [7; 32])
}

/// No two neighbouring bytes alike, and no two blocks or chunks.
fn clear(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

fn encrypted(cipher: Cipher, clear: &[u8]) -> Vec<u8> {
    let mut buffer = clear.to_vec();
    key(cipher).encrypt(&mut buffer).unwrap();
    buffer
}

/// Decrypts what is cut after so many units each, until only the last part is left.
fn in_parts(cipher: Cipher, sealed: &[u8], units: &[usize]) -> Result<Vec<u8>, ErrorCode> {
    let mut decryptor = SegmentDecryptor::new(cipher);
    let (mut rest, mut opened) = (sealed.to_vec(), Vec::new());
    let mut push = |mut part: Vec<u8>, is_last| {
        let clear_len = decryptor.push(key(cipher), &[5; 16], &mut part, is_last).map_err(|refusal| refusal.code())?;
        opened.extend_from_slice(&part[..clear_len]);
        Ok(())
    };
    let unit = SegmentDecryptor::new(cipher).unit();
    for units in units {
        // The last part is never empty.
        if rest.len() > units * unit {
            let behind = rest.split_off(units * unit);
            push(std::mem::replace(&mut rest, behind), false)?;
        }
    }
    push(rest, true)?;
    Ok(opened)
}

fn ciphers() -> impl Strategy<Value = Cipher> {
    prop::sample::select(Cipher::ALL.to_vec())
}

#[test]
fn every_length_around_a_border_decrypts_to_itself_whole_and_unit_by_unit() {
    let around = |border: usize| border - BLOCK_LEN - 1..=border + BLOCK_LEN + 1;
    for len in (0..=4 * BLOCK_LEN + 1).chain(around(CHUNK_LEN)).chain(around(2 * CHUNK_LEN)) {
        for cipher in Cipher::ALL {
            let (clear, sealed) = (clear(len), encrypted(cipher, &clear(len)));
            let expected = match cipher {
                Cipher::Aes128Cbc => (len / BLOCK_LEN + 1) * BLOCK_LEN,
                Cipher::ChaCha20Poly1305 => len + len.div_ceil(CHUNK_LEN).max(1) * TAG_LEN,
            };
            assert_eq!(sealed.len(), expected, "{cipher:?} {len}");
            let mut buffer = sealed.clone();
            let clear_len = key(cipher).decrypt(&mut buffer).unwrap();
            assert!(buffer[..clear_len] == clear, "{cipher:?} {len}");
            let parts = sealed.len() / SegmentDecryptor::new(cipher).unit();
            // Blocks one by one only where there are few: each part expands the key anew.
            let units = if parts <= 8 { 1 } else { parts / 8 };
            assert!(in_parts(cipher, &sealed, &vec![units; parts]).unwrap() == clear, "{cipher:?} {len} in parts");
        }
    }
}

#[test]
fn the_longest_segment_in_chunks_is_taken_and_a_byte_more_is_not() {
    let cipher = Cipher::ChaCha20Poly1305;
    let longest = CIPHERTEXT_LEN_MAX - CIPHERTEXT_LEN_MAX.div_ceil(SEALED_CHUNK_LEN) * TAG_LEN;
    let mut buffer = Vec::with_capacity(CIPHERTEXT_LEN_MAX + 1);
    buffer.resize(longest + 1, 0);
    assert_eq!(key(cipher).encrypt(&mut buffer).unwrap_err().code(), ErrorCode::SegmentDamaged);
    assert_eq!(buffer.len(), longest + 1, "it was left as it is");
    buffer.pop();
    key(cipher).encrypt(&mut buffer).unwrap();
    assert_eq!(buffer.len(), CIPHERTEXT_LEN_MAX);
    assert_eq!(key(cipher).decrypt(&mut buffer).unwrap(), longest);
    buffer.resize(CIPHERTEXT_LEN_MAX + 1, 0);
    assert_eq!(key(cipher).decrypt(&mut buffer).unwrap_err().code(), ErrorCode::SegmentDamaged);
}

#[test]
fn parts_together_are_no_longer_than_a_segment() {
    let mut decryptor = SegmentDecryptor::new(Cipher::Aes128Cbc);
    let mut half = vec![0; CIPHERTEXT_LEN_MAX / 2];
    decryptor.push(key(Cipher::Aes128Cbc), &[5; 16], &mut half, false).unwrap();
    decryptor.push(key(Cipher::Aes128Cbc), &[5; 16], &mut half, false).unwrap();
    let refusal = decryptor.push(key(Cipher::Aes128Cbc), &[5; 16], &mut [0; 16], false);
    assert_eq!(refusal.unwrap_err().code(), ErrorCode::SegmentDamaged);
}

#[test]
fn a_part_of_another_length_ends_the_segment_with_a_refusal() {
    for cipher in Cipher::ALL {
        let sealed = encrypted(cipher, &clear(3 * CHUNK_LEN));
        let unit = SegmentDecryptor::new(cipher).unit();
        for len in [0, 1, unit - 1, unit + 1] {
            let mut decryptor = SegmentDecryptor::new(cipher);
            let refusal = decryptor.push(key(cipher), &[5; 16], &mut sealed[..len].to_vec(), false);
            assert_eq!(refusal.unwrap_err().code(), ErrorCode::SegmentDamaged, "{cipher:?} {len}");
            let refusal = decryptor.push(key(cipher), &[5; 16], &mut sealed.clone(), true);
            assert_eq!(refusal.unwrap_err().code(), ErrorCode::SegmentDamaged, "{cipher:?}, after a refusal");
        }
        let mut decryptor = SegmentDecryptor::new(cipher);
        decryptor.push(key(cipher), &[5; 16], &mut sealed[..unit].to_vec(), false).unwrap();
        decryptor.push(key(cipher), &[5; 16], &mut sealed[unit..].to_vec(), true).unwrap();
        let refusal = decryptor.push(key(cipher), &[5; 16], &mut sealed.clone(), true);
        assert_eq!(refusal.unwrap_err().code(), ErrorCode::SegmentDamaged, "{cipher:?}, after the last part");
        let other = Cipher::ALL.into_iter().find(|other| *other != cipher).unwrap();
        let refusal = SegmentDecryptor::new(cipher).push(key(other), &[5; 16], &mut sealed.clone(), true);
        assert_eq!(refusal.unwrap_err().code(), ErrorCode::SegmentDamaged, "{cipher:?} with a key of {other:?}");
    }
}

/// Each chunk of a segment of three, and one of another segment's.
fn chunks() -> [Vec<u8>; 4] {
    let sealed = encrypted(Cipher::ChaCha20Poly1305, &clear(2 * CHUNK_LEN + 100));
    let foreign = {
        let mut buffer = clear(2 * CHUNK_LEN + 100);
        SegmentKey::from_bytes(Cipher::ChaCha20Poly1305, [8; 32]).encrypt(&mut buffer).unwrap();
        buffer[SEALED_CHUNK_LEN..2 * SEALED_CHUNK_LEN].to_vec()
    };
    let mut parts = sealed.chunks(SEALED_CHUNK_LEN).map(<[u8]>::to_vec);
    [parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap(), foreign]
}

/// A chunk as it is sealed in the middle or at the end of a segment, written with the primitive alone.
fn sealed_chunk(number: u8, is_last: bool, clear: &[u8]) -> Vec<u8> {
    let mut body = clear.to_vec();
    let nonce = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, number, u8::from(is_last)];
    let cipher = ChaCha20Poly1305::new(&[7; 32].into());
    let tag = cipher.encrypt_inout_detached(&nonce.into(), b"", body.as_mut_slice().into()).unwrap();
    [&body[..], &tag[..]].concat()
}

#[test]
fn chunks_that_are_missing_twice_or_elsewhere_are_refused_and_nothing_stays() {
    let [first, second, last, foreign] = &chunks();
    let again = [first.as_slice(), second, last].concat();
    assert!(key(Cipher::ChaCha20Poly1305).decrypt(&mut again.clone()).is_ok(), "the control");
    let rebuilt = [sealed_chunk(0, false, &clear(CHUNK_LEN)), sealed_chunk(1, true, &[1])].concat();
    assert!(key(Cipher::ChaCha20Poly1305).decrypt(&mut rebuilt.clone()).is_ok(), "the control of what is sealed here");
    let (full, empty) = (sealed_chunk(0, false, &clear(CHUNK_LEN)), sealed_chunk(1, true, &[]));
    let wrong: [(&str, Vec<&[u8]>); 14] = [
        ("the last dropped", vec![first, second]),
        ("the last two dropped", vec![first]),
        ("the first dropped", vec![second, last]),
        ("the second dropped", vec![first, last]),
        ("the last alone", vec![last]),
        ("first and second swapped", vec![second, first, last]),
        ("the first twice", vec![first, first, second, last]),
        ("the second twice", vec![first, second, second, last]),
        ("the last twice", vec![first, second, last, last]),
        ("the whole twice", vec![first, second, last, first, second, last]),
        ("another segment's second", vec![first, foreign, last]),
        ("one behind", vec![first, second, last, &full]),
        ("a byte behind", vec![first, second, last, &[0]]),
        ("an empty last chunk, well sealed", vec![&full, &empty]),
    ];
    for (name, parts) in wrong {
        let mut buffer = parts.concat();
        let refusal = key(Cipher::ChaCha20Poly1305).decrypt(&mut buffer).unwrap_err();
        assert_eq!(refusal.code(), ErrorCode::SegmentDamaged, "{name}");
        assert!(buffer.iter().all(|byte| *byte == 0), "{name}: what was opened is gone");
        assert_eq!(
            in_parts(Cipher::ChaCha20Poly1305, &parts.concat(), &[1; 8]),
            Err(ErrorCode::SegmentDamaged),
            "{name}"
        );
    }
}

#[test]
fn a_cut_anywhere_in_the_last_chunk_is_refused() {
    let sealed = encrypted(Cipher::ChaCha20Poly1305, &clear(CHUNK_LEN + 40));
    for len in SEALED_CHUNK_LEN..sealed.len() {
        let refusal = key(Cipher::ChaCha20Poly1305).decrypt(&mut sealed[..len].to_vec());
        assert_eq!(refusal.unwrap_err().code(), ErrorCode::SegmentDamaged, "{len}");
    }
}

proptest! {
    #[test]
    fn segments_decrypt_to_themselves(key: [u8; 32], cipher in ciphers(), clear in vec(any::<u8>(), 0..2000)) {
        let mut buffer = clear.clone();
        SegmentKey::from_bytes(cipher, key).encrypt(&mut buffer).unwrap();
        let clear_len = SegmentKey::from_bytes(cipher, key).decrypt(&mut buffer).unwrap();
        prop_assert_eq!(&buffer[..clear_len], &clear[..]);
    }

    #[test]
    fn any_ciphertext_decrypts_shorter_or_is_damaged(key: [u8; 32], mut buffer in vec(any::<u8>(), 0..200)) {
        let len = buffer.len();
        match SegmentKey::from_bytes(Cipher::Aes128Cbc, key).decrypt(&mut buffer) {
            Ok(clear_len) => prop_assert!(len.is_multiple_of(BLOCK_LEN) && (len - BLOCK_LEN..len).contains(&clear_len)),
            Err(refusal) => prop_assert_eq!(refusal.code(), ErrorCode::SegmentDamaged),
        }
    }

    #[test]
    fn nothing_that_was_not_sealed_is_authentic(key: [u8; 32], mut buffer in vec(any::<u8>(), 0..200)) {
        let refusal = SegmentKey::from_bytes(Cipher::ChaCha20Poly1305, key).decrypt(&mut buffer);
        prop_assert_eq!(refusal.unwrap_err().code(), ErrorCode::SegmentDamaged);
    }

    #[test]
    fn every_way_to_cut_aes_gives_the_whole(len in 0..3000_usize, units in vec(1..40_usize, 0..12)) {
        let (clear, sealed) = (clear(len), encrypted(Cipher::Aes128Cbc, &clear(len)));
        prop_assert_eq!(in_parts(Cipher::Aes128Cbc, &sealed, &units), Ok(clear));
    }

    #[test]
    fn two_places_or_ciphers_never_share_a_segment_key(
        a in (0..4_u8, any::<u32>(), any::<u16>(), any::<u32>(), ciphers()),
        b in (0..4_u8, any::<u32>(), any::<u16>(), any::<u32>(), ciphers()),
    ) {
        let key = |(class, period, rendition, segment, cipher)| {
            let class = TrackClass::from_number(class).unwrap();
            let period_key = TitleSecret::from_bytes([9; 32]).period_key(class, Period(period));
            *period_key.segment_key(cipher, Rendition(rendition), Segment(segment)).expose_secret()
        };
        prop_assert_eq!(a == b, key(a) == key(b));
        let other = Cipher::ALL.into_iter().find(|cipher| *cipher != a.4).unwrap();
        prop_assert_ne!(key(a), key((a.0, a.1, a.2, a.3, other)));
    }
}

proptest! {
    // Chunks are long, and few cases say all there is.
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn every_way_to_cut_chunks_gives_the_whole(
        chunks in 0..5_usize, more in prop_oneof![0..3_usize, 0..CHUNK_LEN], units in vec(1..4_usize, 0..5),
    ) {
        let clear = clear(chunks * CHUNK_LEN + more);
        let sealed = encrypted(Cipher::ChaCha20Poly1305, &clear);
        prop_assert!(in_parts(Cipher::ChaCha20Poly1305, &sealed, &units) == Ok(clear));
    }

    #[test]
    fn a_flipped_bit_anywhere_is_refused_whole_and_in_parts(len in 0..2 * CHUNK_LEN + 100, at: usize, bit in 0..8_u32) {
        let mut sealed = encrypted(Cipher::ChaCha20Poly1305, &clear(len));
        let at = at % sealed.len();
        sealed[at] ^= 1 << bit;
        prop_assert_eq!(in_parts(Cipher::ChaCha20Poly1305, &sealed, &[1; 4]), Err(ErrorCode::SegmentDamaged));
        let refusal = key(Cipher::ChaCha20Poly1305).decrypt(&mut sealed);
        prop_assert_eq!(refusal.unwrap_err().code(), ErrorCode::SegmentDamaged);
        prop_assert!(sealed.iter().all(|byte| *byte == 0));
    }
}
