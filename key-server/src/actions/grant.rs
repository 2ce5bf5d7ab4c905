//! Which keys a session receives, and with what they are sealed.

use keyveil_protocol::{
    BuildId, Cipher, ErrorCode, GRANT_KEYS_MAX, Period, PeriodKeyEntry, Psk, PskSecret, Rendition, Segment,
    SegmentKeyEntry, ServerKey, TitleSecret, TrackClass,
};
use serde_json::{Value, json};

use super::limits;
use super::published_title::PublishedTitle;
use crate::installation::Installation;
use crate::kms::{KmsContext, decrypt_32};
use crate::refusal::Refusal;
use crate::state::open_server_key;

/// Periods in one grant: the one asked for and the next.
const WINDOW_PERIODS: u32 = 2;

/// The keys to release: every track class that the title has and the session may have, over the window.
pub(super) struct Window {
    classes: Vec<TrackClass>,
    periods: Vec<Period>,
    last_part: Option<LastPart>,
}

/// The part of a period before a preview's end: its segments, and no key of the period.
struct LastPart {
    cipher: Cipher,
    period: Period,
    segments: Vec<(Rendition, TrackClass, Segment)>,
}

/// What an SDK build and this server share.
pub(super) struct BuildSecrets {
    pub(super) server_key: ServerKey,
    pub(super) psk: Psk,
}

impl Window {
    /// `period_out_of_range` for a first period that the title does not have, `preview_ended` for one behind a preview's end.
    pub(super) fn new(
        title: &PublishedTitle,
        max_track: TrackClass,
        preview_segments: Option<u32>,
        first: Period,
    ) -> Result<Self, Refusal> {
        let count = title.period_count();
        if first.0 >= count {
            return Err(Refusal::new(ErrorCode::PeriodOutOfRange, "the title has no such period"));
        }
        let per_period = title.info.media.period_segments;
        limits::check_period(preview_segments, per_period, first)?;
        let classes = title.track_classes().into_iter().filter(|number| *number <= max_track.number());
        let whole = preview_segments.map_or(count, |end| end / per_period.value());
        let end = first.0.saturating_add(WINDOW_PERIODS).min(count);
        let last_part = preview_segments
            .filter(|preview_end| (first.0..end).contains(&whole) && preview_end % per_period.value() > 0)
            .zip(title.info.media.cipher)
            .map(|(preview_end, cipher)| LastPart::new(title, (max_track, cipher), Period(whole), preview_end));
        Ok(Self {
            classes: classes.filter_map(TrackClass::from_number).collect(),
            periods: (first.0..end.min(whole)).map(Period).collect(),
            last_part,
        })
    }

    pub(super) fn keys(&self, title_secret: &TitleSecret) -> Vec<PeriodKeyEntry> {
        let mut keys = Vec::with_capacity(self.periods.len() * self.classes.len());
        for &period in &self.periods {
            for &track_class in &self.classes {
                keys.push(PeriodKeyEntry { track_class, period, key: title_secret.period_key(track_class, period) });
            }
        }
        keys
    }

    pub(super) fn segment_keys(&self, title_secret: &TitleSecret) -> Vec<SegmentKeyEntry> {
        let Some(part) = &self.last_part else { return Vec::new() };
        let mut keys = Vec::with_capacity(part.segments.len());
        for &(rendition, track_class, segment) in &part.segments {
            let key = title_secret.period_key(track_class, part.period).segment_key(part.cipher, rendition, segment);
            keys.push(SegmentKeyEntry { rendition, segment, key });
        }
        keys
    }

    /// Every period of which any key is released.
    pub(super) fn periods(&self) -> Vec<u32> {
        let part = self.last_part.as_ref().map(|part| part.period);
        self.periods.iter().copied().chain(part).map(|period| period.0).collect()
    }

    /// For the audit log.
    pub(super) fn detail(&self) -> Value {
        let mut detail = json!({
            "trackClasses": self.classes.iter().map(|class| class.name()).collect::<Vec<_>>(),
            "periods": self.periods(),
        });
        if let Some(part) = &self.last_part {
            detail["segmentKeys"] = json!(part.segments.len());
        }
        detail
    }
}

impl LastPart {
    /// Those nearest the end are left out where they are more than a grant takes.
    fn new(
        title: &PublishedTitle,
        (max_track, cipher): (TrackClass, Cipher),
        period: Period,
        preview_end: u32,
    ) -> Self {
        let media = &title.info.media;
        let allowed = media.renditions.iter().filter(|rendition| rendition.track_class <= max_track);
        let allowed: Vec<_> = allowed.collect();
        let first = period.0.saturating_mul(media.period_segments.value());
        let of_segment = |segment: u32| {
            let has_it = allowed.iter().filter(move |rendition| segment < rendition.segment_count);
            has_it.map(move |rendition| (rendition.rendition, rendition.track_class, Segment(segment)))
        };
        Self { cipher, period, segments: (first..preview_end).flat_map(of_segment).take(GRANT_KEYS_MAX).collect() }
    }
}

impl BuildSecrets {
    /// `build_unknown` for what is unknown, retired, or pins no server key that is still in use.
    pub(super) async fn load(installation: &Installation, build_id: &str) -> Result<(BuildId, Self), Refusal> {
        let unknown = |cause: &'static str| Refusal::new(ErrorCode::BuildUnknown, cause);
        let build_id: BuildId = build_id.parse().map_err(|_| unknown("build id is malformed"))?;
        let store = installation.store();
        let recent = store.recent_build(&build_id).await?.ok_or_else(|| unknown("unknown or retired build"))?;
        let (build, pinned) = &*recent;
        let newest = pinned.first().ok_or_else(|| unknown("the build pins no server key in use"))?;
        let server_key = open_server_key(installation, newest).await?;
        let context = KmsContext::SdkBuild(&build_id);
        let secret = decrypt_32(installation.kms(), &build.secret_ciphertext, &context).await?;
        let psk = Psk::new(build_id.as_str(), PskSecret::from_bytes(*secret));
        Ok((build_id, Self { server_key, psk }))
    }
}
