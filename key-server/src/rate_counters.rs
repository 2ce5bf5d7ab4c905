//! How often somebody may ask for something: the cell rate algorithm over a bounded number of counters. Servers over one database tell
//! each other what was spent ([`share`]), and so a limit holds for all of them together, as of a second ago.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use ring::hmac;

use crate::clock::{Clock, stored};
use crate::store::{RateSpend, Store, StoreError};

/// So many counters are shared by all, so that nobody fills memory with new ones. Which share one is keyed by a secret of the
/// installation: nobody picks a key to lock another one out.
const COUNTERS: u64 = 1 << 16;
/// What was spent is told by minutes: a server that has not seen a counter before learns of the current one.
const SLOT_SECS: u64 = 60;

/// What the counters of a server have in common.
#[derive(Clone)]
pub(crate) struct Counting {
    clock: Clock,
    buckets: hmac::Key,
}

pub(crate) struct RateCounters {
    /// The same at every server.
    name: &'static str,
    burst: u32,
    limiter: RateLimiter<u64, HashMapStateStore<u64>, Clock, NoOpMiddleware<Duration>>,
    counting: Counting,
    told: Mutex<Told>,
}

/// What the other servers and this one know of each other.
#[derive(Default)]
struct Told {
    slot: u64,
    /// Spent here, and not told yet.
    spent: HashMap<u64, u32>,
    /// Spent anywhere in the slot, as far as it counts here already.
    known: HashMap<u64, i64>,
}

impl Counting {
    pub(crate) fn new(clock: &Clock, key: &[u8; 32]) -> Self {
        Self { clock: clock.clone(), buckets: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    fn bucket(&self, key: &impl Hash) -> u64 {
        let mut hasher = MacHasher(hmac::Context::with_key(&self.buckets));
        key.hash(&mut hasher);
        hasher.finish() % COUNTERS
    }
}

struct MacHasher(hmac::Context);

impl Hasher for MacHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let tag = self.0.clone().sign();
        tag.as_ref().iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte))
    }
}

impl RateCounters {
    /// `burst` at once, then one per `period`.
    pub(crate) fn new(name: &'static str, burst: NonZeroU32, period: Duration, counting: &Counting) -> Self {
        // A period of zero alone would be refused.
        let quota = Quota::with_period(period).unwrap_or(Quota::per_second(burst)).allow_burst(burst);
        let limiter = RateLimiter::hashmap_with_clock(quota, counting.clock.clone());
        Self { name, burst: burst.get(), limiter, counting: counting.clone(), told: Mutex::default() }
    }

    /// Counts one for `key`; the error is the seconds until there is room for one.
    pub(crate) fn spend(&self, key: &impl Hash) -> Result<(), u64> {
        let bucket = self.counting.bucket(key);
        let spent = self.limiter.check_key(&bucket).map_err(|not_until| {
            let wait = not_until.wait_time_from(governor::clock::Clock::now(&self.counting.clock));
            wait.as_secs().saturating_add(1)
        });
        if spent.is_ok() {
            *self.told().spent.entry(bucket).or_default() += 1;
        }
        spent
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was spent here since it was last asked for; counted as known.
    fn take_spent(&self, slot: u64) -> Vec<RateSpend> {
        let mut told = self.told();
        if told.slot != slot {
            (told.slot, told.known) = (slot, HashMap::new());
        }
        let spent = std::mem::take(&mut told.spent);
        let own = spent.into_iter().map(|(bucket, spent)| {
            *told.known.entry(bucket).or_default() += i64::from(spent);
            RateSpend { counters: self.name.to_owned(), bucket, spent: spent.into() }
        });
        own.collect()
    }

    /// Counts here what others have spent of it.
    fn learn(&self, slot: u64, bucket: u64, total: i64) {
        let mut told = self.told();
        if told.slot != slot {
            return;
        }
        let known = told.known.insert(bucket, total).unwrap_or(0);
        drop(told);
        let others = u32::try_from(total.saturating_sub(known)).unwrap_or(0).min(self.burst);
        for _ in 0..others {
            if self.limiter.check_key(&bucket).is_err() {
                break;
            }
        }
    }
}

/// Tells the other servers over the database what was spent here, and learns of theirs; nothing where this is the only one.
pub(crate) async fn share(store: &Store, counters: &[&RateCounters], clock: &Clock) -> Result<(), StoreError> {
    if !store.is_shared() {
        return Ok(());
    }
    let slot = clock.now() / SLOT_SECS;
    let spent: Vec<RateSpend> = counters.iter().flat_map(|counters| counters.take_spent(slot)).collect();
    for total in store.exchange_rates(stored(slot), spent).await? {
        if let Some(counters) = counters.iter().find(|counters| counters.name == total.counters) {
            counters.learn(slot, total.bucket, total.spent);
        }
    }
    Ok(())
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
