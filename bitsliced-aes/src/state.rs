//! 32 blocks, bitsliced, and the steps of the inverse cipher (FIPS 197, 5.3) on them.
//!
//! A vector holds one bit of one row: lane `c` is column `c`, and bit `k` of a lane belongs to block `k`. So `InvShiftRows`
//! moves lanes, and what `InvMixColumns` takes from other rows is another vector. Each step is a function of its own, small
//! enough for engines to compile well.

use zeroize::Zeroize;

use crate::inverse_sbox::inverse_sbox;
use crate::schedule::RoundKey;
use crate::transpose::{BitMasks, transpose_bits, transpose_bytes};
use crate::vector::{Vector, wipe};
use crate::{BLOCKS, Block};

/// One row of the AES state: its bits, bit 0 first.
pub(crate) type Row = [Vector; 8];

/// The rows of the AES state of 32 blocks.
pub(crate) struct State([Row; 4]);

impl State {
    pub(crate) fn blank() -> Self {
        Self([[Vector::zero(); 8]; 4])
    }

    /// Takes blocks, sorted into rows and not yet bitsliced.
    #[inline(never)]
    pub(crate) fn load(&mut self, blocks: &[Block; BLOCKS]) {
        let [row0, row1, row2, row3] = &mut self.0;
        let (groups, _) = blocks.as_chunks::<4>();
        for (at, group) in groups.iter().enumerate().take(8) {
            [row0[at], row1[at], row2[at], row3[at]] = transpose_bytes(group.each_ref().map(Vector::load));
        }
    }

    /// Bitslices what was loaded, and adds the first round key.
    pub(crate) fn slice(&mut self, key: &RoundKey, masks: &BitMasks) {
        for (row, (share, mask)) in self.0.iter_mut().zip(key.rows()) {
            slice_row(row, share, mask, masks);
        }
    }

    /// `InvShiftRows`, `InvSubBytes` and `AddRoundKey` of row `R`.
    pub(crate) fn inverse_sub_row<const R: usize>(&mut self, key: &RoundKey) {
        inverse_sub_row::<R>(&mut self.0[R], &key.share[R], &key.mask[R]);
    }

    /// `InvMixColumns` in 105 XORs: for each column, with `2` for multiplication by x, `s = a0 + a1 + a2 + a3`,
    /// `w = a0 + a2 + 2s` and `h = a0 + a1 + 2w`, it is `c0 = a0 + s + 2h`, `c1 = c0 + h`, `c2 = c0 + w`, `c3 = c1 + w + s`.
    #[inline(never)]
    pub(crate) fn inverse_mix_columns(&mut self) {
        let [row0, row1, row2, row3] = &mut self.0;
        // Multiplication by x moves each bit up by one and adds what falls out, bit 7, to bits 0, 1, 3 and 4: so bit 7 of
        // what is multiplied comes first.
        let sum = |at: usize| (row0[at] ^ row1[at]) ^ (row2[at] ^ row3[at]);
        let sum7 = sum(7);
        let w7 = (row0[7] ^ row2[7]) ^ sum(6);
        let h7 = (row0[7] ^ row1[7]) ^ ((row0[6] ^ row2[6]) ^ sum(5));
        let (mut sum_below, mut w_below, mut h_below) = (sum7, w7, h7);
        for at in 0..8 {
            let (a0, a1, a2, a3) = (row0[at], row1[at], row2[at], row3[at]);
            let reduced = at == 1 || at == 3 || at == 4;
            let times_x = |below: Vector, top: Vector| if reduced { below ^ top } else { below };
            let a01 = a0 ^ a1;
            let sum = a01 ^ (a2 ^ a3);
            let w = (a0 ^ a2) ^ times_x(sum_below, sum7);
            let h = a01 ^ times_x(w_below, w7);
            let c0 = (a0 ^ sum) ^ times_x(h_below, h7);
            let c1 = c0 ^ h;
            row0[at] = c0;
            row1[at] = c1;
            row2[at] = c0 ^ w;
            row3[at] = (c1 ^ w) ^ sum;
            (sum_below, w_below, h_below) = (sum, w, h);
        }
    }

    /// Out of bitsliced form, but still sorted into rows.
    pub(crate) fn unslice(&mut self, masks: &BitMasks) {
        for row in &mut self.0 {
            unslice_row(row, masks);
        }
    }

    /// Writes the blocks back, each XORed with the block of ciphertext before it. `blocks` still holds the ciphertext, so the
    /// last come first.
    #[inline(never)]
    pub(crate) fn store_chained(&self, before: &Block, blocks: &mut [Block; BLOCKS]) {
        let [row0, row1, row2, row3] = &self.0;
        for at in (0..8).rev() {
            let (earlier, group) = blocks.split_at_mut(4 * at);
            let before = Vector::load(earlier.last().unwrap_or(before));
            let Some(group) = group.first_chunk_mut::<4>() else { unreachable!("32 blocks are eight groups") };
            let [c0, c1, c2] = [0, 1, 2].map(|place: usize| Vector::load(&group[place]));
            let [b0, b1, b2, b3] = transpose_bytes([row0[at], row1[at], row2[at], row3[at]]);
            (b0 ^ before).store(&mut group[0]);
            (b1 ^ c0).store(&mut group[1]);
            (b2 ^ c1).store(&mut group[2]);
            (b3 ^ c2).store(&mut group[3]);
        }
    }
}

impl Zeroize for State {
    fn zeroize(&mut self) {
        wipe(self.0.as_flattened_mut());
    }
}

#[inline(never)]
fn inverse_sub_row<const R: usize>(row: &mut Row, share: &Row, mask: &Vector) {
    let bits = row.map(|bit| match R {
        0 => bit,
        1 => bit.lanes::<3, 0, 1, 2>(),
        2 => bit.lanes::<2, 3, 0, 1>(),
        _ => bit.lanes::<1, 2, 3, 0>(),
    });
    let bits = inverse_sbox(bits);
    for at in 0..8 {
        row[at] = bits[at] ^ share[at] ^ *mask;
    }
}

#[inline(never)]
fn slice_row(row: &mut Row, share: &Row, mask: &Vector, masks: &BitMasks) {
    let bits = transpose_bits(*row, masks);
    for at in 0..8 {
        row[at] = bits[at] ^ share[at] ^ *mask;
    }
}

#[inline(never)]
fn unslice_row(row: &mut Row, masks: &BitMasks) {
    *row = transpose_bits(*row, masks);
}
