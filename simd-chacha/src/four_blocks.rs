//! ChaCha20 (RFC 8439, sections 2.3 and 2.4), four blocks at a time whose counters follow each other.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::vector::Vector;
use crate::{KEY_LEN, NONCE_LEN};

/// "expand 32-byte k"
const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];
/// The counter's place among the words of a state.
const COUNTER: usize = 12;
const DOUBLE_ROUNDS: usize = 10;
const BLOCK_LEN: usize = 64;
const BLOCKS: usize = 4;
/// What is done at a time.
const CHUNK_LEN: usize = BLOCKS * BLOCK_LEN;

/// Constants, key, counter and nonce.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct ChaCha20([u32; 16]);

impl ChaCha20 {
    /// At block 0.
    pub(crate) fn new(key: &[u8; KEY_LEN], nonce: &[u8; NONCE_LEN]) -> Self {
        let mut words = Self([0; 16]);
        words.0[..4].copy_from_slice(&CONSTANTS);
        fill(&mut words.0[4..COUNTER], key);
        fill(&mut words.0[COUNTER + 1..], nonce);
        words
    }

    /// What block 0 begins with (section 2.6). Then comes block 1.
    pub(crate) fn one_time_key(&mut self) -> Zeroizing<[u8; KEY_LEN]> {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        self.apply(&mut *key);
        self.0[COUNTER] = 1;
        key
    }

    /// Of the last text: after less than four blocks, what follows is not the next one.
    pub(crate) fn apply(&mut self, text: &mut [u8]) {
        let (chunks, rest) = text.as_chunks_mut();
        self.apply_chunks(chunks);
        if !rest.is_empty() {
            let mut padded = Zeroizing::new([[0; CHUNK_LEN]]);
            padded[0][..rest.len()].copy_from_slice(rest);
            self.apply_chunks(&mut *padded);
            rest.copy_from_slice(&padded[0][..rest.len()]);
        }
    }

    /// Once in the module: it is the longest function here.
    #[inline(never)]
    fn apply_chunks(&mut self, chunks: &mut [[u8; CHUNK_LEN]]) {
        let mut first = self.0.map(Vector::splat);
        first[COUNTER] = Vector::counted(self.0[COUNTER]);
        for chunk in chunks {
            let state = rounds(first);
            let (parts, _) = chunk.as_chunks_mut();
            // Not a loop, which the compiler would keep, and the state in memory for it.
            mix::<0>(&state, &first, parts);
            mix::<1>(&state, &first, parts);
            mix::<2>(&state, &first, parts);
            mix::<3>(&state, &first, parts);
            first[COUNTER] = first[COUNTER].plus(Vector::splat(BLOCKS as u32));
            self.0[COUNTER] = self.0[COUNTER].wrapping_add(BLOCKS as u32);
        }
    }
}

#[inline(always)]
fn rounds(mut state: [Vector; 16]) -> [Vector; 16] {
    for _ in 0..DOUBLE_ROUNDS {
        for [a, b, c, d] in [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15]] {
            quarter_round(&mut state, a, b, c, d);
        }
        for [a, b, c, d] in [[0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]] {
            quarter_round(&mut state, a, b, c, d);
        }
    }
    state
}

/// A quarter of each block.
#[inline(always)]
fn mix<const QUARTER: usize>(state: &[Vector; 16], first: &[Vector; 16], parts: &mut [[u8; 16]]) {
    let of_words = [0, 1, 2, 3].map(|word| state[QUARTER * 4 + word].plus(first[QUARTER * 4 + word]));
    for (block, words) in Vector::transposed(of_words).into_iter().enumerate() {
        words.xor_into(&mut parts[block * 4 + QUARTER]);
    }
}

fn fill(words: &mut [u32], bytes: &[u8]) {
    let (chunks, _) = bytes.as_chunks();
    words.iter_mut().zip(chunks).for_each(|(word, bytes)| *word = u32::from_le_bytes(*bytes));
}

#[inline(always)]
fn quarter_round(state: &mut [Vector; 16], a: usize, b: usize, c: usize, d: usize) {
    state[a] = state[a].plus(state[b]);
    state[d] = state[d].xor(state[a]).rotated::<16>();
    state[c] = state[c].plus(state[d]);
    state[b] = state[b].xor(state[c]).rotated::<12>();
    state[a] = state[a].plus(state[b]);
    state[d] = state[d].xor(state[a]).rotated::<8>();
    state[c] = state[c].plus(state[d]);
    state[b] = state[b].xor(state[c]).rotated::<7>();
}
