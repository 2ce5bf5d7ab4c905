//! Four words of 32 bits, one of each block.

use core::arch::wasm32::{
    i32x4_add, i32x4_shuffle, u32x4, u32x4_shl, u32x4_shr, u32x4_splat, u64x2, u64x2_extract_lane, v128, v128_or,
    v128_xor,
};

#[derive(Clone, Copy)]
pub(crate) struct Vector(v128);

impl Vector {
    #[inline(always)]
    pub(crate) fn splat(word: u32) -> Self {
        Self(u32x4_splat(word))
    }

    /// `first` and the three numbers behind it.
    #[inline(always)]
    pub(crate) fn counted(first: u32) -> Self {
        Self(i32x4_add(u32x4_splat(first), u32x4(0, 1, 2, 3)))
    }

    #[inline(always)]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self(i32x4_add(self.0, other.0))
    }

    #[inline(always)]
    pub(crate) fn xor(self, other: Self) -> Self {
        Self(v128_xor(self.0, other.0))
    }

    /// By shifts, for 8 and 16 bits too: as shuffles of bytes these took the engine more than twice as long.
    #[inline(always)]
    pub(crate) fn rotated<const BITS: u32>(self) -> Self {
        Self(v128_or(u32x4_shl(self.0, BITS), u32x4_shr(self.0, 32 - BITS)))
    }

    /// Four words of four blocks become the same words block by block.
    #[inline(always)]
    pub(crate) fn transposed([a, b, c, d]: [Self; 4]) -> [Self; 4] {
        let (ab_low, ab_high) = (i32x4_shuffle::<0, 4, 1, 5>(a.0, b.0), i32x4_shuffle::<2, 6, 3, 7>(a.0, b.0));
        let (cd_low, cd_high) = (i32x4_shuffle::<0, 4, 1, 5>(c.0, d.0), i32x4_shuffle::<2, 6, 3, 7>(c.0, d.0));
        [
            Self(i32x4_shuffle::<0, 1, 4, 5>(ab_low, cd_low)),
            Self(i32x4_shuffle::<2, 3, 6, 7>(ab_low, cd_low)),
            Self(i32x4_shuffle::<0, 1, 4, 5>(ab_high, cd_high)),
            Self(i32x4_shuffle::<2, 3, 6, 7>(ab_high, cd_high)),
        ]
    }

    #[inline(always)]
    pub(crate) fn xor_into(self, bytes: &mut [u8; 16]) {
        let text = u128::from_le_bytes(*bytes);
        let mixed = v128_xor(self.0, u64x2(text as u64, (text >> 64) as u64));
        let (low, high) = (u64x2_extract_lane::<0>(mixed), u64x2_extract_lane::<1>(mixed));
        *bytes = (u128::from(low) | u128::from(high) << 64).to_le_bytes();
    }
}
