//! How often playback may be opened from one place.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use keyveil_protocol::{AppId, ErrorCode};

use crate::rate_counters::{Counting, RateCounters, network};
use crate::refusal::Refusal;

const MINUTE: Duration = Duration::from_secs(60);

/// Counts those who open playback: with a genuine signature by client network and application, so that one application's
/// viewers take nothing from another's; without one by client network alone.
pub(crate) struct PlayLimits {
    by_app: RateCounters,
    unsigned: RateCounters,
}

impl PlayLimits {
    /// A minute's number at once, and then one whenever its share of a minute is over.
    pub(crate) fn new(plays_per_minute: NonZeroU32, counting: &Counting) -> Self {
        let period = MINUTE / plays_per_minute.get();
        let counters = |name| RateCounters::new(name, plays_per_minute, period, counting);
        Self { by_app: counters("plays"), unsigned: counters("plays unsigned") }
    }

    pub(crate) fn counters(&self) -> [&RateCounters; 2] {
        [&self.by_app, &self.unsigned]
    }

    /// Counts a genuine signature.
    pub(super) fn check(&self, address: IpAddr, app_id: AppId) -> Result<(), Refusal> {
        self.by_app.spend(&(network(address), app_id.value())).map_err(|wait_secs| limited(wait_secs).for_app(app_id))
    }

    /// Counts what is no genuine signature. What was wrong with it is told as long as its network is not above its limit.
    pub(super) fn refuse(&self, address: IpAddr, refusal: Refusal) -> Refusal {
        self.unsigned.spend(&network(address)).err().map_or(refusal, limited)
    }
}

fn limited(wait_secs: u64) -> Refusal {
    Refusal::new(ErrorCode::RateLimited, "a network opens playback too often").with_retry_after(wait_secs)
}
