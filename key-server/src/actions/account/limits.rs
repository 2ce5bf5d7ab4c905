//! How often somebody may try to sign in.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use keyveil_protocol::ErrorCode;

use crate::clock::Clock;
use crate::refusal::Refusal;

/// Names and addresses share this many counters, so that nobody fills memory with new ones. Which share one is keyed
/// by a random secret: nobody picks a name to lock another one out.
const COUNTERS: u64 = 1 << 14;

const NAME_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
const NAME_PERIOD: Duration = Duration::from_secs(30);
const ADDRESS_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(29);
const ADDRESS_PERIOD: Duration = Duration::from_secs(10);

type Counters = RateLimiter<u64, HashMapStateStore<u64>, Clock, NoOpMiddleware<Duration>>;

pub(super) struct SignInLimits {
    by_name: Counters,
    by_address: Counters,
    buckets: RandomState,
    clock: Clock,
}

impl SignInLimits {
    pub(super) fn new(clock: &Clock) -> Self {
        let counters = |burst, period| {
            // A period of zero alone would be refused.
            let quota = Quota::with_period(period).unwrap_or(Quota::per_second(burst)).allow_burst(burst);
            RateLimiter::hashmap_with_clock(quota, clock.clone())
        };
        Self {
            by_name: counters(NAME_BURST, NAME_PERIOD),
            by_address: counters(ADDRESS_BURST, ADDRESS_PERIOD),
            buckets: RandomState::new(),
            clock: clock.clone(),
        }
    }

    /// Counts an attempt; capitals in a name don't make another one.
    pub(super) fn check(&self, name: &str, address: IpAddr) -> Result<(), Refusal> {
        self.spend(&self.by_address, &network(address))?;
        self.spend(&self.by_name, &name.to_lowercase())
    }

    fn spend(&self, counters: &Counters, key: &impl Hash) -> Result<(), Refusal> {
        let bucket = self.buckets.hash_one(key) % COUNTERS;
        counters.check_key(&bucket).map_err(|not_until| {
            let wait = not_until.wait_time_from(governor::clock::Clock::now(&self.clock));
            Refusal::new(ErrorCode::RateLimited, "too many attempts to sign in").with_retry_after(wait.as_secs() + 1)
        })
    }
}

/// Whoever has one IPv6 address has 2⁶⁴ of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        v4 => v4,
    }
}

impl governor::clock::Clock for Clock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_secs(Self::now(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn limits() -> (SignInLimits, Clock) {
        let clock = Clock::default();
        (SignInLimits::new(&clock), clock)
    }

    #[test]
    fn a_name_runs_out_and_recovers_with_time() {
        let (limits, clock) = limits();
        for _ in 0..NAME_BURST.get() {
            limits.check("Alice", HOME).unwrap();
        }
        let refused = limits.check("alice", HOME).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::RateLimited);
        assert!((1..=NAME_PERIOD.as_secs() + 1).contains(&refused.retry_after_secs().unwrap()));
        limits.check("bob", HOME).unwrap();
        clock.advance(31);
        limits.check("alice", HOME).unwrap();
        limits.check("alice", HOME).unwrap_err();
    }

    #[test]
    fn an_address_runs_out_whatever_names_it_tries() {
        let (limits, _clock) = limits();
        let from = |address: &str, n: u32| limits.check(&format!("name {n}"), address.parse().unwrap());
        for n in 0..ADDRESS_BURST.get() {
            from(&format!("2001:db8::{n:x}"), n).unwrap();
        }
        assert_eq!(from("2001:db8::ffff", 1000).unwrap_err().code(), ErrorCode::RateLimited);
        from("2001:db8:0:1::1", 1000).unwrap();
        from("203.0.113.1", 1001).unwrap();
    }
}
