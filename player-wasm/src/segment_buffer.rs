//! The one buffer that segments are decrypted in. It is reused, so that memory stays flat, and wiped after each segment.

use keyveil_protocol::{CIPHERTEXT_LEN_MAX, SegmentKey};
use zeroize::Zeroize;

use crate::session::PlayerError;

/// Ciphertext goes in, clear bytes come out of the same place.
#[derive(Default)]
pub(crate) struct SegmentBuffer {
    bytes: Vec<u8>,
}

impl SegmentBuffer {
    /// Makes room for a ciphertext of `len` bytes and returns where the caller writes it.
    ///
    /// # Errors
    /// `segment_damaged` for a length no segment has, or one that does not fit into memory.
    pub(crate) fn reserve(&mut self, len: usize) -> Result<*const u8, PlayerError> {
        self.wipe();
        if len == 0 || len > CIPHERTEXT_LEN_MAX {
            return Err(PlayerError::SEGMENT_DAMAGED);
        }
        if len > self.bytes.capacity() {
            // The old buffer goes first: growing in place would copy it, and hold both for a moment.
            self.bytes = Vec::new();
            self.bytes.try_reserve_exact(len).map_err(|_| PlayerError::SEGMENT_DAMAGED)?;
        }
        self.bytes.resize(len, 0);
        Ok(self.bytes.as_ptr())
    }

    /// Decrypts what stands in the buffer and returns the length of the clear bytes at its front. On failure it is wiped.
    /// `mask_seed`: random, for the key's schedule; fetched before the key was in clear (see `Masks`).
    ///
    /// # Errors
    /// `segment_damaged`.
    pub(crate) fn decrypt(&mut self, key: SegmentKey, mask_seed: &[u8; 16]) -> Result<usize, PlayerError> {
        let clear_len = key.decrypt_masked(&mut self.bytes, mask_seed);
        if clear_len.is_err() {
            self.wipe();
        }
        Ok(clear_len?)
    }

    /// Overwrites the bytes and keeps the room.
    pub(crate) fn wipe(&mut self) {
        // Vec's Zeroize also overwrites the spare capacity, which costs a pass over the largest segment ever seen; the slice is
        // what was written.
        self.bytes.as_mut_slice().zeroize();
        self.bytes.clear();
    }

    #[cfg(test)]
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for SegmentBuffer {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use keyveil_protocol::Cipher;

    use super::*;

    fn key() -> SegmentKey {
        SegmentKey::from_bytes(Cipher::Aes128Cbc, [9; 32])
    }

    fn encrypted(clear: &[u8]) -> Vec<u8> {
        let mut bytes = clear.to_vec();
        key().encrypt(&mut bytes).expect("encrypts");
        bytes
    }

    fn filled(buffer: &mut SegmentBuffer, ciphertext: &[u8]) {
        buffer.reserve(ciphertext.len()).expect("fits");
        buffer.bytes_mut().copy_from_slice(ciphertext);
    }

    #[test]
    fn a_segment_decrypts_in_place() {
        let mut buffer = SegmentBuffer::default();
        filled(&mut buffer, &encrypted(b"clear media"));
        let len = buffer.decrypt(key(), &[3; 16]).expect("decrypts");
        assert_eq!(&buffer.bytes_mut()[..len], b"clear media");
    }

    #[test]
    fn a_smaller_segment_reuses_the_room_of_a_larger_one() {
        let mut buffer = SegmentBuffer::default();
        let first = buffer.reserve(4096).expect("fits");
        let second = buffer.reserve(64).expect("fits");
        assert_eq!(first, second);
        assert!(buffer.bytes.capacity() >= 4096);
    }

    #[test]
    fn a_damaged_segment_leaves_nothing_behind() {
        let mut buffer = SegmentBuffer::default();
        filled(&mut buffer, &[1; 15]);
        let refusal = buffer.decrypt(key(), &[3; 16]).expect_err("15 bytes are no ciphertext");
        assert_eq!(refusal, PlayerError::SEGMENT_DAMAGED);
        assert!(buffer.bytes_mut().is_empty());
    }

    #[test]
    fn wiping_overwrites_what_was_written() {
        let mut buffer = SegmentBuffer::default();
        filled(&mut buffer, &encrypted(&[0xAB; 64]));
        let len = buffer.bytes.len();
        buffer.wipe();
        buffer.bytes.resize(len, 0);
        assert!(buffer.bytes.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn lengths_no_segment_has_are_refused() {
        let mut buffer = SegmentBuffer::default();
        assert_eq!(buffer.reserve(0), Err(PlayerError::SEGMENT_DAMAGED));
        assert_eq!(buffer.reserve(CIPHERTEXT_LEN_MAX + 1), Err(PlayerError::SEGMENT_DAMAGED));
    }
}
