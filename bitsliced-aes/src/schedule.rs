//! The key schedule (FIPS 197, 5.2), expanded in bitsliced form and kept in two shares.

use zeroize::Zeroize;

use crate::Block;
use crate::inverse_sbox::inverse_sbox;
use crate::state::Row;
use crate::vector::{Vector, wipe};

pub(crate) const ROUNDS: usize = 10;
/// `Rcon` of rounds 1 … 10.
const ROUND_CONSTANTS: [u8; ROUNDS] = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1b, 0x36];
/// What the S-box adds last, and so its inverse first.
const SBOX_CONSTANT: u8 = 0x63;

/// One round key: each of its bits fills a lane, and is `share ^ mask`. A row has one mask of 128 random bits.
pub(crate) struct RoundKey {
    pub(crate) share: [Row; 4],
    pub(crate) mask: [Vector; 4],
}

/// All round keys. Those of rounds 1 … 10 carry the constant of the inverse S-box that comes after them: `InvMixColumns` leaves
/// a column of equal bytes as it is.
pub(crate) struct Schedule(pub(crate) [RoundKey; ROUNDS + 1]);

impl Schedule {
    /// To be expanded in place, as each move would leave a copy behind.
    pub(crate) fn blank() -> Self {
        let blank = |_| RoundKey { share: [[Vector::zero(); 8]; 4], mask: [Vector::zero(); 4] };
        Self([(); ROUNDS + 1].map(blank))
    }

    pub(crate) fn expand(&mut self, key: &Block, mask_seed: &Block) {
        let [first, others @ ..] = &mut self.0;
        let mut masks = Masks::new(mask_seed);
        let mut bits = spread(key);
        first.set(&bits, 0, &mut masks);
        for (round_key, constant) in others.iter_mut().zip(ROUND_CONSTANTS) {
            advance(&mut bits, constant);
            round_key.set(&bits, SBOX_CONSTANT, &mut masks);
        }
        wipe(bits.as_flattened_mut());
        masks.0.zeroize();
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        for key in &mut self.0 {
            wipe(key.share.as_flattened_mut());
            wipe(&mut key.mask);
        }
    }
}

impl RoundKey {
    /// Share and mask of each row.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&Row, &Vector)> {
        self.share.iter().zip(&self.mask)
    }

    #[inline(never)]
    fn set(&mut self, bits: &[Row; 4], constant: u8, masks: &mut Masks) {
        for (row, bits) in bits.iter().enumerate() {
            let mask = masks.next();
            self.mask[row] = mask;
            for (at, bit) in bits.iter().enumerate() {
                self.share[row][at] = *bit ^ constant_bit(constant, at) ^ mask;
            }
        }
    }
}

/// Four generators by George Marsaglia ("Xorshift RNGs", 2003) side by side. What they yield has to differ from key to key; it
/// need not withstand analysis, as both shares lie in the same memory.
struct Masks(Vector);

impl Masks {
    fn new(seed: &Block) -> Self {
        // A generator at zero would stay there.
        Self(Vector::load(seed) | Vector::splat(1))
    }

    fn next(&mut self) -> Vector {
        let x = self.0;
        let x = x ^ x.shl(13);
        let x = x ^ x.shr(17);
        self.0 = x ^ x.shl(5);
        self.0
    }
}

/// The key, each of its bits filling a lane.
#[inline(never)]
fn spread(key: &Block) -> [Row; 4] {
    let columns = Vector::load(key);
    [0, 8, 16, 24].map(|row| [0, 1, 2, 3, 4, 5, 6, 7].map(|bit| columns.spread_bit(row + bit)))
}

/// Makes the next round key of one.
#[inline(never)]
fn advance(key: &mut [Row; 4], round_constant: u8) {
    // SubWord(RotWord(last column)): lane `r` is what row `r` gets.
    let mut word = [0, 1, 2, 3, 4, 5, 6, 7].map(|bit: usize| {
        let last = |row: usize| key[row][bit].halves().1 >> 32;
        Vector::from_halves(last(1) | last(2) << 32, last(3) | last(0) << 32)
    });
    word = sub_bytes(word);
    for (bit, lanes) in word.iter_mut().enumerate() {
        let added = *lanes ^ constant_bit(SBOX_CONSTANT, bit);
        let added = [
            added.lanes::<0, 0, 0, 0>() ^ constant_bit(round_constant, bit),
            added.lanes::<1, 1, 1, 1>(),
            added.lanes::<2, 2, 2, 2>(),
            added.lanes::<3, 3, 3, 3>(),
        ];
        for (row, added) in key.iter_mut().zip(added) {
            row[bit] = running_xor(row[bit]) ^ added;
        }
        lanes.zeroize();
    }
}

/// The S-box without its constant. It is inversion before an affine map, and its inverse is inversion after the inverse map: so
/// it is the circuit of the inverse between two of its own maps.
fn sub_bytes(bits: Row) -> Row {
    affine(inverse_sbox(affine(bits)))
}

/// FIPS 197, 5.1.1, equation 5.2, without the constant.
fn affine(bits: Row) -> Row {
    [0, 1, 2, 3, 4, 5, 6, 7]
        .map(|at: usize| bits[at] ^ bits[(at + 4) % 8] ^ bits[(at + 5) % 8] ^ bits[(at + 6) % 8] ^ bits[(at + 7) % 8])
}

/// Each lane plus all before it.
fn running_xor(lanes: Vector) -> Vector {
    let (low, high) = lanes.halves();
    let (low, high) = (low ^ low << 32, high ^ high << 32);
    let carried = low >> 32;
    Vector::from_halves(low, high ^ (carried | carried << 32))
}

/// A bit of the same byte for every place.
fn constant_bit(constant: u8, bit: usize) -> Vector {
    Vector::splat(if constant >> bit & 1 == 1 { u32::MAX } else { 0 })
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
