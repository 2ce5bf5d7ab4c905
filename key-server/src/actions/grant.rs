//! Which keys a session receives, and with what they are sealed.

use keyveil_protocol::{
    BuildId, ErrorCode, Period, PeriodKeyEntry, Psk, PskSecret, ServerKey, TitleSecret, TrackClass,
};
use serde_json::{Value, json};

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
}

/// What an SDK build and this server share.
pub(super) struct BuildSecrets {
    pub(super) server_key: ServerKey,
    pub(super) psk: Psk,
}

impl Window {
    /// `period_out_of_range` for a first period that the title does not have.
    pub(super) fn new(title: &PublishedTitle, max_track: TrackClass, first: Period) -> Result<Self, Refusal> {
        let count = title.period_count();
        if first.0 >= count {
            return Err(Refusal::new(ErrorCode::PeriodOutOfRange, "the title has no such period"));
        }
        let classes = title.track_classes().into_iter().filter(|number| *number <= max_track.number());
        let end = first.0.saturating_add(WINDOW_PERIODS).min(count);
        Ok(Self {
            classes: classes.filter_map(TrackClass::from_number).collect(),
            periods: (first.0..end).map(Period).collect(),
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

    /// For the audit log.
    pub(super) fn detail(&self) -> Value {
        json!({
            "trackClasses": self.classes.iter().map(|class| class.name()).collect::<Vec<_>>(),
            "periods": self.periods.iter().map(|period| period.0).collect::<Vec<_>>(),
        })
    }
}

impl BuildSecrets {
    /// `build_unknown` for what is unknown, retired, or pins no server key that is still in use.
    pub(super) async fn load(installation: &Installation, build_id: &str) -> Result<(BuildId, Self), Refusal> {
        let unknown = |cause: &'static str| Refusal::new(ErrorCode::BuildUnknown, cause);
        let build_id: BuildId = build_id.parse().map_err(|_| unknown("build id is malformed"))?;
        let store = installation.store();
        let build = store.active_sdk_build(&build_id).await?.ok_or_else(|| unknown("unknown or retired build"))?;
        let pinned = store.pinned_server_keys(&build_id).await?;
        let newest = pinned.first().ok_or_else(|| unknown("the build pins no server key in use"))?;
        let server_key = open_server_key(installation, newest).await?;
        let context = KmsContext::SdkBuild(&build_id);
        let secret = decrypt_32(installation.kms(), &build.secret_ciphertext, &context).await?;
        let psk = Psk::new(build_id.as_str(), PskSecret::from_bytes(*secret));
        Ok((build_id, Self { server_key, psk }))
    }
}
