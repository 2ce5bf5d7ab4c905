//! `chacha20-poly1305`: chunks of 64 KiB, each sealed by ChaCha20-Poly1305 (RFC 8439) under a nonce that is its number and whether it
//! is the last one: the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015), as age has it.

use simd_chacha::{ChaCha20Poly1305, NONCE_LEN};

use super::{CIPHERTEXT_LEN_MAX, damaged};
use crate::error::ProtocolError;
use crate::secret::secret;

/// Clear bytes of every chunk but the last, which has 1 … so many, or none in a segment that is empty.
pub const CHUNK_LEN: usize = 64 << 10;
/// Bytes of a chunk's tag, which follows it.
pub const TAG_LEN: usize = simd_chacha::TAG_LEN;
/// What a chunk becomes that is not the last.
pub const SEALED_CHUNK_LEN: usize = CHUNK_LEN + TAG_LEN;

secret! {
    /// Key of exactly one segment of one rendition; so its chunks are counted from 0.
    ChaCha20Poly1305Key[32]
}

impl ChaCha20Poly1305Key {
    /// As [`super::SegmentKey::encrypt`]; the buffer grows by a tag of 16 bytes for each chunk.
    ///
    /// # Errors
    /// As there.
    pub fn encrypt(self, buffer: &mut Vec<u8>) -> Result<(), ProtocolError> {
        let clear_len = buffer.len();
        let chunks = clear_len.div_ceil(CHUNK_LEN).max(1);
        let sealed_len = clear_len + chunks * TAG_LEN;
        if sealed_len > CIPHERTEXT_LEN_MAX {
            return Err(damaged("segment over 512 MiB"));
        }
        buffer.resize(sealed_len, 0);
        let cipher = self.cipher();
        // From the end: each chunk moves to where the one behind it has made room.
        for chunk in (0..chunks).rev() {
            let clear = chunk * CHUNK_LEN..clear_len.min((chunk + 1) * CHUNK_LEN);
            let (start, len) = (chunk * SEALED_CHUNK_LEN, clear.len());
            buffer.copy_within(clear, start);
            let nonce = nonce(chunk, chunk + 1 == chunks);
            let (body, tag) = part(buffer, start, len)?;
            *tag = cipher.seal(&nonce, b"", body).map_err(|_| damaged("chunk too long"))?;
        }
        Ok(())
    }

    /// As [`super::SegmentKey::decrypt`]. Where a tag does not fit, all of the buffer is overwritten.
    ///
    /// # Errors
    /// As there: it was altered, cut, extended or reordered, or is another segment.
    pub fn decrypt(self, buffer: &mut [u8]) -> Result<usize, ProtocolError> {
        self.decrypt_part(0, buffer, true).map(|(clear_len, _)| clear_len)
    }

    /// Decrypts chunks from number `first` on, of which the last is the segment's last one where `is_last`. Returns the clear length
    /// and the number of the chunk that follows.
    pub(super) fn decrypt_part(
        &self,
        first: usize,
        buffer: &mut [u8],
        is_last: bool,
    ) -> Result<(usize, usize), ProtocolError> {
        let opened = self.open_chunks(first, buffer, is_last);
        if opened.is_err() {
            // Chunks before the one that does not fit were opened already, and are of no use without it.
            buffer.fill(0);
        }
        opened
    }

    fn open_chunks(&self, first: usize, buffer: &mut [u8], is_last: bool) -> Result<(usize, usize), ProtocolError> {
        check_len(first, buffer.len(), is_last)?;
        let cipher = self.cipher();
        let end = first + buffer.len().div_ceil(SEALED_CHUNK_LEN);
        let mut clear_len = 0;
        for chunk in first..end {
            let start = (chunk - first) * SEALED_CHUNK_LEN;
            let len = (buffer.len() - start).min(SEALED_CHUNK_LEN) - TAG_LEN;
            let (body, tag) = part(buffer, start, len)?;
            let nonce = nonce(chunk, is_last && chunk + 1 == end);
            // Verifies before it decrypts.
            cipher.open(&nonce, b"", body, tag).map_err(|_| damaged("authentication"))?;
            buffer.copy_within(start..start + len, clear_len);
            clear_len += len;
        }
        Ok((clear_len, end))
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::with_key(self.expose_secret())
    }
}

/// What a part of a segment may be long: whole chunks, and at the segment's end one that is shorter but empty in no segment but an
/// empty one.
fn check_len(first: usize, len: usize, is_last: bool) -> Result<(), ProtocolError> {
    let rest = len % SEALED_CHUNK_LEN;
    let fits = match (is_last, rest) {
        (_, 0) => len > 0,
        (true, TAG_LEN) => first == 0 && len == TAG_LEN,
        (is_last, rest) => is_last && rest > TAG_LEN,
    };
    if fits && len <= CIPHERTEXT_LEN_MAX { Ok(()) } else { Err(damaged("ciphertext length")) }
}

/// `len` bytes from `start` on, and the tag behind them.
fn part(buffer: &mut [u8], start: usize, len: usize) -> Result<(&mut [u8], &mut [u8; TAG_LEN]), ProtocolError> {
    let sealed = buffer.get_mut(start..start + len + TAG_LEN);
    sealed.and_then(<[u8]>::split_last_chunk_mut).ok_or(damaged("ciphertext length"))
}

/// The chunk's number in 11 bytes, big-endian, and 1 for the last chunk or 0.
fn nonce(chunk: usize, is_last: bool) -> [u8; NONCE_LEN] {
    // A segment has at most 8192 chunks.
    let [a, b, c, d, e, f, g, h] = (chunk as u64).to_be_bytes();
    [0, 0, 0, a, b, c, d, e, f, g, h, u8::from(is_last)]
}
