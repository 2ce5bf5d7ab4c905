//! How often somebody may ask for something: the cell rate algorithm over a bounded number of counters.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::clock::Clock;

/// So many counters are shared by all, so that nobody fills memory with new ones. Which share one is keyed by a random
/// secret: nobody picks a key to lock another one out.
const COUNTERS: u64 = 1 << 16;

pub(crate) struct RateCounters {
    limiter: RateLimiter<u64, HashMapStateStore<u64>, Clock, NoOpMiddleware<Duration>>,
    buckets: RandomState,
    clock: Clock,
}

impl RateCounters {
    /// `burst` at once, then one per `period`.
    pub(crate) fn new(burst: NonZeroU32, period: Duration, clock: &Clock) -> Self {
        // A period of zero alone would be refused.
        let quota = Quota::with_period(period).unwrap_or(Quota::per_second(burst)).allow_burst(burst);
        let limiter = RateLimiter::hashmap_with_clock(quota, clock.clone());
        Self { limiter, buckets: RandomState::new(), clock: clock.clone() }
    }

    /// Counts one for `key`; the error is the seconds until there is room for one.
    pub(crate) fn spend(&self, key: &impl Hash) -> Result<(), u64> {
        let bucket = self.buckets.hash_one(key) % COUNTERS;
        self.limiter.check_key(&bucket).map_err(|not_until| {
            let wait = not_until.wait_time_from(governor::clock::Clock::now(&self.clock));
            wait.as_secs().saturating_add(1)
        })
    }
}

impl governor::clock::Clock for Clock {
    type Instant = Duration;

    /// A time of day that was ahead and is put right would else refuse everybody for as long as it was ahead.
    fn now(&self) -> Duration {
        Duration::from_secs(self.steady())
    }
}

/// Whoever has one IPv6 address has 2⁶⁴ of them.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        v4 => v4,
    }
}
