//! Turns a finished clear segment into what is written.

use keyveil_protocol::{Cipher, FileId, KeyTag, PeriodSegments, Segment, TitleSecret};

use crate::{error::PackError, plan::PlannedRendition};

/// Encrypts the segments of one title, or passes those of a clear title on.
#[derive(Debug, Clone)]
pub(crate) struct Sealer {
    file_id: FileId,
    period_segments: PeriodSegments,
    /// None for clear titles.
    title_secret: Option<TitleSecret>,
}

impl Sealer {
    pub(crate) fn new(file_id: FileId, period_segments: PeriodSegments, title_secret: Option<TitleSecret>) -> Self {
        Self { file_id, period_segments, title_secret }
    }

    /// Encrypts `body` in place: title secret → period key → segment key and IV.
    pub(crate) fn seal(
        &self,
        rendition: &PlannedRendition,
        segment: Segment,
        body: &mut Vec<u8>,
    ) -> Result<(), PackError> {
        let Some(title_secret) = &self.title_secret else { return Ok(()) };
        let period = self.period_segments.period_of(segment);
        let key = title_secret.period_key(rendition.track_class, period).segment_key(rendition.rendition, segment);
        key.encrypt(body).map_err(|error| PackError::Internal(error.to_string()))
    }

    /// The tag that stands before `segment`: at the first segment of each period of a private title.
    pub(crate) fn key_tag(&self, rendition: &PlannedRendition, segment: Segment) -> Option<KeyTag> {
        self.title_secret.as_ref()?;
        let starts_period = segment.0.is_multiple_of(self.period_segments.value());
        starts_period.then(|| KeyTag {
            file_id: self.file_id.clone(),
            period: self.period_segments.period_of(segment),
            cipher: Cipher::Aes128Cbc,
            track_class: rendition.track_class,
            rendition: rendition.rendition,
        })
    }

    /// The cipher of the segments.
    pub(crate) fn cipher(&self) -> Option<Cipher> {
        self.title_secret.as_ref().map(|_| Cipher::Aes128Cbc)
    }
}
