//! Segment cipher `aes-128-cbc` (docs/PROTOCOL.md): AES-128-CBC with PKCS#7 over a whole segment.

use aes::Aes128;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};

use crate::error::{ErrorCode, ProtocolError};
use crate::secret::secret;

/// AES' block and so the granularity of a ciphertext, in bytes.
pub const BLOCK_LEN: usize = 16;
/// The longest ciphertext taken, in bytes.
pub const CIPHERTEXT_LEN_MAX: usize = 512 << 20;

secret! {
    /// Key (16 bytes) and IV (16 bytes) of exactly one segment of one rendition.
    SegmentKey[32]
}

impl SegmentKey {
    /// Encrypts in place, growing the buffer by 1 … 16 bytes of padding. Consumes the key: one segment, one use.
    ///
    /// # Errors
    /// `segment_damaged` when the ciphertext would be over 512 MiB.
    pub fn encrypt(self, buffer: &mut Vec<u8>) -> Result<(), ProtocolError> {
        let clear_len = buffer.len();
        let padded_len = (clear_len / BLOCK_LEN + 1) * BLOCK_LEN;
        if padded_len > CIPHERTEXT_LEN_MAX {
            return Err(damaged("segment over 512 MiB"));
        }
        buffer.resize(padded_len, 0);
        let (key, iv) = self.halves();
        cbc::Encryptor::<Aes128>::new(key.into(), iv.into())
            .encrypt_padded::<Pkcs7>(buffer, clear_len)
            .map_err(|_| damaged("no room for padding"))?;
        Ok(())
    }

    /// Decrypts in place and returns the length of the clear bytes at the front of the buffer. The rest is padding.
    ///
    /// # Errors
    /// `segment_damaged` when length or padding can't be right; the buffer then holds nothing useful.
    pub fn decrypt(self, buffer: &mut [u8]) -> Result<usize, ProtocolError> {
        if buffer.is_empty() || !buffer.len().is_multiple_of(BLOCK_LEN) || buffer.len() > CIPHERTEXT_LEN_MAX {
            return Err(damaged("ciphertext length"));
        }
        let (key, iv) = self.halves();
        cbc::Decryptor::<Aes128>::new(key.into(), iv.into())
            .decrypt_padded::<Pkcs7>(buffer)
            .map(<[u8]>::len)
            .map_err(|_| damaged("padding"))
    }

    /// As [`Self::decrypt`], and where the target has WebAssembly's vectors, by a cipher that keeps the key schedule bitsliced and
    /// under masks. These grow out of `mask_seed`, which must be random.
    ///
    /// # Errors
    /// As [`Self::decrypt`].
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    pub fn decrypt_masked(self, buffer: &mut [u8], mask_seed: &[u8; BLOCK_LEN]) -> Result<usize, ProtocolError> {
        if buffer.len() > CIPHERTEXT_LEN_MAX {
            return Err(damaged("ciphertext length"));
        }
        let (key, iv) = self.halves();
        bitsliced_aes::decrypt_padded(key, iv, mask_seed, buffer).map_err(|_| damaged("length or padding"))
    }

    /// Without vectors there is the other cipher only.
    ///
    /// # Errors
    /// As [`Self::decrypt`].
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    pub fn decrypt_masked(self, buffer: &mut [u8], _mask_seed: &[u8; BLOCK_LEN]) -> Result<usize, ProtocolError> {
        self.decrypt(buffer)
    }

    /// The 16 bytes of key and the 16 of IV. A standard title's key goes out to players, its IV into playlists.
    #[must_use]
    pub fn halves(&self) -> (&[u8; 16], &[u8; 16]) {
        let bytes = self.expose_secret();
        match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(key), Some(iv)) => (key, iv),
            _ => unreachable!("32 bytes have two halves of 16"),
        }
    }
}

const fn damaged(cause: &'static str) -> ProtocolError {
    ProtocolError::new(ErrorCode::SegmentDamaged, cause)
}
