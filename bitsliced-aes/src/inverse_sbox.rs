//! The inverse S-box as a circuit of 116 gates (81 XOR, 34 AND, 1 OR), found by a search in the manner of Boyar and Peralta and
//! checked below for all 256 bytes.

use crate::state::Row;

/// `InvSubBytes` of as many bytes as a vector has bits, given the bits of `x ^ 0x63`: round keys carry that constant.
#[inline(always)]
#[expect(clippy::too_many_lines, reason = "one gate a line")]
pub(crate) fn inverse_sbox([u7, u6, u5, u4, u3, u2, u1, u0]: Row) -> Row {
    let t22 = u1 ^ u3;
    let t1 = u3 ^ u4;
    let t2 = u0 ^ u1;
    let r24 = u0 ^ u5;
    let y5 = u2 ^ r24;
    let t9 = u7 ^ t1;
    let m7 = t22 & t9;
    let t3 = u6 ^ t9;
    let t25 = u2 ^ t1;
    let t20 = t3 ^ t22;
    let t19 = t1 ^ t20;
    let t23 = u0 ^ u3;
    let t17 = u2 ^ t19;
    let m4 = t19 & y5;
    let t15 = t19 ^ r24;
    let t16 = t9 ^ t17;
    let t8 = u0 ^ t22;
    let m6 = t3 & t16;
    let t24 = u3 ^ t9;
    let t10 = t9 ^ t8;
    let m9 = t20 & t17;
    let m8 = t3 | t16;
    let m18 = m8 ^ m7;
    let m10 = m9 ^ m6;
    let t4 = t1 ^ t2;
    let m2 = t23 & t8;
    let t13 = t3 ^ t4;
    let t27 = t10 ^ t15;
    let t6 = t16 ^ t27;
    let m1 = t13 & t6;
    let m12 = t4 & t27;
    let m5 = m4 ^ m1;
    let m17 = m5 ^ t24;
    let t14 = t1 ^ t15;
    let m3 = t14 ^ m1;
    let m14 = t2 & t10;
    let m16 = m3 ^ m2;
    let m11 = t1 & t15;
    let m13 = m12 ^ m11;
    let m22 = m18 ^ m13;
    let m15 = m14 ^ m11;
    let m20 = m16 ^ m13;
    let m19 = m10 ^ m15;
    let m21 = m17 ^ m15;
    let m23 = m19 ^ t25;
    let m27 = m20 ^ m21;
    let m25 = m22 & m20;
    let m24 = m22 ^ m23;
    let m31 = m20 & m23;
    let m28 = m23 ^ m25;
    let m32 = m27 & m31;
    let m29 = m28 & m27;
    let m33 = m27 ^ m25;
    let m38 = m32 ^ m33;
    let m26 = m21 ^ m25;
    let m30 = m26 & m24;
    let m36 = m24 ^ m25;
    let m34 = m21 & m22;
    let m35 = m24 & m34;
    let m40 = m35 ^ m36;
    let m37 = m21 ^ m29;
    let m39 = m23 ^ m30;
    let m41 = m38 ^ m40;
    let m42 = m37 ^ m39;
    let m61 = m42 & t1;
    let m45 = m42 ^ m41;
    let m44 = m39 ^ m40;
    let m52 = m42 & t15;
    let q18 = m52 ^ m61;
    let m46 = m44 & t6;
    let m53 = m45 & t27;
    let m50 = m38 & t9;
    let m63 = m41 & t2;
    let m55 = m44 & t13;
    let m62 = m45 & t4;
    let m54 = m41 & t10;
    let m43 = m37 ^ m38;
    let q31 = m55 ^ m63;
    let m59 = m38 & t22;
    let m58 = m43 & t3;
    let q38 = m61 ^ q31;
    let q19 = m59 ^ q18;
    let q20 = m58 ^ m62;
    let q21 = q19 ^ q20;
    let q33 = m53 ^ m54;
    let q22 = m54 ^ q21;
    let m49 = m43 & t16;
    let q36 = q20 ^ q31;
    let m56 = m40 & t23;
    let q23 = m49 ^ q22;
    let q25 = m50 ^ q23;
    let q28 = m46 ^ q22;
    let m48 = m39 & y5;
    let m51 = m37 & t17;
    let q42 = m56 ^ m62;
    let s6 = q25 ^ q33;
    let s0 = m51 ^ q23;
    let q45 = m63 ^ q42;
    let q26 = m48 ^ q25;
    let m57 = m39 & t19;
    let m47 = m40 & t8;
    let m60 = m37 & t20;
    let s7 = m57 ^ q38;
    let s3 = m48 ^ q28;
    let q40 = m57 ^ m59;
    let q27 = m56 ^ q26;
    let q30 = m47 ^ m60;
    let q35 = s0 ^ s3;
    let q47 = s6 ^ q35;
    let q32 = q27 ^ q30;
    let s2 = q32 ^ q40;
    let q43 = m47 ^ q35;
    let q46 = m57 ^ q45;
    let s5 = q26 ^ q43;
    let s1 = q32 ^ q36;
    let s4 = q46 ^ q47;
    [s7, s6, s5, s4, s3, s2, s1, s0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::Vector;

    #[test]
    fn all_bytes_are_substituted_as_defined() {
        for byte in 0..=255u8 {
            let bits = [0, 1, 2, 3, 4, 5, 6, 7].map(|at| Vector::splat(u32::from((byte ^ 0x63) >> at & 1)));
            let found =
                inverse_sbox(bits).iter().enumerate().fold(0, |sum, (at, bit)| sum | (bit.halves().0 & 1) << at);
            assert_eq!(found, u64::from(inverse_of(byte)), "of {byte:#04x}");
        }
    }

    /// FIPS 197, 5.3.2, by its definition: the affine map undone, then the inverse in GF(2^8).
    fn inverse_of(byte: u8) -> u8 {
        let linear = byte.rotate_left(1) ^ byte.rotate_left(3) ^ byte.rotate_left(6) ^ 0x05;
        (0..=255).find(|candidate| product(linear, *candidate) == 1).unwrap_or(0)
    }

    fn product(mut a: u8, b: u8) -> u8 {
        let mut sum = 0;
        for bit in 0..8 {
            if b >> bit & 1 == 1 {
                sum ^= a;
            }
            a = a << 1 ^ if a >> 7 == 1 { 0x1b } else { 0 };
        }
        sum
    }
}
