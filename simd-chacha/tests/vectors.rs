//! RFC 8439's answers, and the `chacha20` crate's on every length and alignment. Natively both are the same cipher; in WebAssembly
//! (`cargo test --target wasm32-unknown-unknown`, with simd128) they are not.
#![allow(clippy::unwrap_used, reason = "tests")]

use chacha20::ChaCha20 as CrateChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::aead::consts::U12;
use chacha20poly1305::{ChaCha20Poly1305, ChaChaPoly1305, KeyInit};
use simd_chacha::ChaCha20;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn key() -> [u8; 32] {
    std::array::from_fn(|at| at as u8)
}

fn nonce() -> [u8; 12] {
    std::array::from_fn(|at| 0xa0 + at as u8)
}

fn noise(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 % 251) as u8).collect()
}

fn ours() -> ChaCha20 {
    ChaCha20::new(&key().into(), &nonce().into())
}

fn theirs() -> CrateChaCha20 {
    CrateChaCha20::new(&key().into(), &nonce().into())
}

#[test]
fn the_block_of_rfc_8439_2_3_2() {
    let nonce = hex::decode("000000090000004a00000000").unwrap();
    let mut stream = ChaCha20::new_from_slices(&key(), &nonce).unwrap();
    stream.seek(64_u32);
    let mut block = [0; 64];
    stream.apply_keystream(&mut block);
    let expected = "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e\
                    d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e";
    assert_eq!(hex::encode(block), expected);
}

#[test]
fn the_encryption_of_rfc_8439_2_4_2() {
    let nonce = hex::decode("000000000000004a00000000").unwrap();
    let mut stream = ChaCha20::new_from_slices(&key(), &nonce).unwrap();
    stream.seek(64_u32);
    let mut text =
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen \
                     would be it."
            .to_vec();
    stream.apply_keystream(&mut text);
    let expected = "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dabcd62b357\
                    1639d624e65152ab8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736\
                    5af90bbf74a35be6b40b8eedf2785e42874d";
    assert_eq!(hex::encode(text), expected);
}

#[test]
fn every_length_and_alignment_is_as_by_the_crate() {
    for len in (0..=600).chain([4095, 4096, 4097, 65_535, 65_536, 65_537]) {
        for offset in if len <= 300 { 0..16 } else { 0..2 } {
            let mut expected = noise(offset + len);
            let mut found = expected.clone();
            theirs().apply_keystream(&mut expected[offset..]);
            ours().apply_keystream(&mut found[offset..]);
            assert!(found == expected, "{len} bytes from {offset}");
        }
    }
}

#[test]
fn it_goes_on_from_any_place_and_in_any_pieces() {
    for start in [0_u32, 1, 63, 64, 65, 255, 256, 257, 1000] {
        let mut expected = noise(3000);
        let mut found = expected.clone();
        let (mut ours, mut theirs) = (ours(), theirs());
        ours.seek(start);
        theirs.seek(start);
        theirs.apply_keystream(&mut expected);
        let mut rest = found.as_mut_slice();
        for len in [1, 63, 64, 65, 130, 256, 300, 700] {
            let (piece, behind) = rest.split_at_mut(len);
            ours.apply_keystream(piece);
            rest = behind;
        }
        ours.apply_keystream(rest);
        assert!(found == expected, "from {start}");
    }
}

#[test]
fn the_counter_ends_where_the_crate_s_does() {
    let last = u64::from(u32::MAX) * 64;
    let (mut a, mut b) = (noise(640), noise(640));
    let (mut ours, mut theirs) = (ours(), theirs());
    ours.seek(last - 640);
    theirs.seek(last - 640);
    ours.apply_keystream(&mut a);
    theirs.apply_keystream(&mut b);
    assert!(a == b, "the last blocks");
    assert_eq!(ours.try_apply_keystream(&mut [0; 65]).is_err(), theirs.try_apply_keystream(&mut [0; 65]).is_err());
    assert!(ours.try_apply_keystream(&mut [0; 65]).is_err(), "no block is used twice");
}

#[test]
fn the_aead_over_it_is_the_crate_s() {
    let over_ours = ChaChaPoly1305::<ChaCha20, U12>::new(&key().into());
    let crate_s = ChaCha20Poly1305::new(&key().into());
    for len in [0, 1, 15, 16, 17, 63, 64, 65, 255, 256, 257, 1000, 65_536] {
        let (mut a, mut b) = (noise(len), noise(len));
        let tag = over_ours.encrypt_inout_detached(&nonce().into(), b"", a.as_mut_slice().into()).unwrap();
        let expected = crate_s.encrypt_inout_detached(&nonce().into(), b"", b.as_mut_slice().into()).unwrap();
        assert!(a == b && tag == expected, "{len}");
        over_ours.decrypt_inout_detached(&nonce().into(), b"", b.as_mut_slice().into(), &tag).unwrap();
        assert!(b == noise(len), "{len}");
        a.push(0);
        over_ours.decrypt_inout_detached(&nonce().into(), b"", a.as_mut_slice().into(), &tag).unwrap_err();
    }
}
