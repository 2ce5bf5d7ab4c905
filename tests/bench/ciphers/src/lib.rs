//! Both segment ciphers on one kept buffer, as the player has it (tests/bench/ciphers.mjs): AES-128-CBC of the `aes` crate and of
//! `bitsliced-aes`; ChaCha20-Poly1305 in chunks of 64 KiB of the `chacha20poly1305` crate and of `simd-chacha`.
#![cfg(target_arch = "wasm32")]

use aes::Aes128;
use cbc::Decryptor;
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use simd_chacha::{NONCE_LEN, TAG_LEN};
use wasm_bindgen::prelude::wasm_bindgen;

const SEED: [u8; 16] = *b"any sixteen byte";
const CHUNK_LEN: usize = 64 << 10;

#[wasm_bindgen]
#[derive(Default)]
pub struct Ciphers {
    bytes: Vec<u8>,
}

#[wasm_bindgen]
impl Ciphers {
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where `len` bytes are to be written, and read after a decryption.
    pub fn reserve(&mut self, len: usize) -> usize {
        self.bytes.resize(len, 0);
        self.bytes.as_ptr().addr()
    }

    /// `bitsliced-aes`, key schedule included. `key` and `iv` are 16 bytes each.
    pub fn bitsliced(&mut self, key: &[u8], iv: &[u8]) {
        let (Ok(key), Ok(iv)) = (key.try_into(), iv.try_into()) else { return };
        bitsliced_aes::decrypt_blocks(key, iv, &SEED, self.bytes.as_chunks_mut().0);
    }

    /// The `aes` crate, key schedule included.
    #[wasm_bindgen(js_name = aesCrate)]
    pub fn aes_crate(&mut self, key: &[u8], iv: &[u8]) {
        let Ok(cipher) = Decryptor::<Aes128>::new_from_slices(key, iv) else { return };
        let _ = cipher.decrypt_padded::<NoPadding>(&mut self.bytes);
    }

    /// Fills the buffer with `clear_len` bytes of noise, encrypted in chunks; returns the length of the whole.
    #[wasm_bindgen(js_name = sealNoise)]
    pub fn seal_noise(&mut self, key: &[u8], clear: &[u8]) -> usize {
        let Ok(cipher) = ChaCha20Poly1305::new_from_slice(key) else { return 0 };
        self.bytes.clear();
        for (number, chunk) in clear.chunks(CHUNK_LEN).enumerate() {
            let mut body = chunk.to_vec();
            let Ok(tag) = cipher.encrypt_inout_detached(&nonce(number).into(), b"", body.as_mut_slice().into()) else {
                return 0;
            };
            self.bytes.extend_from_slice(&body);
            self.bytes.extend_from_slice(&tag);
        }
        self.bytes.len()
    }

    /// The `chacha20poly1305` crate. Returns the clear length, 0 where a tag is wrong.
    #[wasm_bindgen(js_name = chachaCrate)]
    pub fn chacha_crate(&mut self, key: &[u8]) -> usize {
        let Ok(cipher) = ChaCha20Poly1305::new_from_slice(key) else { return 0 };
        opened(&mut self.bytes, |nonce, body, tag| {
            cipher.decrypt_inout_detached(&nonce.into(), b"", body.into(), tag.into()).is_ok()
        })
    }

    /// The same of `simd-chacha`.
    #[wasm_bindgen(js_name = simdChacha)]
    pub fn simd_chacha(&mut self, key: &[u8]) -> usize {
        let Ok(key) = key.try_into() else { return 0 };
        let cipher = simd_chacha::ChaCha20Poly1305::with_key(key);
        opened(&mut self.bytes, |nonce, body, tag| cipher.open(&nonce, b"", body, tag).is_ok())
    }
}

fn opened(bytes: &mut [u8], open: impl Fn([u8; NONCE_LEN], &mut [u8], &[u8; TAG_LEN]) -> bool) -> usize {
    let (mut clear_len, chunks) = (0, bytes.len().div_ceil(CHUNK_LEN + TAG_LEN));
    for number in 0..chunks {
        let start = number * (CHUNK_LEN + TAG_LEN);
        let end = bytes.len().min(start + CHUNK_LEN + TAG_LEN);
        let Some((body, tag)) = bytes[start..end].split_last_chunk_mut() else { return 0 };
        if !open(nonce(number), body, tag) {
            return 0;
        }
        let len = body.len();
        bytes.copy_within(start..start + len, clear_len);
        clear_len += len;
    }
    clear_len
}

fn nonce(number: usize) -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    nonce[..8].copy_from_slice(&(number as u64).to_le_bytes());
    nonce
}
