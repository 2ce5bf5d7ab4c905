//! Vectors as WebAssembly has them.

use core::arch::wasm32::{
    i8x16_shuffle, i32x4_shr, i32x4_shuffle, u32x4_shl, u32x4_shr, u64x2, u64x2_extract_lane, v128, v128_and, v128_or,
    v128_xor,
};
use core::ops::{BitAnd, BitOr, BitXor};

/// 128 bits: four lanes of 32, one for each column of the AES state.
#[derive(Clone, Copy)]
pub(crate) struct Vector(v128);

impl Vector {
    #[inline(always)]
    pub(crate) fn from_halves(low: u64, high: u64) -> Self {
        Self(u64x2(low, high))
    }

    #[inline(always)]
    pub(crate) fn halves(self) -> (u64, u64) {
        (u64x2_extract_lane::<0>(self.0), u64x2_extract_lane::<1>(self.0))
    }

    /// Lane `c` of the result is lane `Cc` of this.
    #[inline(always)]
    pub(crate) fn lanes<const C0: usize, const C1: usize, const C2: usize, const C3: usize>(self) -> Self {
        Self(i32x4_shuffle::<C0, C1, C2, C3>(self.0, self.0))
    }

    #[inline(always)]
    pub(crate) fn shl(self, bits: u32) -> Self {
        Self(u32x4_shl(self.0, bits))
    }

    #[inline(always)]
    pub(crate) fn shr(self, bits: u32) -> Self {
        Self(u32x4_shr(self.0, bits))
    }

    /// Lanes that have that bit become all ones, others all zeros.
    #[inline(always)]
    pub(crate) fn spread_bit(self, bit: u32) -> Self {
        Self(i32x4_shr(u32x4_shl(self.0, 31 - bit), 31))
    }

    /// The bytes of both, alternating: of their lower halves, and of their upper halves.
    #[inline(always)]
    pub(crate) fn zip_bytes(self, other: Self) -> (Self, Self) {
        (
            Self(i8x16_shuffle::<0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23>(self.0, other.0)),
            Self(i8x16_shuffle::<8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31>(self.0, other.0)),
        )
    }

    /// The lanes of both, alternating: of their lower halves, and of their upper halves.
    #[inline(always)]
    pub(crate) fn zip_lanes(self, other: Self) -> (Self, Self) {
        (Self(i32x4_shuffle::<0, 4, 1, 5>(self.0, other.0)), Self(i32x4_shuffle::<2, 6, 3, 7>(self.0, other.0)))
    }
}

impl BitXor for Vector {
    type Output = Self;
    #[inline(always)]
    fn bitxor(self, other: Self) -> Self {
        Self(v128_xor(self.0, other.0))
    }
}

impl BitAnd for Vector {
    type Output = Self;
    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        Self(v128_and(self.0, other.0))
    }
}

impl BitOr for Vector {
    type Output = Self;
    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        Self(v128_or(self.0, other.0))
    }
}
