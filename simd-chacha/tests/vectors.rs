//! RFC 8439's answers, and the `chacha20poly1305` crate's on every length and alignment. Natively both are the same code; in WebAssembly
//! (`cargo test --target wasm32-unknown-unknown`, with simd128) they are not.
#![allow(clippy::unwrap_used, reason = "tests")]

use chacha20poly1305::aead::{Aead, AeadInOut, Payload};
use chacha20poly1305::{ChaCha20Poly1305 as CrateCipher, KeyInit};
use simd_chacha::{ChaCha20Poly1305, NONCE_LEN, Refused, TAG_LEN};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const LADIES: &[u8] =
    b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen \
                        would be it.";

fn counted<const LEN: usize>(first: u8) -> [u8; LEN] {
    std::array::from_fn(|at| first + at as u8)
}

fn nonce() -> [u8; NONCE_LEN] {
    counted(0xa0)
}

fn noise(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 % 251) as u8).collect()
}

fn ours() -> ChaCha20Poly1305 {
    ChaCha20Poly1305::with_key(&counted(0))
}

fn theirs() -> CrateCipher {
    CrateCipher::new(&counted(0).into())
}

fn their_tag(associated: &[u8], text: &mut [u8]) -> [u8; TAG_LEN] {
    theirs().encrypt_inout_detached(&nonce().into(), associated, text.into()).unwrap().into()
}

/// The text's first block is block 1, whose keystream shows where the text is zeros.
#[test]
fn the_block_of_rfc_8439_2_3_2() {
    let nonce = hex::decode("000000090000004a00000000").unwrap();
    let mut block = [0; 64];
    ours().seal(&nonce.try_into().unwrap(), b"", &mut block).unwrap();
    let expected = "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e\
                    d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e";
    assert_eq!(hex::encode(block), expected);
}

#[test]
fn the_encryption_of_rfc_8439_2_4_2() {
    let nonce = hex::decode("000000000000004a00000000").unwrap();
    let mut text = LADIES.to_vec();
    ours().seal(&nonce.try_into().unwrap(), b"", &mut text).unwrap();
    let expected = "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dabcd62b357\
                    1639d624e65152ab8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736\
                    5af90bbf74a35be6b40b8eedf2785e42874d";
    assert_eq!(hex::encode(text), expected);
}

#[test]
fn the_aead_of_rfc_8439_2_8_2() {
    let nonce: [u8; NONCE_LEN] = hex::decode("070000004041424344454647").unwrap().try_into().unwrap();
    let associated = hex::decode("50515253c0c1c2c3c4c5c6c7").unwrap();
    let cipher = ChaCha20Poly1305::with_key(&counted(0x80));
    let mut text = LADIES.to_vec();
    let tag = cipher.seal(&nonce, &associated, &mut text).unwrap();
    let expected = "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b\
                    1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc\
                    3ff4def08e4b7a9de576d26586cec64b6116";
    assert_eq!(hex::encode(&text), expected);
    assert_eq!(hex::encode(tag), "1ae10b594f09e26a7e902ecbd0600691");
    cipher.open(&nonce, &associated, &mut text, &tag).unwrap();
    assert_eq!(text, LADIES);
}

#[test]
fn every_length_and_alignment_is_as_by_the_crate() {
    for len in (0..=600).chain([4095, 4096, 4097, 65_535, 65_536, 65_537]) {
        for offset in if len <= 300 { 0..16 } else { 0..2 } {
            let mut expected = noise(offset + len);
            let mut found = expected.clone();
            let expected_tag = their_tag(b"", &mut expected[offset..]);
            let tag = ours().seal(&nonce(), b"", &mut found[offset..]).unwrap();
            assert!(found == expected && tag == expected_tag, "{len} bytes from {offset}");
            ours().open(&nonce(), b"", &mut found[offset..], &tag).unwrap();
            assert!(found == noise(offset + len), "{len} bytes from {offset}, opened");
        }
    }
}

#[test]
fn associated_data_of_every_length_is_as_by_the_crate() {
    for len in 0..=100 {
        let (mut expected, mut found) = (noise(100), noise(100));
        let expected_tag = their_tag(&noise(len), &mut expected);
        assert_eq!(ours().seal(&nonce(), &noise(len), &mut found), Ok(expected_tag), "{len}");
        assert!(found == expected, "{len}");
    }
}

#[test]
fn what_was_altered_is_refused_and_left_as_it_is() {
    let mut sealed = noise(1000);
    let tag = ours().seal(&nonce(), b"of this", &mut sealed).unwrap();
    let refused = |associated: &[u8], text: &[u8], tag: &[u8; TAG_LEN]| {
        let mut opened = text.to_vec();
        assert_eq!(ours().open(&nonce(), associated, &mut opened, tag), Err(Refused));
        assert_eq!(opened, text);
    };
    for at in [0, 15, 16, 255, 256, 768, 999] {
        let mut altered = sealed.clone();
        altered[at] ^= 1;
        refused(b"of this", &altered, &tag);
    }
    for at in 0..TAG_LEN {
        let mut altered = tag;
        altered[at] ^= 0x80;
        refused(b"of this", &sealed, &altered);
    }
    refused(b"of that", &sealed, &tag);
    refused(b"of this", &sealed[..999], &tag);
    assert_eq!(ours().open(&counted(0), b"of this", &mut sealed.clone(), &tag), Err(Refused));
    ours().open(&nonce(), b"of this", &mut sealed, &tag).unwrap();
    assert_eq!(sealed, noise(1000));
}

#[test]
fn as_a_trait_it_is_the_crate_s() {
    let (msg, aad) = (noise(1000), b"with that".as_slice());
    let sealed = theirs().encrypt(&nonce().into(), Payload { msg: &msg, aad }).unwrap();
    assert_eq!(ours().encrypt(&nonce().into(), Payload { msg: &msg, aad }).unwrap(), sealed);
    assert_eq!(ours().decrypt(&nonce().into(), Payload { msg: &sealed, aad }).unwrap(), msg);
    ours().decrypt(&nonce().into(), Payload { msg: &sealed[1..], aad }).unwrap_err();
}
