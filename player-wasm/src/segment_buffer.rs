//! The one buffer that all segments pass through, piece by piece. It is as long as a piece for good, so memory stays flat however long
//! segments are, and it is wiped after each piece.

use std::hint::black_box;

use keyveil_protocol::{SEALED_CHUNK_LEN, SegmentDecryptor, SegmentKey};

use crate::session::PlayerError;

/// The longest piece of any cipher: 65 KiB of blocks, more than one sealed chunk. Longer ones would be hardly faster to decrypt, and the last
/// one is what a player waits for when a segment's last byte is there.
pub(crate) const PIECE_LEN_MAX: usize = 65 << 10;
const _: () = assert!(PIECE_LEN_MAX >= SEALED_CHUNK_LEN);

/// Ciphertext goes in, clear bytes come out of the same place.
pub(crate) struct SegmentBuffer {
    bytes: Box<[u8]>,
}

impl SegmentBuffer {
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; PIECE_LEN_MAX].into_boxed_slice() }
    }

    /// Where the caller writes a piece, of `PIECE_LEN_MAX` bytes at most.
    pub(crate) fn room(&self) -> *const u8 {
        self.bytes.as_ptr()
    }

    /// Decrypts the first `len` bytes of the buffer, and returns the length of the clear bytes at its front. On failure it is wiped.
    /// `mask_seed`: random, for the key's schedule; fetched before the key was in clear (see `Masks`).
    ///
    /// # Errors
    /// `segment_damaged`.
    pub(crate) fn decrypt(
        &mut self,
        decryptor: &mut SegmentDecryptor,
        key: SegmentKey,
        mask_seed: &[u8; 16],
        len: usize,
        is_last: bool,
    ) -> Result<usize, PlayerError> {
        let piece = self.bytes.get_mut(..len).ok_or(PlayerError::SEGMENT_DAMAGED)?;
        let clear_len = decryptor.push(key, mask_seed, piece, is_last);
        if clear_len.is_err() {
            self.wipe();
        }
        Ok(clear_len?)
    }

    /// What stands here is media: one fill that can't be left out is enough, and much faster than byte after byte.
    pub(crate) fn wipe(&mut self) {
        self.bytes.fill(0);
        black_box(&mut self.bytes);
    }

    #[cfg(test)]
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for SegmentBuffer {
    fn drop(&mut self) {
        self.wipe();
    }
}

#[cfg(test)]
mod tests {
    use keyveil_protocol::Cipher;

    use super::*;

    fn key(cipher: Cipher) -> SegmentKey {
        SegmentKey::from_bytes(cipher, [9; 32])
    }

    fn decrypt(buffer: &mut SegmentBuffer, cipher: Cipher, ciphertext: &[u8]) -> Result<usize, PlayerError> {
        buffer.bytes_mut()[..ciphertext.len()].copy_from_slice(ciphertext);
        buffer.decrypt(&mut SegmentDecryptor::new(cipher), key(cipher), &[3; 16], ciphertext.len(), true)
    }

    fn is_blank(buffer: &mut SegmentBuffer) -> bool {
        buffer.bytes_mut().iter().all(|byte| *byte == 0)
    }

    #[test]
    fn a_piece_decrypts_in_place_and_a_wipe_leaves_nothing_of_it() {
        let mut buffer = SegmentBuffer::new();
        for cipher in Cipher::ALL {
            let mut ciphertext = b"clear media".to_vec();
            key(cipher).encrypt(&mut ciphertext).expect("encrypts");
            let len = decrypt(&mut buffer, cipher, &ciphertext).expect("decrypts");
            assert_eq!(&buffer.bytes_mut()[..len], b"clear media");
            buffer.wipe();
            assert!(is_blank(&mut buffer));
        }
    }

    #[test]
    fn a_damaged_piece_leaves_nothing_behind() {
        for cipher in Cipher::ALL {
            let mut buffer = SegmentBuffer::new();
            assert_eq!(decrypt(&mut buffer, cipher, &[1; 15]), Err(PlayerError::SEGMENT_DAMAGED));
            assert!(is_blank(&mut buffer));
        }
    }

    #[test]
    fn a_piece_longer_than_the_buffer_is_refused() {
        let (mut buffer, cipher) = (SegmentBuffer::new(), Cipher::Aes128Cbc);
        let mut decryptor = SegmentDecryptor::new(cipher);
        let refusal = buffer.decrypt(&mut decryptor, key(cipher), &[3; 16], PIECE_LEN_MAX + 1, false);
        assert_eq!(refusal, Err(PlayerError::SEGMENT_DAMAGED));
    }

    #[test]
    fn its_place_and_length_never_change() {
        let mut buffer = SegmentBuffer::new();
        let room = buffer.room();
        buffer.wipe();
        assert_eq!(buffer.room(), room);
        assert_eq!(buffer.bytes_mut().len(), PIECE_LEN_MAX);
    }
}
