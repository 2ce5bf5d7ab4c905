use std::collections::BTreeSet;

use keyveil_protocol::api::{MediaInfo, TitleInfo};
use keyveil_protocol::{AppId, ErrorCode, FileId, Period, TitleSecret};

use crate::installation::Installation;
use crate::kms::{KmsContext, decrypt_32};
use crate::origin::MediaFolder;
use crate::refusal::Refusal;
use crate::store::{StoreError, Title, TitleState, TitleVersion};

/// A version of a title that can be played.
pub(super) struct PublishedTitle {
    secret_ciphertext: Option<Vec<u8>>,
    /// The WebVTT file of sprites, relative to its folder.
    pub(super) sprites: Option<String>,
    pub(super) info: TitleInfo,
}

impl PublishedTitle {
    /// `title_not_found` for what is unknown, another app's, or not published: not told apart. `title_changed` when the
    /// `version` asked for is gone; the current one when none is asked for.
    pub(super) async fn load(
        installation: &Installation,
        app_id: AppId,
        file_id: &FileId,
        version: Option<u32>,
    ) -> Result<Self, Refusal> {
        let store = installation.store();
        let title = store.recent_title(file_id).await?;
        let title = title
            .filter(|title| title.app_id == app_id && title.state == TitleState::Published)
            .ok_or_else(|| Refusal::new(ErrorCode::TitleNotFound, "no such published title in this app"))?;
        let current = title.version.ok_or(StoreError::Corrupt("current version"))?;
        let row = store.recent_version(file_id, version.unwrap_or(current)).await?;
        let row = row
            .filter(|row| row.publication.is_some())
            .ok_or_else(|| Refusal::new(ErrorCode::TitleChanged, "this version is gone"))?;
        Self::from_rows(&title, &row)
    }

    pub(super) fn from_rows(title: &Title, version: &TitleVersion) -> Result<Self, Refusal> {
        let publication = version.publication.as_deref().ok_or(StoreError::Corrupt("publication"))?;
        let media: MediaInfo = serde_json::from_str(publication).map_err(|_| StoreError::Corrupt("publication"))?;
        let info = TitleInfo {
            app_id: title.app_id,
            file_id: title.file_id.clone(),
            name: title.name.clone(),
            mode: title.mode,
            version: version.version,
            media,
        };
        Ok(Self { secret_ciphertext: version.secret_ciphertext.clone(), sprites: version.sprites.clone(), info })
    }

    /// Where its media are.
    pub(super) fn folder(&self) -> MediaFolder {
        MediaFolder::new(self.info.file_id.clone(), self.info.version)
    }

    /// Numbers of the track classes of its renditions.
    pub(super) fn track_classes(&self) -> BTreeSet<u8> {
        self.info.media.renditions.iter().map(|rendition| rendition.track_class.number()).collect()
    }

    /// Periods of the longest rendition; at least one.
    pub(super) fn period_count(&self) -> u32 {
        let media = &self.info.media;
        media.segment_count.div_ceil(media.period_segments.value()).max(1)
    }

    /// The period that a playback position lies in; the last one for positions behind the end.
    pub(super) fn period_at(&self, position_ms: u64) -> Period {
        let media = &self.info.media;
        let segment = position_ms / u64::from(media.segment_ms.max(1));
        let period = segment / u64::from(media.period_segments.value());
        let last = self.period_count() - 1;
        Period(u32::try_from(period).map_or(last, |period| period.min(last)))
    }

    pub(super) async fn secret(&self, installation: &Installation) -> Result<TitleSecret, Refusal> {
        let ciphertext = self.secret_ciphertext.as_ref().ok_or(StoreError::Corrupt("title secret"))?;
        let context = KmsContext::Title { app_id: self.info.app_id, file_id: &self.info.file_id };
        Ok(TitleSecret::from_bytes(*decrypt_32(installation.kms(), ciphertext, &context).await?))
    }
}
