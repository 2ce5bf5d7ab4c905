//! AES-128-CBC of the `aes` crate and of `bitsliced-aes` on one kept buffer, as the player has it (tests/bench/ciphers.mjs).
#![cfg(target_arch = "wasm32")]

use aes::Aes128;
use cbc::Decryptor;
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use wasm_bindgen::prelude::wasm_bindgen;

const SEED: [u8; 16] = *b"any sixteen byte";

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
}
