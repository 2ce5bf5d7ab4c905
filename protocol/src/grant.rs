//! What envelopes carry (docs/PROTOCOL.md, "Grant envelope", plaintexts): fixed layouts, no trailing bytes.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::envelope::{Envelope, Exchange, Label, Psk, Sealing, ServerPublicKey};
use crate::error::{ErrorCode, ProtocolError};
use crate::ids::SessionId;
use crate::keys::{PeriodKey, TitleSecret};
use crate::mac::SessionMacKey;
use crate::segment::SegmentKey;
use crate::track::{Period, Rendition, Segment, TrackClass};

/// Of a player's grants: period keys, and segment keys where the last part of a preview is shorter than a period.
const VERSION: u8 = 2;
const TITLE_VERSION: u8 = 1;
/// The most period keys in one grant, and the most segment keys.
pub const GRANT_KEYS_MAX: usize = 256;

const fn rejected(cause: &'static str) -> ProtocolError {
    ProtocolError::new(ErrorCode::EnvelopeRejected, cause)
}

/// One period key and what it opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeriodKeyEntry {
    /// The track class it opens.
    pub track_class: TrackClass,
    /// The period it opens.
    pub period: Period,
    /// The key.
    pub key: PeriodKey,
}

/// The key of one segment of one rendition, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentKeyEntry {
    /// The rendition.
    pub rendition: Rendition,
    /// The segment.
    pub segment: Segment,
    /// Key and IV.
    pub key: SegmentKey,
}

/// Answers `POST /v1/play`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlayGrant {
    /// The session that was opened.
    pub session_id: SessionId,
    /// Authenticates the session's further requests.
    pub mac_key: SessionMacKey,
    /// When the session ends, in seconds since 1970.
    pub expires_at: u64,
    /// The first window of keys, at most 256.
    pub keys: Vec<PeriodKeyEntry>,
    /// Keys of the segments before a preview's end that make no whole period, at most 256.
    pub segment_keys: Vec<SegmentKeyEntry>,
}

/// Answers `POST /v1/keys`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysGrant {
    /// When the session ends, in seconds since 1970.
    pub expires_at: u64,
    /// Keys, at most 256.
    pub keys: Vec<PeriodKeyEntry>,
    /// As in a play grant.
    pub segment_keys: Vec<SegmentKeyEntry>,
}

impl PlayGrant {
    /// # Errors
    /// `public_key_invalid` for a recipient key of small order.
    pub fn seal(&self, sealing: &Sealing<'_>, rng: &mut impl CryptoRng) -> Result<Envelope, ProtocolError> {
        let mut plaintext = Writer::with_keys(1 + 16 + 32 + 8, &self.keys, &self.segment_keys)?;
        plaintext.put(&[VERSION]).put(self.session_id.as_bytes()).put(self.mac_key.expose_secret());
        plaintext.put(&self.expires_at.to_be_bytes()).put_keys(&self.keys)?.put_segment_keys(&self.segment_keys)?;
        sealing.seal(Label::Play, plaintext.0, rng)
    }
}

impl KeysGrant {
    /// # Errors
    /// `public_key_invalid` for a recipient key of small order.
    pub fn seal(&self, sealing: &Sealing<'_>, rng: &mut impl CryptoRng) -> Result<Envelope, ProtocolError> {
        let mut plaintext = Writer::with_keys(1 + 8, &self.keys, &self.segment_keys)?;
        plaintext.put(&[VERSION]).put(&self.expires_at.to_be_bytes());
        plaintext.put_keys(&self.keys)?.put_segment_keys(&self.segment_keys)?;
        sealing.seal(Label::Keys, plaintext.0, rng)
    }
}

/// Answers `PUT /v1/titles/{fileId}`.
///
/// # Errors
/// `public_key_invalid` for a recipient key of small order.
pub fn seal_title(
    title_secret: &TitleSecret,
    sealing: &Sealing<'_>,
    rng: &mut impl CryptoRng,
) -> Result<Envelope, ProtocolError> {
    let mut plaintext = Writer::new(1 + 32);
    plaintext.put(&[TITLE_VERSION]).put(title_secret.expose_secret());
    sealing.seal(Label::Title, plaintext.0, rng)
}

impl Exchange {
    /// # Errors
    /// `server_key_unknown`, `envelope_rejected`.
    pub fn open_play(
        self,
        request_body: &[u8],
        envelope: &Envelope,
        server_key: &ServerPublicKey,
        psk: &Psk,
    ) -> Result<PlayGrant, ProtocolError> {
        let plaintext = self.open(Label::Play, request_body, envelope, server_key, psk)?;
        let mut reader = Reader::new(&plaintext, VERSION)?;
        let session_id = SessionId::from_bytes(reader.take()?);
        let mut mac_key = SessionMacKey::zero();
        reader.fill(mac_key.bytes_mut())?;
        let grant = PlayGrant {
            session_id,
            mac_key,
            expires_at: u64::from_be_bytes(reader.take()?),
            keys: reader.take_keys()?,
            segment_keys: reader.take_segment_keys()?,
        };
        reader.finish(grant)
    }

    /// # Errors
    /// `server_key_unknown`, `envelope_rejected`.
    pub fn open_keys(
        self,
        request_body: &[u8],
        envelope: &Envelope,
        server_key: &ServerPublicKey,
        psk: &Psk,
    ) -> Result<KeysGrant, ProtocolError> {
        let plaintext = self.open(Label::Keys, request_body, envelope, server_key, psk)?;
        let mut reader = Reader::new(&plaintext, VERSION)?;
        let grant = KeysGrant {
            expires_at: u64::from_be_bytes(reader.take()?),
            keys: reader.take_keys()?,
            segment_keys: reader.take_segment_keys()?,
        };
        reader.finish(grant)
    }

    /// # Errors
    /// `server_key_unknown`, `envelope_rejected`.
    pub fn open_title(
        self,
        request_body: &[u8],
        envelope: &Envelope,
        server_key: &ServerPublicKey,
        psk: &Psk,
    ) -> Result<TitleSecret, ProtocolError> {
        self.title_secret(request_body, envelope, server_key, psk)
    }

    /// Opens both envelopes of one answer: the new version's secret and that of the version before.
    ///
    /// # Errors
    /// `server_key_unknown`, `envelope_rejected`.
    pub fn open_title_pair(
        self,
        request_body: &[u8],
        [new, previous]: [&Envelope; 2],
        server_key: &ServerPublicKey,
        psk: &Psk,
    ) -> Result<[TitleSecret; 2], ProtocolError> {
        let open = |envelope| self.title_secret(request_body, envelope, server_key, psk);
        Ok([open(new)?, open(previous)?])
    }

    fn title_secret(
        &self,
        request_body: &[u8],
        envelope: &Envelope,
        server_key: &ServerPublicKey,
        psk: &Psk,
    ) -> Result<TitleSecret, ProtocolError> {
        let plaintext = self.open(Label::Title, request_body, envelope, server_key, psk)?;
        let mut reader = Reader::new(&plaintext, TITLE_VERSION)?;
        let mut title_secret = TitleSecret::zero();
        reader.fill(title_secret.bytes_mut())?;
        reader.finish(title_secret)
    }
}

const TOO_MANY_KEYS: ProtocolError = ProtocolError::new(ErrorCode::Internal, "more than 256 keys in a grant");

/// Allocated at its final size, so that no half-grown copy of a secret stays behind in freed memory.
struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    const ENTRY_LEN: usize = 1 + 4 + PeriodKey::LEN;
    const SEGMENT_ENTRY_LEN: usize = 2 + 4 + SegmentKey::LEN;

    fn new(len: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(len)))
    }

    fn with_keys(
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

    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn put_count(&mut self, count: usize) -> Result<&mut Self, ProtocolError> {
        let count = u16::try_from(count).map_err(|_| TOO_MANY_KEYS)?;
        Ok(self.put(&count.to_be_bytes()))
    }

    fn put_keys(&mut self, keys: &[PeriodKeyEntry]) -> Result<&mut Self, ProtocolError> {
        self.put_count(keys.len())?;
        for entry in keys {
            self.put(&[entry.track_class.number()]).put(&entry.period.0.to_be_bytes()).put(entry.key.expose_secret());
        }
        Ok(self)
    }

    fn put_segment_keys(&mut self, keys: &[SegmentKeyEntry]) -> Result<&mut Self, ProtocolError> {
        self.put_count(keys.len())?;
        for entry in keys {
            self.put(&entry.rendition.0.to_be_bytes()).put(&entry.segment.0.to_be_bytes());
            self.put(entry.key.expose_secret());
        }
        Ok(self)
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn new(plaintext: &'a [u8], version: u8) -> Result<Self, ProtocolError> {
        match plaintext.split_first() {
            Some((first, rest)) if *first == version => Ok(Self(rest)),
            _ => Err(rejected("grant version")),
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], ProtocolError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(rejected("grant too short"))?;
        self.0 = rest;
        Ok(*head)
    }

    /// Copies straight into a secret: what `take` returns would stay on the stack.
    fn fill<const N: usize>(&mut self, secret: &mut [u8; N]) -> Result<(), ProtocolError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(rejected("grant too short"))?;
        secret.copy_from_slice(head);
        self.0 = rest;
        Ok(())
    }

    fn take_count(&mut self) -> Result<usize, ProtocolError> {
        let count = usize::from(u16::from_be_bytes(self.take()?));
        if count > GRANT_KEYS_MAX { Err(rejected("too many keys in grant")) } else { Ok(count) }
    }

    fn take_keys(&mut self) -> Result<Vec<PeriodKeyEntry>, ProtocolError> {
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

    fn take_segment_keys(&mut self) -> Result<Vec<SegmentKeyEntry>, ProtocolError> {
        let count = self.take_count()?;
        let mut keys = Vec::with_capacity(count);
        for _ in 0..count {
            let rendition = Rendition(u16::from_be_bytes(self.take()?));
            let segment = Segment(u32::from_be_bytes(self.take()?));
            let mut key = SegmentKey::zero();
            self.fill(key.bytes_mut())?;
            keys.push(SegmentKeyEntry { rendition, segment, key });
        }
        Ok(keys)
    }

    fn finish<T>(self, value: T) -> Result<T, ProtocolError> {
        if self.0.is_empty() { Ok(value) } else { Err(rejected("bytes after the grant")) }
    }
}
