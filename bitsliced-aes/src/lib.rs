//! AES-128-CBC decryption for WebAssembly with 128-bit vectors: 64 blocks in flight in bitsliced form.
//!
//! Constant time: no table, branch or address depends on key or data. The key schedule exists in bitsliced form only, split into
//! two shares whose masks differ from call to call, so nothing in memory looks like an AES key schedule.
//! Anyone who can read all memory and knows this code can still put the shares together.
//!
//! Where vectors are missing (natively, or without `simd128`) the same algorithm runs on plain integers. That is for tests: use
//! the `aes` crate there, it is faster.
#![no_std]

mod inverse_sbox;
mod padding;
mod schedule;
mod state;
mod transpose;
mod vector;

use zeroize::Zeroize;

pub use padding::InvalidCiphertext;
use schedule::{ROUNDS, RoundKey, Schedule};
use state::State;
use transpose::BitMasks;

/// AES' block.
pub type Block = [u8; 16];
/// Blocks of one [`State`]: one for each bit of a lane.
const BLOCKS: usize = 32;
/// Two states whose steps alternate: they depend on nothing of each other, so the processor overlaps them.
const BLOCKS_AT_ONCE: usize = 2 * BLOCKS;

/// Decrypts in place, and returns how many clear bytes stand at the front of `buffer`; the rest is padding (PKCS#7).
///
/// `mask_seed` must be random.
///
/// # Errors
/// When there is no block, half a block, or wrong padding. The buffer then holds nothing useful.
pub fn decrypt_padded(
    key: &Block,
    iv: &Block,
    mask_seed: &Block,
    buffer: &mut [u8],
) -> Result<usize, InvalidCiphertext> {
    let (blocks, rest) = buffer.as_chunks_mut();
    if !rest.is_empty() {
        return Err(InvalidCiphertext);
    }
    decrypt_blocks(key, iv, mask_seed, blocks);
    padding::clear_len(blocks)
}

/// Decrypts whole blocks in place. `mask_seed` must be random.
pub fn decrypt_blocks(key: &Block, iv: &Block, mask_seed: &Block, blocks: &mut [Block]) {
    let mut schedule = Schedule::blank();
    schedule.expand(key, mask_seed);
    let mut states = [State::blank(), State::blank()];
    let masks = BitMasks::new();
    let mut before = *iv;
    let (chunks, rest) = blocks.as_chunks_mut();
    for chunk in chunks {
        before = decrypt_chunk(&schedule, &mut states, &masks, &before, chunk);
    }
    if !rest.is_empty() {
        let mut padded = [[0; 16]; BLOCKS_AT_ONCE];
        padded[..rest.len()].copy_from_slice(rest);
        decrypt_chunk(&schedule, &mut states, &masks, &before, &mut padded);
        rest.copy_from_slice(&padded[..rest.len()]);
        padded.zeroize();
    }
    // What is left of the last blocks would give the first round key away.
    states.iter_mut().for_each(State::zeroize);
}

/// Returns the last block of the ciphertext, which the next chunk is chained to.
fn decrypt_chunk(
    Schedule(keys): &Schedule,
    [a, b]: &mut [State; 2],
    masks: &BitMasks,
    before: &Block,
    chunk: &mut [Block; BLOCKS_AT_ONCE],
) -> Block {
    let last = chunk[BLOCKS_AT_ONCE - 1];
    let ([first, second], _) = chunk.as_chunks_mut::<BLOCKS>() else { unreachable!("64 blocks are twice 32") };
    a.load(first);
    b.load(second);
    a.slice(&keys[ROUNDS], masks);
    b.slice(&keys[ROUNDS], masks);
    for key in keys[1..ROUNDS].iter().rev() {
        inverse_sub_bytes(a, b, key);
        a.inverse_mix_columns();
        b.inverse_mix_columns();
    }
    inverse_sub_bytes(a, b, &keys[0]);
    a.unslice(masks);
    b.unslice(masks);
    // The later blocks first: they are chained to the ciphertext of the earlier ones.
    b.store_chained(&first[BLOCKS - 1], second);
    a.store_chained(before, first);
    last
}

/// `InvShiftRows`, `InvSubBytes` and `AddRoundKey` of both states.
fn inverse_sub_bytes(a: &mut State, b: &mut State, key: &RoundKey) {
    a.inverse_sub_row::<0>(key);
    b.inverse_sub_row::<0>(key);
    a.inverse_sub_row::<1>(key);
    b.inverse_sub_row::<1>(key);
    a.inverse_sub_row::<2>(key);
    b.inverse_sub_row::<2>(key);
    a.inverse_sub_row::<3>(key);
    b.inverse_sub_row::<3>(key);
}
