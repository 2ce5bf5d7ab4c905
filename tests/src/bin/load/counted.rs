//! Work done a given number of times, and nothing else: tests/bench/instructions.mjs counts its instructions.

use std::hint::black_box;

use clap::ValueEnum;
use keyveil_protocol::{Cipher, Period, Rendition, Segment, TitleSecret, TrackClass};

use crate::Failure;
use crate::seal::Grant;

const MIB: usize = 1 << 20;

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Work {
    /// The HPKE seal of a play grant.
    Seal,
    /// That, and all that is derived and opened for it: period keys, MAC key, the server's public key.
    Grant,
    /// A segment of one MiB, key derivation included.
    Aes,
    Chacha,
}

pub(crate) fn repeat(work: Work, times: u32) -> Result<(), Failure> {
    let grant = Grant::new()?;
    for time in 0..times {
        match work {
            Work::Seal => grant.seal()?,
            Work::Grant => Grant::new()?.seal()?,
            Work::Aes => encrypt(Cipher::Aes128Cbc, time)?,
            Work::Chacha => encrypt(Cipher::ChaCha20Poly1305, time)?,
        }
    }
    Ok(())
}

fn encrypt(cipher: Cipher, segment: u32) -> Result<(), Failure> {
    let mut bytes = Vec::with_capacity(MIB + MIB / 64);
    bytes.resize(MIB, 0x5a);
    let key = TitleSecret::from_bytes([3; 32]).period_key(TrackClass::Hd, Period(0));
    key.segment_key(cipher, Rendition(1), Segment(segment)).encrypt(&mut bytes)?;
    black_box(&bytes);
    Ok(())
}
