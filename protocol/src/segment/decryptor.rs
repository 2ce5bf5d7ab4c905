//! Decryption of a segment while it arrives.

use super::aes_128_cbc::Block;
use super::{BLOCK_LEN, CIPHERTEXT_LEN_MAX, SEALED_CHUNK_LEN, SegmentKey, damaged};
use crate::error::ProtocolError;
use crate::track::Cipher;

/// Where the decryption of one segment stands. It holds nothing secret: the key is handed in anew with every part, so that none is in
/// memory while bytes are awaited.
#[derive(Debug)]
pub struct SegmentDecryptor {
    cipher: Cipher,
    state: State,
    /// Bytes of ciphertext so far.
    taken: usize,
}

#[derive(Debug)]
enum State {
    /// The last block of ciphertext, which the next part is chained to.
    Aes128Cbc { before: Option<Block> },
    /// The number of the next chunk.
    ChaCha20Poly1305 { chunk: usize },
    /// The last part is there, or one was refused.
    Over,
}

impl SegmentDecryptor {
    /// At a segment's beginning.
    #[must_use]
    pub const fn new(cipher: Cipher) -> Self {
        let state = match cipher {
            Cipher::Aes128Cbc => State::Aes128Cbc { before: None },
            Cipher::ChaCha20Poly1305 => State::ChaCha20Poly1305 { chunk: 0 },
        };
        Self { cipher, state, taken: 0 }
    }

    /// Every part but the last is a whole number of these bytes long, and at least one. What is left over waits for more bytes, and
    /// so does the last whole unit until it is known whether any follow: the last part is never empty.
    #[must_use]
    pub const fn unit(&self) -> usize {
        match self.cipher {
            Cipher::Aes128Cbc => BLOCK_LEN,
            Cipher::ChaCha20Poly1305 => SEALED_CHUNK_LEN,
        }
    }

    /// Decrypts the next part in place and returns the length of the clear bytes at the front of the buffer. Of `chacha20-poly1305`
    /// these are authentic, and that nothing is missing behind them is known when the last part has been taken.
    ///
    /// Where the target has WebAssembly's vectors, AES is by a cipher that keeps the key schedule bitsliced and under masks. These grow
    /// out of `mask_seed`, which must be random.
    ///
    /// # Errors
    /// `segment_damaged` when it can't be what was encrypted, is a key of another cipher, or comes after the last part or a
    /// refusal. The buffer then holds nothing useful.
    pub fn push(
        &mut self,
        key: SegmentKey,
        mask_seed: &[u8; BLOCK_LEN],
        buffer: &mut [u8],
        is_last: bool,
    ) -> Result<usize, ProtocolError> {
        // Over unless this part turns out to be right.
        let state = std::mem::replace(&mut self.state, State::Over);
        self.taken = self.taken.saturating_add(buffer.len());
        if self.taken > CIPHERTEXT_LEN_MAX {
            return Err(damaged("segment over 512 MiB"));
        }
        let (clear_len, state) = match (state, key) {
            (State::Aes128Cbc { before }, SegmentKey::Aes128Cbc(key)) => {
                let last_block = buffer.last_chunk().copied();
                let clear_len = key.decrypt_part(before.as_ref(), mask_seed, buffer, is_last)?;
                (clear_len, State::Aes128Cbc { before: last_block })
            }
            (State::ChaCha20Poly1305 { chunk }, SegmentKey::ChaCha20Poly1305(key)) => {
                let (clear_len, chunk) = key.decrypt_part(chunk, buffer, is_last)?;
                (clear_len, State::ChaCha20Poly1305 { chunk })
            }
            (State::Over, _) => return Err(damaged("bytes after a segment's end")),
            _ => return Err(damaged("key of another cipher")),
        };
        if !is_last {
            self.state = state;
        }
        Ok(clear_len)
    }
}
