//! ChaCha20-Poly1305 (RFC 8439) for WebAssembly with 128-bit vectors: ChaCha20 four blocks at a time, a word of each in a lane; under it the
//! `poly1305` crate.
//!
//! Constant time: additions, rotations and XOR only; no table, branch or address depends on key or data.
//! Nothing here is generic: whoever calls it takes it as it was compiled here, for speed, whatever its own crate is compiled for.
//!
//! Where vectors are missing (natively, or without `simd128`) it is the `chacha20poly1305` crate's.
#![no_std]

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod four_blocks;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod vector;

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod one_crate;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod vectored;

mod traits;

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
use one_crate as implementation;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use vectored as implementation;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes of a key.
pub const KEY_LEN: usize = 32;
/// Bytes of a nonce. None may be used twice under a key.
pub const NONCE_LEN: usize = 12;
/// Bytes of a tag.
pub const TAG_LEN: usize = 16;

/// One key, which is wiped when this is dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ChaCha20Poly1305([u8; KEY_LEN]);

/// Altered, or of another key, nonce or associated data; or longer than one nonce is good for, which is 256 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

impl ChaCha20Poly1305 {
    /// With that key.
    #[must_use]
    pub const fn with_key(key: &[u8; KEY_LEN]) -> Self {
        Self(*key)
    }

    /// Encrypts in place, and returns the tag.
    ///
    /// # Errors
    /// For a text that is too long.
    #[inline(never)]
    pub fn seal(&self, nonce: &[u8; NONCE_LEN], associated: &[u8], text: &mut [u8]) -> Result<[u8; TAG_LEN], Refused> {
        implementation::seal(&self.0, nonce, associated, text)
    }

    /// Verifies, and only then decrypts in place.
    ///
    /// # Errors
    /// Where the tag does not fit; the text is then as it was.
    #[inline(never)]
    pub fn open(
        &self,
        nonce: &[u8; NONCE_LEN],
        associated: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), Refused> {
        implementation::open(&self.0, nonce, associated, text, tag)
    }
}
