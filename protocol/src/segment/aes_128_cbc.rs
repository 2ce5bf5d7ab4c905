//! `aes-128-cbc`: AES-128-CBC with PKCS#7 over a whole segment. It does not authenticate.

use aes::Aes128;
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
use cbc::cipher::Array;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};

use super::{BLOCK_LEN, CIPHERTEXT_LEN_MAX, damaged};
use crate::error::ProtocolError;
use crate::secret::secret;

pub(super) type Block = [u8; BLOCK_LEN];

secret! {
    /// Key (16 bytes) and IV (16 bytes) of exactly one segment of one rendition.
    Aes128CbcKey[32]
}

impl Aes128CbcKey {
    /// As [`super::SegmentKey::encrypt`]; the buffer grows by 1 … 16 bytes of padding.
    ///
    /// # Errors
    /// As there.
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

    /// As [`super::SegmentKey::decrypt`].
    ///
    /// # Errors
    /// As there: length or padding can't be right.
    pub fn decrypt(self, buffer: &mut [u8]) -> Result<usize, ProtocolError> {
        check_len(buffer)?;
        let (key, iv) = self.halves();
        unpadded(key, iv, buffer)
    }

    /// The 16 bytes of key and the 16 of IV. A standard title's key goes out to players, its IV into playlists.
    #[must_use]
    pub fn halves(&self) -> (&Block, &Block) {
        let bytes = self.expose_secret();
        match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(key), Some(iv)) => (key, iv),
            _ => unreachable!("32 bytes have two halves of 16"),
        }
    }

    /// Decrypts a part of a segment whose ciphertext before it ended with `before`, or that begins with it. Padding is taken off
    /// the last part only: that of another is media.
    pub(super) fn decrypt_part(
        &self,
        before: Option<&Block>,
        mask_seed: &Block,
        part: &mut [u8],
        is_last: bool,
    ) -> Result<usize, ProtocolError> {
        check_len(part)?;
        let (key, iv) = self.halves();
        let before = before.unwrap_or(iv);
        if is_last { last_part(key, before, mask_seed, part) } else { Ok(inner_part(key, before, mask_seed, part)) }
    }
}

fn check_len(buffer: &[u8]) -> Result<(), ProtocolError> {
    if buffer.is_empty() || !buffer.len().is_multiple_of(BLOCK_LEN) || buffer.len() > CIPHERTEXT_LEN_MAX {
        return Err(damaged("ciphertext length"));
    }
    Ok(())
}

fn unpadded(key: &Block, before: &Block, buffer: &mut [u8]) -> Result<usize, ProtocolError> {
    cbc::Decryptor::<Aes128>::new(key.into(), before.into())
        .decrypt_padded::<Pkcs7>(buffer)
        .map(<[u8]>::len)
        .map_err(|_| damaged("padding"))
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
fn last_part(key: &Block, before: &Block, mask_seed: &Block, part: &mut [u8]) -> Result<usize, ProtocolError> {
    bitsliced_aes::decrypt_padded(key, before, mask_seed, part).map_err(|_| damaged("length or padding"))
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
fn inner_part(key: &Block, before: &Block, mask_seed: &Block, part: &mut [u8]) -> usize {
    let (blocks, _) = part.as_chunks_mut();
    bitsliced_aes::decrypt_blocks(key, before, mask_seed, blocks);
    part.len()
}

/// Without vectors there is the other cipher only.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
fn last_part(key: &Block, before: &Block, _mask_seed: &Block, part: &mut [u8]) -> Result<usize, ProtocolError> {
    unpadded(key, before, part)
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
fn inner_part(key: &Block, before: &Block, _mask_seed: &Block, part: &mut [u8]) -> usize {
    let (blocks, _) = Array::slice_as_chunks_mut(part);
    cbc::Decryptor::<Aes128>::new(key.into(), before.into()).decrypt_blocks(blocks);
    part.len()
}
