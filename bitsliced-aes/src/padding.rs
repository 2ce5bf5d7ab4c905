//! PKCS#7 (RFC 5652, 6.3), checked without a branch that depends on what was decrypted.

use core::fmt;

use subtle::{Choice, ConstantTimeEq, ConstantTimeLess};

use crate::Block;

/// No ciphertext of this cipher under this key. It says no more on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidCiphertext;

impl fmt::Display for InvalidCiphertext {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("invalid ciphertext")
    }
}

impl core::error::Error for InvalidCiphertext {}

/// How many bytes are left without the padding. Always reads the whole last block.
pub(crate) fn clear_len(blocks: &[Block]) -> Result<usize, InvalidCiphertext> {
    let Some(last) = blocks.last() else { return Err(InvalidCiphertext) };
    let len = last[15];
    let mut valid = !len.ct_eq(&0) & len.ct_lt(&17);
    for (distance, byte) in (0u8..).zip(last.iter().rev()) {
        let is_padding: Choice = distance.ct_lt(&len);
        valid &= !is_padding | byte.ct_eq(&len);
    }
    if valid.into() { Ok(blocks.len() * 16 - usize::from(len)) } else { Err(InvalidCiphertext) }
}
