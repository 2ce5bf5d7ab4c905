//! One playback session: builds the exact request bodies of docs/PROTOCOL.md, opens the grants that answer them, and hands out
//! segment keys one at a time. Knows nothing of JavaScript.

use keyveil_protocol::api::{KeysRequest, PlayRequest};
use keyveil_protocol::{
    ErrorCode, Exchange, FileId, Mode, Period, PeriodKeyEntry, PeriodSegments, ProtocolError, Rendition, SegmentKey,
    SegmentKeyEntry, SegmentRef, SessionId, SessionMacKey, StatedLevel, TrackClass,
};

use crate::answers::{PlayAnswer, Title, keys_answer, play_answer};
use crate::key_window::KeyWindow;
use crate::masked::{Masked, Masks};
use crate::sdk_build::SdkBuild;

/// Why the session refuses; a stable code and nothing that could help an attacker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct PlayerError(pub(crate) ErrorCode);

impl PlayerError {
    pub(crate) const SERVER_KEY_UNKNOWN: Self = Self(ErrorCode::ServerKeyUnknown);
    pub(crate) const ENVELOPE_REJECTED: Self = Self(ErrorCode::EnvelopeRejected);
    pub(crate) const SEGMENT_DAMAGED: Self = Self(ErrorCode::SegmentDamaged);
    pub(crate) const KEY_NOT_GRANTED: Self = Self(ErrorCode::KeyNotGranted);
    pub(crate) const SESSION_INVALID: Self = Self(ErrorCode::SessionInvalid);
    pub(crate) const INTERNAL: Self = Self(ErrorCode::Internal);

    /// The code as a text. Named are those that this module has reasons for: the table of all codes would be a fiftieth of it.
    pub(crate) const fn text(self) -> &'static str {
        macro_rules! text_of {
            ($($code:ident),+) => {
                match self.0 {
                    $(ErrorCode::$code => const { ErrorCode::$code.as_str() },)+
                    _ => const { ErrorCode::Internal.as_str() },
                }
            };
        }
        text_of!(
            MalformedRequest,
            PublicKeyInvalid,
            SessionInvalid,
            KeyTagMalformed,
            BuildMissing,
            ServerKeyUnknown,
            EnvelopeRejected,
            KeyNotGranted,
            SegmentDamaged
        )
    }
}

impl From<ProtocolError> for PlayerError {
    fn from(refusal: ProtocolError) -> Self {
        Self(refusal.code())
    }
}

/// A `/v1/keys` request as it must be sent.
pub(crate) struct KeysCall {
    pub(crate) body: String,
    /// The value of the `Keyveil-Mac` header.
    pub(crate) mac: String,
}

/// A request that was built and not yet answered. The grant can only be opened with what this seed derives to, and with this body.
struct PendingExchange {
    seed: Masked,
    body: String,
}

impl PendingExchange {
    /// A seed, and the public key for the body.
    fn begin() -> Result<(Masked, String), PlayerError> {
        let mut seed = Masked::generate()?;
        let public_key = seed.reveal(|seed| Exchange::from_seed(seed).public_key().to_string())?;
        Ok((seed, public_key))
    }

    fn exchange(&mut self) -> Result<Exchange, PlayerError> {
        self.seed.reveal(Exchange::from_seed)
    }
}

/// What a play grant left behind.
struct Opened {
    session_id: SessionId,
    mac_key: Masked,
    counter: u64,
    file_id: FileId,
    places: Places,
}

/// Where segments stand: a segment key's entry says neither its period nor its class.
struct Places {
    period_segments: PeriodSegments,
    classes: Vec<(Rendition, TrackClass)>,
}

pub(crate) struct Session {
    build: SdkBuild,
    pending: Option<PendingExchange>,
    opened: Option<Opened>,
    /// Of the first session: the page has its playlists, so a later session has to be of the same one.
    version: Option<u32>,
    keys: KeyWindow,
}

impl Session {
    pub(crate) fn new(build: SdkBuild) -> Self {
        Self { build, pending: None, opened: None, version: None, keys: KeyWindow::default() }
    }

    /// The body of `POST /v1/play`. Replaces any request that was not answered.
    ///
    /// # Errors
    /// `malformed_request` for a file id that is none, `internal` when the browser gives no random numbers.
    pub(crate) fn play_request(
        &mut self,
        psign: &str,
        file_id: Option<&str>,
        position_ms: u64,
        stated: StatedLevel,
    ) -> Result<String, PlayerError> {
        let (seed, public_key) = PendingExchange::begin()?;
        let body = to_json(&PlayRequest {
            psign: psign.to_owned(),
            file_id: file_id.map(str::parse).transpose()?,
            public_key,
            build_id: self.build.id().to_string(),
            position_ms,
            version: self.version,
            stated,
        })?;
        self.pending = Some(PendingExchange { seed, body: body.clone() });
        Ok(body)
    }

    /// Takes the answer to the pending play request. Any earlier session ends here, whatever the answer is worth.
    ///
    /// # Errors
    /// `envelope_rejected`, `server_key_unknown`.
    pub(crate) fn accept_play(&mut self, response: &str) -> Result<(), PlayerError> {
        let mut pending = self.pending.take().ok_or(PlayerError::SESSION_INVALID)?;
        self.close();
        let PlayAnswer { title, grant } = play_answer(response)?;
        let Some(envelope) = grant else {
            // A private title without a grant can't be played; no other has one.
            return if title.mode == Mode::Private { Err(PlayerError::ENVELOPE_REJECTED) } else { Ok(()) };
        };
        // The envelope does not cover what is said beside it: a private title's keys must not be taken under looser rules.
        if title.mode != Mode::Private {
            return Err(PlayerError::ENVELOPE_REJECTED);
        }
        let server_key = self.build.server_key(&envelope.server_key_id)?;
        let (mut masks, exchange, psk) = (Masks::for_grant(&envelope)?, pending.exchange()?, self.build.psk());
        let grant = exchange.open_play(pending.body.as_bytes(), &envelope, server_key, &psk)?;
        self.version = Some(title.version);
        self.opened = Some(Opened {
            session_id: grant.session_id,
            mac_key: Masked::new(grant.mac_key.expose_secret(), &mut masks)?,
            counter: 0,
            places: Places::of(&title),
            file_id: title.file_id,
        });
        self.keep(&grant.keys, &grant.segment_keys, &mut masks)
    }

    /// Body and MAC of `POST /v1/keys`, under a counter never used before.
    ///
    /// # Errors
    /// `session_invalid` before a play grant was accepted.
    pub(crate) fn keys_request(
        &mut self,
        period: Period,
        position_ms: u64,
        psign: Option<&str>,
    ) -> Result<KeysCall, PlayerError> {
        let (seed, public_key) = PendingExchange::begin()?;
        let opened = self.opened.as_mut().ok_or(PlayerError::SESSION_INVALID)?;
        opened.counter = opened.counter.checked_add(1).ok_or(PlayerError::SESSION_INVALID)?;
        let body = to_json(&KeysRequest {
            session_id: opened.session_id,
            counter: opened.counter,
            public_key,
            period,
            position_ms,
            psign: psign.map(str::to_owned),
        })?;
        let mac = opened.mac_key.reveal(|key| SessionMacKey::from_bytes(*key).mac(body.as_bytes()))?;
        self.pending = Some(PendingExchange { seed, body: body.clone() });
        Ok(KeysCall { body, mac })
    }

    /// Takes the answer to the pending keys request; the keys of periods not used for long make room.
    ///
    /// # Errors
    /// `envelope_rejected`, `server_key_unknown`; the keys at hand stay.
    pub(crate) fn accept_keys(&mut self, response: &str) -> Result<(), PlayerError> {
        let mut pending = self.pending.take().ok_or(PlayerError::SESSION_INVALID)?;
        let envelope = keys_answer(response)?;
        let server_key = self.build.server_key(&envelope.server_key_id)?;
        let (mut masks, exchange, psk) = (Masks::for_grant(&envelope)?, pending.exchange()?, self.build.psk());
        let grant = exchange.open_keys(pending.body.as_bytes(), &envelope, server_key, &psk)?;
        self.keep(&grant.keys, &grant.segment_keys, &mut masks)
    }

    /// Whether `segment_key` would give a key now. False means: ask for the period first.
    pub(crate) fn holds_period(&self, period: Period) -> bool {
        self.keys.holds_period(period)
    }

    /// The key of one segment, derived for one use.
    ///
    /// # Errors
    /// `key_not_granted` when the segment is another title's, or its class or period is not at hand.
    pub(crate) fn segment_key(&mut self, segment: &SegmentRef) -> Result<SegmentKey, PlayerError> {
        let opened = self.opened.as_ref().ok_or(PlayerError::KEY_NOT_GRANTED)?;
        if opened.file_id != segment.file_id {
            return Err(PlayerError::KEY_NOT_GRANTED);
        }
        self.keys.key(segment)
    }

    /// The track classes the grants cover, lowest first.
    pub(crate) fn track_classes(&self) -> Vec<TrackClass> {
        self.keys.track_classes()
    }

    /// Drops the session and wipes its keys.
    pub(crate) fn close(&mut self) {
        self.opened = None;
        self.keys.clear();
    }

    /// Borrows the lists: a key that is moved out of one stays behind in memory that is freed, and only what is dropped there is wiped.
    fn keep(
        &mut self,
        keys: &[PeriodKeyEntry],
        segment_keys: &[SegmentKeyEntry],
        masks: &mut Masks,
    ) -> Result<(), PlayerError> {
        for entry in keys {
            self.keys.insert(entry, masks)?;
        }
        let Some(opened) = &self.opened else { return Ok(()) };
        for entry in segment_keys {
            // A rendition that the title does not have: nothing can ask for its key.
            let Some(track_class) = opened.places.class_of(entry.rendition) else { continue };
            let period = opened.places.period_segments.period_of(entry.segment);
            self.keys.insert_segment(track_class, period, entry, masks)?;
        }
        Ok(())
    }
}

impl Places {
    fn of(title: &Title) -> Self {
        Self { period_segments: title.period_segments, classes: title.renditions.clone() }
    }

    fn class_of(&self, rendition: Rendition) -> Option<TrackClass> {
        self.classes.iter().find(|(known, _)| *known == rendition).map(|(_, track_class)| *track_class)
    }
}

fn to_json(request: &impl serde::Serialize) -> Result<String, PlayerError> {
    serde_json::to_string(request).map_err(|_| PlayerError::INTERNAL)
}
