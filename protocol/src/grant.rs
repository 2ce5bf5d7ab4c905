//! What envelopes carry (docs/PROTOCOL.md, "Grant envelope", plaintexts): fixed layouts, no trailing bytes.

mod layout;

use rand_core::CryptoRng;

use self::layout::{Reader, Writer};
use crate::envelope::{Envelope, Exchange, Label, Psk, Sealing, ServerPublicKey};
use crate::error::{ErrorCode, ProtocolError};
use crate::ids::SessionId;
use crate::keys::{PeriodKey, TitleSecret};
use crate::mac::SessionMacKey;
use crate::segment::SegmentKey;
use crate::track::{Period, Rendition, Segment, TrackClass};

/// Of a player's grants: period keys, and segment keys where the last part of a preview is shorter than a period.
const VERSION: u8 = 3;
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
    /// The key, and which cipher it is of.
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
