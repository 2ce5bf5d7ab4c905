//! Published vectors, and the `aes` crate on every length and alignment. Runs natively (the portable form) and in WebAssembly
//! (its vectors).

use aes::Aes128;
use bitsliced_aes::{Block, InvalidCiphertext, decrypt_blocks, decrypt_padded};
use cbc::cipher::block_padding::{NoPadding, Pkcs7};
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use serde::Deserialize;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Sebastiano Vigna's SplitMix64: seeded, so that what fails once fails again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn block(&mut self) -> Block {
        (u128::from(self.next()) | u128::from(self.next()) << 64).to_le_bytes()
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len.div_ceil(16)).flat_map(|_| self.block()).take(len).collect()
    }
}

#[expect(clippy::expect_used, reason = "a vector that is no hex is to be told")]
fn from_hex<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).expect("hex").try_into().expect("length")
}

/// NIST SP 800-38A, F.2.2 CBC-AES128.Decrypt.
#[test]
fn the_standards_example_decrypts() {
    let key = from_hex("2b7e151628aed2a6abf7158809cf4f3c");
    let iv = from_hex("000102030405060708090a0b0c0d0e0f");
    let mut blocks: [Block; 4] = [
        from_hex("7649abac8119b246cee98e9b12e9197d"),
        from_hex("5086cb9b507219ee95db113a917678b2"),
        from_hex("73bed6b8e3c1743b7116e69e22229516"),
        from_hex("3ff1caa1681fac09120eca307586e1a7"),
    ];
    decrypt_blocks(&key, &iv, &[9; 16], &mut blocks);
    let clear: [Block; 4] = [
        from_hex("6bc1bee22e409f96e93d7e117393172a"),
        from_hex("ae2d8a571e03ac9c9eb76fac45af8e51"),
        from_hex("30c81c46a35ce411e5fbc1191a0a52ef"),
        from_hex("f69f2445df4f9b17ad2b417be66c3710"),
    ];
    assert_eq!(blocks, clear);
}

#[derive(Deserialize)]
struct Wycheproof {
    tests: Vec<WycheproofTest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WycheproofTest {
    tc_id: u32,
    key: String,
    iv: String,
    msg: String,
    ct: String,
    result: String,
}

#[test]
fn wycheproofs_ciphertexts_decrypt_or_are_refused() {
    let file: Wycheproof = serde_json::from_str(include_str!("wycheproof-aes-cbc-pkcs5.json")).expect("parses");
    let (mut valid, mut refused) = (0, 0);
    for test in &file.tests {
        let mut buffer = hex::decode(&test.ct).expect("hex");
        let clear = decrypt_padded(&from_hex(&test.key), &from_hex(&test.iv), &[9; 16], &mut buffer);
        if test.result == "valid" {
            let len = clear.expect("is valid");
            assert_eq!(hex::encode(&buffer[..len]), test.msg, "test {}", test.tc_id);
            valid += 1;
        } else {
            assert_eq!(clear, Err(InvalidCiphertext), "test {}", test.tc_id);
            refused += 1;
        }
    }
    assert_eq!((valid, refused), (24, 48));
}

#[test]
fn every_length_at_every_alignment_decrypts_as_by_the_aes_crate() {
    let mut random = Random(1);
    for blocks in (1..=70).chain([127, 128, 129, 200]) {
        let (key, iv, seed) = (random.block(), random.block(), random.block());
        let ciphertext = random.bytes(16 * blocks);
        let mut expected = ciphertext.clone();
        cbc::Decryptor::<Aes128>::new(&key.into(), &iv.into())
            .decrypt_padded::<NoPadding>(&mut expected)
            .expect("whole blocks");
        let mut space = vec![0u8; 16 * blocks + 48];
        let aligned = space.as_ptr().align_offset(16);
        for offset in 0..16 {
            space.fill(0xA5);
            let start = aligned + offset;
            let buffer = &mut space[start..start + 16 * blocks];
            buffer.copy_from_slice(&ciphertext);
            decrypt_blocks(&key, &iv, &seed, buffer.as_chunks_mut().0);
            assert_eq!(buffer, expected, "{blocks} blocks at {offset}");
            // Nothing around it was touched.
            assert!(space[..start].iter().chain(&space[start + 16 * blocks..]).all(|byte| *byte == 0xA5));
        }
    }
}

#[test]
fn every_padding_of_a_last_block_is_judged_as_by_the_aes_crate() {
    let mut random = Random(2);
    let (key, iv) = (random.block(), random.block());
    let mut valid = 0;
    for last in 0..=255u8 {
        for broken_at in 0..17 {
            // As many bytes of padding as the last one says, as far as there is room; one of them wrong, or none.
            let mut clear = [random.block(), random.block()];
            let len = usize::from(last).clamp(1, 16);
            clear[1][16 - len..].fill(last);
            if broken_at < 16 {
                clear[1][broken_at] ^= 0x40;
            }
            let mut ciphertext = clear.as_flattened().to_vec();
            let encryptor = cbc::Encryptor::<Aes128>::new(&key.into(), &iv.into());
            encryptor.encrypt_padded::<NoPadding>(&mut ciphertext, 32).expect("whole blocks");
            let mut expected = ciphertext.clone();
            let decryptor = cbc::Decryptor::<Aes128>::new(&key.into(), &iv.into());
            let expected =
                decryptor.decrypt_padded::<Pkcs7>(&mut expected).map(<[u8]>::len).map_err(|_| InvalidCiphertext);
            let found = decrypt_padded(&key, &iv, &random.block(), &mut ciphertext);
            assert_eq!(found, expected, "last byte {last}, broken at {broken_at}");
            valid += usize::from(found.is_ok());
        }
    }
    assert!(valid > 16 && valid < 256 * 17, "{valid} of them are valid");
}

#[test]
fn what_is_no_whole_blocks_is_refused() {
    let (key, iv, seed) = ([1; 16], [2; 16], [3; 16]);
    for len in [0, 1, 15, 17, 31, 1023] {
        assert_eq!(decrypt_padded(&key, &iv, &seed, &mut vec![0; len]), Err(InvalidCiphertext), "{len} bytes");
    }
    let mut buffer = b"clear".to_vec();
    buffer.resize(16, 0);
    let encryptor = cbc::Encryptor::<Aes128>::new(&key.into(), &iv.into());
    encryptor.encrypt_padded::<Pkcs7>(&mut buffer, 5).expect("fits");
    assert_eq!(decrypt_padded(&key, &iv, &seed, &mut buffer), Ok(5));
    assert_eq!(&buffer[..5], b"clear");
}
