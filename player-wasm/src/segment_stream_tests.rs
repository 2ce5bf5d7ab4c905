//! Segments in pieces, with the keys of a session.

use keyveil_protocol::{Cipher, ErrorCode, Period, Rendition, Segment, SegmentRef, TrackClass};

use crate::segment_buffer::SegmentBuffer;
use crate::segment_stream::SegmentStream;
use crate::session::{PlayerError, Session};
use crate::session_tests::{FILE_ID, HD, period_key, playing};

/// Of period 1, which a grant of period 0 brings along.
const SEGMENT: Segment = Segment(2);

fn reference(cipher: Cipher, period: u32, rendition: Rendition) -> String {
    let (file_id, track_class, period) = (FILE_ID.parse().expect("an id"), TrackClass::Hd, Period(period));
    SegmentRef { file_id, track_class, period, rendition, segment: SEGMENT, cipher }.to_string()
}

fn open(cipher: Cipher) -> SegmentStream {
    SegmentStream::open(&reference(cipher, 1, HD)).expect("opens")
}

/// Of bytes that no padding has, so that no end but the true one looks like one.
fn media(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at * 31 % 199 + 20).expect("a byte")).collect()
}

fn encrypted(cipher: Cipher, clear: &[u8]) -> Vec<u8> {
    let mut bytes = clear.to_vec();
    period_key(TrackClass::Hd, 1).segment_key(cipher, HD, SEGMENT).encrypt(&mut bytes).expect("encrypts");
    bytes
}

/// One piece, as the worker does it.
fn piece(
    stream: &mut SegmentStream,
    session: &mut Session,
    buffer: &mut SegmentBuffer,
    bytes: &[u8],
    is_last: bool,
) -> Result<Vec<u8>, PlayerError> {
    buffer.bytes_mut()[..bytes.len()].copy_from_slice(bytes);
    let len = stream.decrypt(session, buffer, bytes.len(), is_last)?;
    let clear = buffer.bytes_mut()[..len].to_vec();
    buffer.wipe();
    Ok(clear)
}

fn decrypt(stream: &mut SegmentStream, session: &mut Session, ciphertext: &[u8]) -> Result<Vec<u8>, PlayerError> {
    let (mut buffer, mut clear) = (SegmentBuffer::new(), Vec::new());
    let mut rest = ciphertext;
    while rest.len() > stream.piece_len() {
        let (bytes, behind) = rest.split_at(stream.piece_len());
        clear.extend(piece(stream, session, &mut buffer, bytes, false)?);
        rest = behind;
    }
    clear.extend(piece(stream, session, &mut buffer, rest, true)?);
    Ok(clear)
}

#[test]
fn segments_of_any_length_come_out_as_they_went_in() {
    let (mut session, _) = playing();
    for cipher in Cipher::ALL {
        for len in [0, 1, 15, 16, 65_535, 65_536, 65_537, 200_000] {
            let (clear, mut stream) = (media(len), open(cipher));
            let ciphertext = encrypted(cipher, &clear);
            let out = decrypt(&mut stream, &mut session, &ciphertext).expect("decrypts");
            assert!(out == clear, "{} {len}: {}", cipher.name(), out.len());
            let most = stream.clear_len_max(ciphertext.len()).expect("a length");
            assert!(len <= most && most <= len + 15, "{} {len}: {most}", cipher.name());
        }
    }
}

#[test]
fn several_segments_take_turns() {
    let (mut session, _) = playing();
    let mut buffer = SegmentBuffer::new();
    let clear = media(200_000);
    let mut streams = Cipher::ALL.map(|cipher| (open(cipher), encrypted(cipher, &clear), Vec::new()));
    for at in 0..4 {
        for (stream, ciphertext, out) in &mut streams {
            let bytes = ciphertext.chunks(stream.piece_len()).nth(at).expect("four pieces");
            out.extend(piece(stream, &mut session, &mut buffer, bytes, at == 3).expect("decrypts"));
        }
    }
    for (_, _, out) in streams {
        assert!(out == clear);
    }
}

#[test]
fn a_segment_goes_on_when_its_keys_are_back() {
    for cipher in Cipher::ALL {
        let (mut session, server) = playing();
        let (mut stream, mut buffer) = (open(cipher), SegmentBuffer::new());
        let clear = media(100_000);
        let ciphertext = encrypted(cipher, &clear);
        let (first, second) = ciphertext.split_at(stream.piece_len());
        let mut out = piece(&mut stream, &mut session, &mut buffer, first, false).expect("decrypts");

        // Grants of many other periods take its place.
        for period in (10..60).step_by(2) {
            let call = session.keys_request(Period(period), 0, None).expect("a call");
            session.accept_keys(&server.keys(&call.body)).expect("opens");
        }
        let refusal = piece(&mut stream, &mut session, &mut buffer, second, true);
        assert_eq!(refusal, Err(PlayerError::KEY_NOT_GRANTED));

        let call = session.keys_request(Period(1), 0, None).expect("a call");
        session.accept_keys(&server.keys(&call.body)).expect("opens");
        out.extend(piece(&mut stream, &mut session, &mut buffer, second, true).expect("decrypts"));
        assert!(out == clear);
    }
}

#[test]
fn what_was_cut_off_is_refused_and_so_is_all_that_follows() {
    let (mut session, _) = playing();
    for cipher in Cipher::ALL {
        let ciphertext = encrypted(cipher, &media(150_000));
        for len in [0, 1, 65_000, 65_536, 65_552, 131_072, 131_104, ciphertext.len() - 1] {
            let (mut stream, mut buffer) = (open(cipher), SegmentBuffer::new());
            let cut = &ciphertext[..len];
            let refusal = decrypt(&mut stream, &mut session, cut).map(|clear| clear.len());
            assert_eq!(refusal, Err(PlayerError::SEGMENT_DAMAGED), "{} {len}", cipher.name());
            let after = piece(&mut stream, &mut session, &mut buffer, &ciphertext[..65_552], true);
            assert_eq!(after.map(|clear| clear.len()), Err(PlayerError::SEGMENT_DAMAGED), "what follows it");
        }
    }
}

#[test]
fn an_altered_chunk_is_refused_before_any_of_it_is_clear() {
    let (mut session, _) = playing();
    let (cipher, mut buffer) = (Cipher::ChaCha20Poly1305, SegmentBuffer::new());
    let mut stream = open(cipher);
    let mut ciphertext = encrypted(cipher, &media(150_000));
    ciphertext[70_000] ^= 1;
    let (first, second) = ciphertext.split_at(stream.piece_len());
    piece(&mut stream, &mut session, &mut buffer, first, false).expect("it is unaltered");
    let second = &second[..stream.piece_len()];
    let refusal = piece(&mut stream, &mut session, &mut buffer, second, false);
    assert_eq!(refusal, Err(PlayerError::SEGMENT_DAMAGED));
    assert!(buffer.bytes_mut().iter().all(|byte| *byte == 0));
}

#[test]
fn a_segment_of_another_place_has_no_key_and_one_of_none_does_not_open() {
    let (mut session, _) = playing();
    let ciphertext = encrypted(Cipher::Aes128Cbc, &media(100));
    let mut other = SegmentStream::open(&reference(Cipher::Aes128Cbc, 7, HD)).expect("opens");
    assert_eq!(decrypt(&mut other, &mut session, &ciphertext), Err(PlayerError::KEY_NOT_GRANTED));
    let refusal = SegmentStream::open("keyveil=../1/0/0/0").err().map(|refusal| refusal.0);
    assert_eq!(refusal, Some(ErrorCode::KeyTagMalformed));
    assert_eq!(open(Cipher::Aes128Cbc).clear_len_max((512 << 20) + 1), Err(PlayerError::SEGMENT_DAMAGED));
}
