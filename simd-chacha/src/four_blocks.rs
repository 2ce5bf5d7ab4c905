//! The block function (RFC 8439, section 2.3) of four blocks whose counters follow each other.

use cipher::consts::{U4, U12, U32, U64};
use cipher::{
    Block, BlockSizeUser, Iv, IvSizeUser, Key, KeyIvInit, KeySizeUser, ParBlocks, ParBlocksSizeUser,
    StreamCipherBackend, StreamCipherClosure, StreamCipherCore, StreamCipherCoreWrapper, StreamCipherSeekCore,
};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::vector::Vector;

/// ChaCha20 with a nonce of 96 bits and a counter of 32.
pub type ChaCha20 = StreamCipherCoreWrapper<ChaChaCore>;

/// "expand 32-byte k"
const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];
const BLOCKS: usize = 4;
/// The counter's place among the words of a state.
const COUNTER: usize = 12;
const DOUBLE_ROUNDS: usize = 10;

/// Constants, key, counter and nonce.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct ChaChaCore([u32; 16]);

impl KeySizeUser for ChaChaCore {
    type KeySize = U32;
}
impl IvSizeUser for ChaChaCore {
    type IvSize = U12;
}
impl BlockSizeUser for ChaChaCore {
    type BlockSize = U64;
}
impl ParBlocksSizeUser for ChaChaCore {
    type ParBlocksSize = U4;
}

impl KeyIvInit for ChaChaCore {
    fn new(key: &Key<Self>, nonce: &Iv<Self>) -> Self {
        let mut words = Self([0; 16]);
        words.0[..4].copy_from_slice(&CONSTANTS);
        fill(&mut words.0[4..COUNTER], key);
        fill(&mut words.0[COUNTER + 1..], nonce);
        words
    }
}

fn fill(words: &mut [u32], bytes: &[u8]) {
    let (chunks, _) = bytes.as_chunks();
    words.iter_mut().zip(chunks).for_each(|(word, bytes)| *word = u32::from_le_bytes(*bytes));
}

impl StreamCipherSeekCore for ChaChaCore {
    type Counter = u32;

    fn get_block_pos(&self) -> u32 {
        self.0[COUNTER]
    }

    fn set_block_pos(&mut self, pos: u32) {
        self.0[COUNTER] = pos;
    }
}

impl StreamCipherCore for ChaChaCore {
    fn remaining_blocks(&self) -> Option<usize> {
        usize::try_from(u32::MAX - self.0[COUNTER]).ok()
    }

    fn process_with_backend(&mut self, f: impl StreamCipherClosure<BlockSize = U64>) {
        f.call(self);
    }
}

impl StreamCipherBackend for ChaChaCore {
    #[inline(always)]
    fn gen_ks_block(&mut self, block: &mut Block<Self>) {
        // One block is as long as four; there are few of them: for Poly1305's key, and at the end.
        let mut blocks = ParBlocks::<Self>::default();
        keystream(&self.0, &mut blocks);
        block.copy_from_slice(&blocks[0]);
        blocks.iter_mut().for_each(|block| block.as_mut_slice().zeroize());
        self.0[COUNTER] = self.0[COUNTER].wrapping_add(1);
    }

    #[inline(always)]
    fn gen_par_ks_blocks(&mut self, blocks: &mut ParBlocks<Self>) {
        keystream(&self.0, blocks);
        self.0[COUNTER] = self.0[COUNTER].wrapping_add(BLOCKS as u32);
    }
}

#[inline(always)]
fn keystream(words: &[u32; 16], blocks: &mut ParBlocks<ChaChaCore>) {
    let mut first = words.map(Vector::splat);
    first[COUNTER] = Vector::counted(words[COUNTER]);
    let mut state = first;
    for _ in 0..DOUBLE_ROUNDS {
        for [a, b, c, d] in [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15]] {
            quarter_round(&mut state, a, b, c, d);
        }
        for [a, b, c, d] in [[0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]] {
            quarter_round(&mut state, a, b, c, d);
        }
    }
    for group in 0..4 {
        let of_words = [0, 1, 2, 3].map(|word| state[group * 4 + word].plus(first[group * 4 + word]));
        for (block, words) in blocks.iter_mut().zip(Vector::transposed(of_words)) {
            let (parts, _) = block.as_chunks_mut();
            words.store(&mut parts[group]);
        }
    }
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
