//! Segment ciphers (docs/PROTOCOL.md): what a whole segment is encrypted with, and how it is decrypted again, in one piece or as it
//! arrives.

mod aes_128_cbc;
mod chacha20_poly1305;
mod decryptor;

pub use aes_128_cbc::Aes128CbcKey;
pub use chacha20_poly1305::{CHUNK_LEN, ChaCha20Poly1305Key, SEALED_CHUNK_LEN, TAG_LEN};
pub use decryptor::SegmentDecryptor;

use crate::error::{ErrorCode, ProtocolError};
use crate::track::Cipher;

/// AES' block and so the granularity of an `aes-128-cbc` ciphertext, in bytes.
pub const BLOCK_LEN: usize = 16;
/// The longest ciphertext taken, in bytes.
pub const CIPHERTEXT_LEN_MAX: usize = 512 << 20;

/// What opens exactly one segment of one rendition, by the one cipher it was derived for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SegmentKey {
    /// Of `aes-128-cbc`.
    Aes128Cbc(Aes128CbcKey),
    /// Of `chacha20-poly1305`.
    ChaCha20Poly1305(ChaCha20Poly1305Key),
}

impl SegmentKey {
    /// Length in bytes, of each cipher.
    pub const LEN: usize = 32;

    /// Takes over the bytes of a key that was derived for this cipher.
    #[must_use]
    pub const fn from_bytes(cipher: Cipher, bytes: [u8; Self::LEN]) -> Self {
        match cipher {
            Cipher::Aes128Cbc => Self::Aes128Cbc(Aes128CbcKey::from_bytes(bytes)),
            Cipher::ChaCha20Poly1305 => Self::ChaCha20Poly1305(ChaCha20Poly1305Key::from_bytes(bytes)),
        }
    }

    /// To be filled in place, so that no copy of the bytes stays behind elsewhere.
    pub(crate) const fn zero(cipher: Cipher) -> Self {
        Self::from_bytes(cipher, [0; Self::LEN])
    }

    pub(crate) const fn bytes_mut(&mut self) -> &mut [u8; Self::LEN] {
        match self {
            Self::Aes128Cbc(key) => key.bytes_mut(),
            Self::ChaCha20Poly1305(key) => key.bytes_mut(),
        }
    }

    /// The only cipher it may be used with.
    #[must_use]
    pub const fn cipher(&self) -> Cipher {
        match self {
            Self::Aes128Cbc(_) => Cipher::Aes128Cbc,
            Self::ChaCha20Poly1305(_) => Cipher::ChaCha20Poly1305,
        }
    }

    /// The bare bytes. Never log, format or serialize what this returns.
    #[must_use]
    pub const fn expose_secret(&self) -> &[u8; Self::LEN] {
        match self {
            Self::Aes128Cbc(key) => key.expose_secret(),
            Self::ChaCha20Poly1305(key) => key.expose_secret(),
        }
    }

    /// Encrypts in place, growing the buffer by padding or tags. Consumes the key: one segment, one use.
    ///
    /// # Errors
    /// `segment_damaged` when the ciphertext would be over 512 MiB; the buffer is then as it was.
    pub fn encrypt(self, buffer: &mut Vec<u8>) -> Result<(), ProtocolError> {
        match self {
            Self::Aes128Cbc(key) => key.encrypt(buffer),
            Self::ChaCha20Poly1305(key) => key.encrypt(buffer),
        }
    }

    /// Decrypts in place and returns the length of the clear bytes at the front of the buffer. The rest means nothing.
    ///
    /// # Errors
    /// `segment_damaged` when it can't be what was encrypted; the buffer then holds nothing useful.
    pub fn decrypt(self, buffer: &mut [u8]) -> Result<usize, ProtocolError> {
        match self {
            Self::Aes128Cbc(key) => key.decrypt(buffer),
            Self::ChaCha20Poly1305(key) => key.decrypt(buffer),
        }
    }
}

const fn damaged(cause: &'static str) -> ProtocolError {
    ProtocolError::new(ErrorCode::SegmentDamaged, cause)
}
