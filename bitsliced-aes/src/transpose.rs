//! Into bitsliced form and back: bytes across four blocks, then bits across eight vectors. Both are their own inverses.

use crate::state::Row;
use crate::vector::Vector;

/// What each step of [`transpose_bits`] exchanges. Loaded from memory: engines build constants anew wherever they stand.
pub(crate) struct BitMasks {
    nibbles: Vector,
    pairs: Vector,
    bits: Vector,
}

impl BitMasks {
    pub(crate) fn new() -> Self {
        core::hint::black_box(Self {
            nibbles: Vector::splat(0x0f0f_0f0f),
            pairs: Vector::splat(0x3333_3333),
            bits: Vector::splat(0x5555_5555),
        })
    }
}

/// Byte `r` of lane `c` of vector `j` becomes byte `j` of lane `c` of vector `r`.
#[inline(always)]
pub(crate) fn transpose_bytes([v0, v1, v2, v3]: [Vector; 4]) -> [Vector; 4] {
    let (x0, x2) = v0.zip_bytes(v2);
    let (x1, x3) = v1.zip_bytes(v3);
    let (y0, y1) = x0.zip_bytes(x1);
    let (y2, y3) = x2.zip_bytes(x3);
    let (z0, z2) = y0.zip_lanes(y2);
    let (z1, z3) = y1.zip_lanes(y3);
    let (w0, w1) = z0.zip_lanes(z1);
    let (w2, w3) = z2.zip_lanes(z3);
    [w0, w1, w2, w3]
}

/// Bit `b` of each byte of vector `g` becomes bit `g` of that byte of vector `b`.
#[inline(always)]
pub(crate) fn transpose_bits([v0, v1, v2, v3, v4, v5, v6, v7]: Row, masks: &BitMasks) -> Row {
    let (v0, v4) = swap::<4>(v0, v4, masks.nibbles);
    let (v1, v5) = swap::<4>(v1, v5, masks.nibbles);
    let (v2, v6) = swap::<4>(v2, v6, masks.nibbles);
    let (v3, v7) = swap::<4>(v3, v7, masks.nibbles);
    let (v0, v2) = swap::<2>(v0, v2, masks.pairs);
    let (v1, v3) = swap::<2>(v1, v3, masks.pairs);
    let (v4, v6) = swap::<2>(v4, v6, masks.pairs);
    let (v5, v7) = swap::<2>(v5, v7, masks.pairs);
    let (v0, v1) = swap::<1>(v0, v1, masks.bits);
    let (v2, v3) = swap::<1>(v2, v3, masks.bits);
    let (v4, v5) = swap::<1>(v4, v5, masks.bits);
    let (v6, v7) = swap::<1>(v6, v7, masks.bits);
    [v0, v1, v2, v3, v4, v5, v6, v7]
}

/// Exchanges the bits of `low` that lie `BITS` above `mask` for the bits of `high` within it.
#[inline(always)]
fn swap<const BITS: u32>(low: Vector, high: Vector, mask: Vector) -> (Vector, Vector) {
    let changed = (low.shr(BITS) ^ high) & mask;
    (low ^ changed.shl(BITS), high ^ changed)
}
