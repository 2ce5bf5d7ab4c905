//! How often keys may be asked for.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use keyveil_protocol::{ErrorCode, SessionId};

use crate::rate_counters::{Counting, RateCounters, network};
use crate::refusal::Refusal;

const SESSION_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(119);
const SESSION_PERIOD: Duration = Duration::from_secs(1);
const ADDRESS_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(239);
const ADDRESS_PERIOD: Duration = Duration::from_millis(500);

/// Counts requests for keys: of sessions that are known, and of addresses where no session is.
pub(crate) struct StandardLimits {
    by_session: RateCounters,
    by_address: RateCounters,
}

impl StandardLimits {
    pub(crate) fn new(counting: &Counting) -> Self {
        Self {
            by_session: RateCounters::new("standard session", SESSION_BURST, SESSION_PERIOD, counting),
            by_address: RateCounters::new("standard address", ADDRESS_BURST, ADDRESS_PERIOD, counting),
        }
    }

    pub(crate) fn counters(&self) -> [&RateCounters; 2] {
        [&self.by_session, &self.by_address]
    }

    /// Counts a request of a session that proved itself by its token.
    pub(super) fn check_session(&self, id: &SessionId) -> Result<(), Refusal> {
        self.by_session.spend(id).map_err(|wait_secs| limited("a session asks for keys too fast", wait_secs))
    }

    /// Counts a request without a valid token. What was wrong with it is told as long as its address is not above its limit.
    pub(super) fn refuse(&self, address: IpAddr, refusal: Refusal) -> Refusal {
        match self.by_address.spend(&network(address)) {
            Ok(()) => refusal,
            Err(wait_secs) => limited("an address asks for keys without a valid token", wait_secs),
        }
    }
}

fn limited(cause: &'static str, wait_secs: u64) -> Refusal {
    Refusal::new(ErrorCode::RateLimited, cause).with_retry_after(wait_secs)
}
