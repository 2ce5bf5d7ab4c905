//! The vectors that states and round keys are made of.

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub(crate) use portable::Vector;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(crate) use simd128::Vector;

use zeroize::Zeroize;

use crate::Block;

impl Vector {
    /// The same 32 bits in every lane.
    pub(crate) fn splat(lane: u32) -> Self {
        let half = u64::from(lane) << 32 | u64::from(lane);
        Self::from_halves(half, half)
    }

    pub(crate) fn zero() -> Self {
        Self::from_halves(0, 0)
    }

    /// The columns of a block as lanes.
    #[inline(always)]
    pub(crate) fn load(block: &Block) -> Self {
        // By name, for the compiler to see one load of 16 bytes.
        let [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15] = *block;
        Self::from_halves(
            u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7]),
            u64::from_le_bytes([b8, b9, b10, b11, b12, b13, b14, b15]),
        )
    }

    #[inline(always)]
    pub(crate) fn store(self, block: &mut Block) {
        let (low, high) = self.halves();
        *block = (u128::from(low) | u128::from(high) << 64).to_le_bytes();
    }
}

impl Zeroize for Vector {
    fn zeroize(&mut self) {
        *self = Self::zero();
        // As far as the compiler knows, what lies there is read.
        core::hint::black_box(self);
    }
}

/// One loop for all that is to be wiped.
#[inline(never)]
pub(crate) fn wipe(vectors: &mut [Vector]) {
    vectors.iter_mut().for_each(Vector::zeroize);
}
