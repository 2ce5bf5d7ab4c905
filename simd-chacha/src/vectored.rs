//! The AEAD's construction (RFC 8439, section 2.8) over both ciphers.

use core::slice;

use poly1305::universal_hash::{KeyInit, UniversalHash};
use poly1305::{Block, Poly1305};
use subtle::ConstantTimeEq;

use crate::four_blocks::ChaCha20;
use crate::{KEY_LEN, NONCE_LEN, Refused, TAG_LEN};

/// No text here can be too long: addresses have 32 bits.
pub(crate) fn seal(
    key: &[u8; KEY_LEN],
    nonce: &[u8; NONCE_LEN],
    associated: &[u8],
    text: &mut [u8],
) -> Result<[u8; TAG_LEN], Refused> {
    let mut cipher = ChaCha20::new(key, nonce);
    let mac = authenticator(&mut cipher);
    cipher.apply(text);
    Ok(tag_of(mac, associated, text))
}

pub(crate) fn open(
    key: &[u8; KEY_LEN],
    nonce: &[u8; NONCE_LEN],
    associated: &[u8],
    text: &mut [u8],
    tag: &[u8; TAG_LEN],
) -> Result<(), Refused> {
    let mut cipher = ChaCha20::new(key, nonce);
    let expected = tag_of(authenticator(&mut cipher), associated, text);
    if expected.ct_eq(tag).into() {
        cipher.apply(text);
        Ok(())
    } else {
        Err(Refused)
    }
}

/// Under the one-time key that the first block begins with (section 2.6).
fn authenticator(cipher: &mut ChaCha20) -> Poly1305 {
    Poly1305::new((&*cipher.one_time_key()).into())
}

fn tag_of(mut mac: Poly1305, associated: &[u8], text: &[u8]) -> [u8; TAG_LEN] {
    absorb_padded(&mut mac, associated);
    absorb_padded(&mut mac, text);
    let mut lengths = Block::default();
    lengths[..8].copy_from_slice(&(associated.len() as u64).to_le_bytes());
    lengths[8..].copy_from_slice(&(text.len() as u64).to_le_bytes());
    absorb(&mut mac, slice::from_ref(&lengths));
    mac.finalize().into()
}

fn absorb_padded(mac: &mut Poly1305, bytes: &[u8]) {
    let (blocks, rest) = Block::slice_as_chunks(bytes);
    absorb(mac, blocks);
    if !rest.is_empty() {
        let mut last = Block::default();
        last[..rest.len()].copy_from_slice(rest);
        absorb(mac, slice::from_ref(&last));
    }
}

/// The only place that has a loop over blocks: so it is compiled once, with all that it does inlined and its sums in registers.
#[inline(never)]
fn absorb(mac: &mut Poly1305, blocks: &[Block]) {
    mac.update(blocks);
}
