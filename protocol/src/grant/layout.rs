//! The bytes of a grant, written and read.

use zeroize::Zeroizing;

use super::{GRANT_KEYS_MAX, PeriodKeyEntry, SegmentKeyEntry, rejected};
use crate::error::{ErrorCode, ProtocolError};
use crate::keys::PeriodKey;
use crate::segment::SegmentKey;
use crate::track::{Cipher, Period, Rendition, Segment, TrackClass};

const TOO_MANY_KEYS: ProtocolError = ProtocolError::new(ErrorCode::Internal, "more than 256 keys in a grant");

/// Allocated at its final size, so that no half-grown copy of a secret stays behind in freed memory.
pub(super) struct Writer(pub(super) Zeroizing<Vec<u8>>);

impl Writer {
    const ENTRY_LEN: usize = 1 + 4 + PeriodKey::LEN;
    const SEGMENT_ENTRY_LEN: usize = 2 + 4 + 1 + SegmentKey::LEN;

    pub(super) fn new(len: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(len)))
    }

    pub(super) fn with_keys(
        fixed_len: usize,
        keys: &[PeriodKeyEntry],
        segment_keys: &[SegmentKeyEntry],
    ) -> Result<Self, ProtocolError> {
        if keys.len() > GRANT_KEYS_MAX || segment_keys.len() > GRANT_KEYS_MAX {
            return Err(TOO_MANY_KEYS);
        }
        let keys_len = 2 + keys.len() * Self::ENTRY_LEN + 2 + segment_keys.len() * Self::SEGMENT_ENTRY_LEN;
        Ok(Self::new(fixed_len + keys_len))
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn put_count(&mut self, count: usize) -> Result<&mut Self, ProtocolError> {
        let count = u16::try_from(count).map_err(|_| TOO_MANY_KEYS)?;
        Ok(self.put(&count.to_be_bytes()))
    }

    pub(super) fn put_keys(&mut self, keys: &[PeriodKeyEntry]) -> Result<&mut Self, ProtocolError> {
        self.put_count(keys.len())?;
        for entry in keys {
            self.put(&[entry.track_class.number()]).put(&entry.period.0.to_be_bytes()).put(entry.key.expose_secret());
        }
        Ok(self)
    }

    pub(super) fn put_segment_keys(&mut self, keys: &[SegmentKeyEntry]) -> Result<&mut Self, ProtocolError> {
        self.put_count(keys.len())?;
        for entry in keys {
            self.put(&entry.rendition.0.to_be_bytes()).put(&entry.segment.0.to_be_bytes());
            self.put(&[entry.key.cipher().number()]).put(entry.key.expose_secret());
        }
        Ok(self)
    }
}

pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(plaintext: &'a [u8], version: u8) -> Result<Self, ProtocolError> {
        match plaintext.split_first() {
            Some((first, rest)) if *first == version => Ok(Self(rest)),
            _ => Err(rejected("grant version")),
        }
    }

    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], ProtocolError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(rejected("grant too short"))?;
        self.0 = rest;
        Ok(*head)
    }

    /// Copies straight into a secret: what `take` returns would stay on the stack.
    pub(super) fn fill<const N: usize>(&mut self, secret: &mut [u8; N]) -> Result<(), ProtocolError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(rejected("grant too short"))?;
        secret.copy_from_slice(head);
        self.0 = rest;
        Ok(())
    }

    fn take_count(&mut self) -> Result<usize, ProtocolError> {
        let count = usize::from(u16::from_be_bytes(self.take()?));
        if count > GRANT_KEYS_MAX { Err(rejected("too many keys in grant")) } else { Ok(count) }
    }

    pub(super) fn take_keys(&mut self) -> Result<Vec<PeriodKeyEntry>, ProtocolError> {
        let count = self.take_count()?;
        // Not collected: a list that grows leaves the keys it held so far in freed memory.
        let mut keys = Vec::with_capacity(count);
        for _ in 0..count {
            let [number] = self.take()?;
            let track_class = TrackClass::from_number(number).ok_or(rejected("track class in grant"))?;
            let period = Period(u32::from_be_bytes(self.take()?));
            let mut key = PeriodKey::zero();
            self.fill(key.bytes_mut())?;
            keys.push(PeriodKeyEntry { track_class, period, key });
        }
        Ok(keys)
    }

    pub(super) fn take_segment_keys(&mut self) -> Result<Vec<SegmentKeyEntry>, ProtocolError> {
        let count = self.take_count()?;
        let mut keys = Vec::with_capacity(count);
        for _ in 0..count {
            let rendition = Rendition(u16::from_be_bytes(self.take()?));
            let segment = Segment(u32::from_be_bytes(self.take()?));
            let [number] = self.take()?;
            let mut key = SegmentKey::zero(Cipher::from_number(number).ok_or(rejected("cipher in grant"))?);
            self.fill(key.bytes_mut())?;
            keys.push(SegmentKeyEntry { rendition, segment, key });
        }
        Ok(keys)
    }

    pub(super) fn finish<T>(self, value: T) -> Result<T, ProtocolError> {
        if self.0.is_empty() { Ok(value) } else { Err(rejected("bytes after the grant")) }
    }
}
