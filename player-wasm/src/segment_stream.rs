//! One segment on its way: which one it is, and how far its decryption is. Nothing of it is secret, so it may wait for bytes as long as
//! these take; the key is derived anew for each piece.

use keyveil_protocol::{CIPHERTEXT_LEN_MAX, Cipher, SEALED_CHUNK_LEN, SegmentDecryptor, SegmentRef, TAG_LEN};

use crate::segment_buffer::{PIECE_LEN_MAX, SegmentBuffer};
use crate::session::{PlayerError, Session};

pub(crate) struct SegmentStream {
    segment: SegmentRef,
    decryptor: SegmentDecryptor,
}

impl SegmentStream {
    /// At a segment's beginning; `reference` is its URL's fragment (`keyveil=…`).
    ///
    /// # Errors
    /// `key_tag_malformed`.
    pub(crate) fn open(reference: &str) -> Result<Self, PlayerError> {
        let segment: SegmentRef = reference.parse()?;
        let decryptor = SegmentDecryptor::new(segment.cipher);
        Ok(Self { segment, decryptor })
    }

    /// Every piece but the last has this length.
    pub(crate) fn piece_len(&self) -> usize {
        match self.segment.cipher {
            // A multiple of what is decrypted at once, with room for the padding of a segment that is as long as a chunk.
            Cipher::Aes128Cbc => PIECE_LEN_MAX,
            Cipher::ChaCha20Poly1305 => SEALED_CHUNK_LEN,
        }
    }

    /// What a ciphertext of that length can be in clear at most: the last piece tells where the padding of `aes-128-cbc` begins.
    ///
    /// # Errors
    /// `segment_damaged` for a length that no segment has.
    pub(crate) fn clear_len_max(&self, ciphertext_len: usize) -> Result<usize, PlayerError> {
        if ciphertext_len > CIPHERTEXT_LEN_MAX {
            return Err(PlayerError::SEGMENT_DAMAGED);
        }
        let added_len = match self.segment.cipher {
            Cipher::Aes128Cbc => 1,
            Cipher::ChaCha20Poly1305 => ciphertext_len.div_ceil(SEALED_CHUNK_LEN) * TAG_LEN,
        };
        Ok(ciphertext_len.saturating_sub(added_len))
    }

    /// Decrypts the next piece, which stands in `buffer`, and returns the length of the clear bytes at its front.
    ///
    /// # Errors
    /// `key_not_granted` while its key is not at hand, and nothing is lost then; `segment_damaged`, for good; `internal` when the browser
    /// gives no random numbers.
    pub(crate) fn decrypt(
        &mut self,
        session: &mut Session,
        buffer: &mut SegmentBuffer,
        len: usize,
        is_last: bool,
    ) -> Result<usize, PlayerError> {
        let mut mask_seed = [0; 16];
        getrandom::fill(&mut mask_seed).map_err(|_| PlayerError::INTERNAL)?;
        let key = session.segment_key(&self.segment)?;
        buffer.decrypt(&mut self.decryptor, key, &mask_seed, len, is_last)
    }
}
