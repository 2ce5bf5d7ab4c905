use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use zeroize::Zeroizing;

use crate::store::Stretch;

/// What a source is XORed with.
pub(super) struct Keystream {
    key: Zeroizing<[u8; 32]>,
    /// By start; of two that start alike the later holds.
    stretches: Vec<Stretch>,
}

impl Keystream {
    pub(super) fn new(key: Zeroizing<[u8; 32]>, mut stretches: Vec<Stretch>) -> Self {
        stretches.sort_unstable_by_key(|stretch| (stretch.start, stretch.number));
        Self { key, stretches }
    }

    pub(super) fn last(&self) -> Option<Stretch> {
        self.stretches.last().copied()
    }

    /// Goes on in a new stretch, which starts behind all others or replaces those from its start on.
    pub(super) fn begin(&mut self, stretch: Stretch) {
        self.stretches.retain(|before| before.start < stretch.start);
        self.stretches.push(stretch);
    }

    /// Encrypts or decrypts the bytes that lie at `position`. Fails only where no stretch has begun, or behind the 256 GiB
    /// that ChaCha20 can count.
    pub(super) fn apply(&self, mut position: u64, mut bytes: &mut [u8]) -> Result<(), std::io::Error> {
        while !bytes.is_empty() {
            let next = self.stretches.partition_point(|stretch| stretch.start <= position);
            let stretch = next.checked_sub(1).and_then(|at| self.stretches.get(at)).ok_or_else(out_of_range)?;
            let end = self.stretches.get(next).map_or(u64::MAX, |stretch| stretch.start);
            let len = usize::try_from(end - position).map_or(bytes.len(), |left| left.min(bytes.len()));
            let (part, rest) = std::mem::take(&mut bytes).split_at_mut(len);
            let mut cipher = ChaCha20::new((&*self.key).into(), &nonce(stretch.number).into());
            cipher.try_seek(position).map_err(|_| out_of_range())?;
            cipher.try_apply_keystream(part).map_err(|_| out_of_range())?;
            position += len as u64;
            bytes = rest;
        }
        Ok(())
    }
}

/// The key is the source's own, so a count is nonce enough.
fn nonce(number: u32) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[8..].copy_from_slice(&number.to_be_bytes());
    nonce
}

fn out_of_range() -> std::io::Error {
    std::io::Error::other("a source has no keystream at that position")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keystream(stretches: &[(u32, u64)]) -> Keystream {
        let stretches = stretches.iter().map(|&(number, start)| Stretch { number, start });
        Keystream::new(Zeroizing::new([7; 32]), stretches.collect())
    }

    /// RFC 8439, section 2.3.2 (block 1), with this module's nonce in place of the RFC's: the first stretch is plain ChaCha20.
    #[test]
    fn a_stretch_is_chacha20_from_position_0() {
        let mut expected = vec![0; 200];
        ChaCha20::new(&[7; 32].into(), &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1].into()).apply_keystream(&mut expected);
        let mut bytes = vec![0; 200];
        keystream(&[(1, 0)]).apply(0, &mut bytes).unwrap();
        assert_eq!(bytes, expected);
    }

    #[test]
    fn any_range_decrypts_alike_and_no_two_stretches_share_a_byte() {
        let keystream = keystream(&[(1, 0), (2, 100), (5, 100), (6, 163)]);
        let mut whole = vec![0; 500];
        keystream.apply(0, &mut whole).unwrap();
        for (from, to) in [(0, 500), (0, 1), (99, 101), (100, 163), (90, 170), (163, 164), (499, 500)] {
            let mut part = vec![0; to - from];
            keystream.apply(from as u64, &mut part).unwrap();
            assert_eq!(part, whole[from..to], "{from}..{to}");
        }
        let mut in_one = vec![0; 500];
        self::keystream(&[(1, 0)]).apply(0, &mut in_one).unwrap();
        assert_eq!(whole[..100], in_one[..100]);
        assert_ne!(whole[100..163], in_one[100..163]);
        assert_ne!(whole[163..], in_one[163..]);
    }

    #[test]
    fn there_is_no_keystream_before_the_first_stretch_or_behind_the_last_block() {
        assert!(keystream(&[]).apply(0, &mut [0]).is_err());
        assert!(keystream(&[(1, 5)]).apply(0, &mut [0; 9]).is_err());
        let whole = keystream(&[(1, 0)]);
        assert!(whole.apply(super::super::SOURCE_LEN_MAX - 1, &mut [0]).is_ok());
        assert!(whole.apply(1 << 38, &mut [0]).is_err());
    }
}
