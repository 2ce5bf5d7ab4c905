//! Vectors in plain Rust, so that the algorithm can be tested where WebAssembly's are not.

use core::array::from_fn;
use core::ops::{BitAnd, BitOr, BitXor};

/// 128 bits: four lanes of 32, one for each column of the AES state.
#[derive(Clone, Copy)]
pub(crate) struct Vector([u32; 4]);

impl Vector {
    #[inline(always)]
    pub(crate) fn from_halves(low: u64, high: u64) -> Self {
        Self::from_wide(u128::from(low) | u128::from(high) << 64)
    }

    #[inline(always)]
    pub(crate) fn halves(self) -> (u64, u64) {
        let [a, b, c, d] = self.0.map(u64::from);
        (a | b << 32, c | d << 32)
    }

    /// Lane `c` of the result is lane `Cc` of this.
    #[inline(always)]
    pub(crate) fn lanes<const C0: usize, const C1: usize, const C2: usize, const C3: usize>(self) -> Self {
        Self([self.0[C0], self.0[C1], self.0[C2], self.0[C3]])
    }

    #[inline(always)]
    pub(crate) fn shl(self, bits: u32) -> Self {
        Self(self.0.map(|lane| lane << bits))
    }

    #[inline(always)]
    pub(crate) fn shr(self, bits: u32) -> Self {
        Self(self.0.map(|lane| lane >> bits))
    }

    /// Lanes that have that bit become all ones, others all zeros.
    #[inline(always)]
    pub(crate) fn spread_bit(self, bit: u32) -> Self {
        Self(self.0.map(|lane| 0u32.wrapping_sub(lane >> bit & 1)))
    }

    /// The bytes of both, alternating: of their lower halves, and of their upper halves.
    #[inline(always)]
    pub(crate) fn zip_bytes(self, other: Self) -> (Self, Self) {
        let both = [self.bytes(), other.bytes()];
        let half = |start: usize| Self::from_wide(u128::from_le_bytes(from_fn(|at| both[at % 2][start + at / 2])));
        (half(0), half(8))
    }

    /// The lanes of both, alternating: of their lower halves, and of their upper halves.
    #[inline(always)]
    pub(crate) fn zip_lanes(self, other: Self) -> (Self, Self) {
        let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (self.0, other.0);
        (Self([a0, b0, a1, b1]), Self([a2, b2, a3, b3]))
    }

    fn bytes(self) -> [u8; 16] {
        let (low, high) = self.halves();
        (u128::from(low) | u128::from(high) << 64).to_le_bytes()
    }

    #[expect(clippy::cast_possible_truncation, reason = "each lane is what the shift leaves below 32 bits")]
    fn from_wide(wide: u128) -> Self {
        Self(from_fn(|lane| (wide >> (32 * lane)) as u32))
    }
}

impl BitXor for Vector {
    type Output = Self;
    #[inline(always)]
    fn bitxor(self, other: Self) -> Self {
        Self(from_fn(|lane| self.0[lane] ^ other.0[lane]))
    }
}

impl BitAnd for Vector {
    type Output = Self;
    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        Self(from_fn(|lane| self.0[lane] & other.0[lane]))
    }
}

impl BitOr for Vector {
    type Output = Self;
    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        Self(from_fn(|lane| self.0[lane] | other.0[lane]))
    }
}
