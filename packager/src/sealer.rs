//! Turns a finished clear segment into what is written.

use keyveil_protocol::{
    Cipher, FileId, KeyTag, Mode, PeriodSegments, Rendition, Segment, SegmentKey, StandardKeyTag, TitleSecret,
    TrackClass,
};

use crate::{
    error::PackError,
    plan::{Choices, PlannedRendition},
};

/// Encrypts the segments of one title, or passes those of a clear title on.
#[derive(Debug, Clone)]
pub(crate) struct Sealer {
    file_id: FileId,
    /// None for clear titles.
    encryption: Option<Encryption>,
}

/// Which segments of a title are encrypted, how, and under what.
#[derive(Debug, Clone)]
pub(crate) struct Encryption {
    pub scheme: Scheme,
    pub period_segments: PeriodSegments,
    /// So many segments at the beginning of every rendition stay clear.
    pub clear_lead_segments: u32,
    pub title_secret: TitleSecret,
}

/// What a segment is encrypted with, and how a playlist says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Private(Cipher),
    /// AES-128-CBC, which is all that standard players know.
    Standard,
}

impl Scheme {
    /// None for clear titles.
    pub(crate) const fn of(mode: Mode, private_cipher: Cipher) -> Option<Self> {
        match mode {
            Mode::Private => Some(Self::Private(private_cipher)),
            Mode::Standard => Some(Self::Standard),
            Mode::Clear => None,
        }
    }

    const fn cipher(self) -> Cipher {
        match self {
            Self::Private(cipher) => cipher,
            Self::Standard => Cipher::Aes128Cbc,
        }
    }
}

impl Encryption {
    /// Title secret → period key → segment key; none in the clear lead.
    pub(crate) fn key(&self, class: TrackClass, rendition: Rendition, segment: Segment) -> Option<SegmentKey> {
        if segment.0 < self.clear_lead_segments {
            return None;
        }
        let period_key = self.title_secret.period_key(class, self.period_segments.period_of(segment));
        Some(match self.scheme {
            Scheme::Private(cipher) => period_key.segment_key(cipher, rendition, segment),
            Scheme::Standard => SegmentKey::Aes128Cbc(period_key.standard_segment_key(rendition, segment)),
        })
    }

    /// The key tag that stands before `segment`, if one does: in private playlists at the first encrypted segment and at
    /// each new period; in standard ones always, because each segment has its own IV.
    pub(crate) fn key_tag(
        &self,
        file_id: &FileId,
        class: TrackClass,
        rendition: Rendition,
        segment: Segment,
    ) -> Option<String> {
        if segment.0 < self.clear_lead_segments {
            return None;
        }
        let period = self.period_segments.period_of(segment);
        match self.scheme {
            Scheme::Standard => {
                let key = self.title_secret.period_key(class, period).standard_segment_key(rendition, segment);
                let (_, iv) = key.halves();
                Some(StandardKeyTag { track_class: class, period, iv: *iv }.to_string())
            }
            Scheme::Private(cipher) => {
                let starts_period = segment.0.is_multiple_of(self.period_segments.value());
                let tag =
                    || KeyTag { file_id: file_id.clone(), period, cipher, track_class: class, rendition }.to_string();
                (starts_period || segment.0 == self.clear_lead_segments).then(tag)
            }
        }
    }
}

impl Sealer {
    /// Without a secret the title stays clear.
    pub(crate) fn new(file_id: FileId, choices: &Choices, title_secret: Option<TitleSecret>) -> Self {
        let encryption =
            title_secret.zip(Scheme::of(choices.mode, choices.cipher)).map(|(title_secret, scheme)| Encryption {
                scheme,
                period_segments: choices.period_segments,
                clear_lead_segments: choices.clear_lead_segments(),
                title_secret,
            });
        Self { file_id, encryption }
    }

    /// Encrypts `body` in place.
    pub(crate) fn seal(
        &self,
        planned: &PlannedRendition,
        segment: Segment,
        body: &mut Vec<u8>,
    ) -> Result<(), PackError> {
        let key = self.encryption.as_ref().and_then(|own| own.key(planned.track_class, planned.rendition, segment));
        let Some(key) = key else { return Ok(()) };
        key.encrypt(body).map_err(|error| PackError::Internal(error.to_string()))
    }

    /// The line that stands before `segment`, if one does.
    pub(crate) fn key_tag(&self, planned: &PlannedRendition, segment: Segment) -> Option<String> {
        self.encryption.as_ref()?.key_tag(&self.file_id, planned.track_class, planned.rendition, segment)
    }

    /// The cipher of the segments.
    pub(crate) fn cipher(&self) -> Option<Cipher> {
        self.encryption.as_ref().map(|own| own.scheme.cipher())
    }
}
