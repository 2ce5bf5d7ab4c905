//! How often somebody may try to sign in.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use keyveil_protocol::ErrorCode;

use crate::rate_counters::{Counting, RateCounters, network};
use crate::refusal::Refusal;

const NAME_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
const NAME_PERIOD: Duration = Duration::from_secs(30);
const ADDRESS_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(29);
const ADDRESS_PERIOD: Duration = Duration::from_secs(10);

pub(super) struct SignInLimits {
    by_name: RateCounters,
    by_address: RateCounters,
}

impl SignInLimits {
    pub(super) fn new(counting: &Counting) -> Self {
        Self {
            by_name: RateCounters::new("sign-in name", NAME_BURST, NAME_PERIOD, counting),
            by_address: RateCounters::new("sign-in address", ADDRESS_BURST, ADDRESS_PERIOD, counting),
        }
    }

    pub(super) fn counters(&self) -> [&RateCounters; 2] {
        [&self.by_name, &self.by_address]
    }

    /// Counts an attempt; capitals in a name don't make another one.
    pub(super) fn check(&self, name: &str, address: IpAddr) -> Result<(), Refusal> {
        let spent = self.by_address.spend(&network(address)).and_then(|()| self.by_name.spend(&name.to_lowercase()));
        spent.map_err(|wait_secs| {
            Refusal::new(ErrorCode::RateLimited, "too many attempts to sign in").with_retry_after(wait_secs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn limits() -> (SignInLimits, Clock) {
        let clock = Clock::default();
        (SignInLimits::new(&Counting::new(&clock, &[7; 32])), clock)
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
