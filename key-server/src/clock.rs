use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A moment by both of the system's clocks.
static BEGINNING: LazyLock<(u64, Instant)> = LazyLock::new(|| (system_secs(), Instant::now()));

/// Seconds since 1970. A test can move it, and make it stand; its copies do as it does.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Against the system's.
    offset_secs: Arc<AtomicI64>,
    /// The time, of a clock that stands; 0 of one that goes.
    standing_secs: Arc<AtomicI64>,
}

impl Clock {
    /// Now.
    #[must_use]
    pub fn now(&self) -> u64 {
        let standing_secs = self.standing_secs.load(Ordering::Relaxed);
        if standing_secs != 0 {
            return on_wire(standing_secs);
        }
        system_secs().saturating_add_signed(self.offset_secs.load(Ordering::Relaxed))
    }

    /// Now, for measuring how long something takes: what is done to the system's time of day moves it neither on nor back.
    #[must_use]
    pub(crate) fn steady(&self) -> u64 {
        if self.standing_secs.load(Ordering::Relaxed) != 0 {
            return self.now();
        }
        let (secs, instant) = *BEGINNING;
        let elapsed = secs.saturating_add(instant.elapsed().as_secs());
        elapsed.saturating_add_signed(self.offset_secs.load(Ordering::Relaxed))
    }

    /// Moves this clock against the system's, or on where it stands.
    pub fn advance(&self, secs: i64) {
        let stands = self.standing_secs.load(Ordering::Relaxed) != 0;
        let moved = if stands { &self.standing_secs } else { &self.offset_secs };
        moved.fetch_add(secs, Ordering::Relaxed);
    }

    /// From now on it moves by [`Self::advance`] alone.
    pub fn stand(&self) {
        self.standing_secs.store(stored(self.now()), Ordering::Relaxed);
    }
}

fn system_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}

/// A time as the database keeps it.
pub(crate) fn stored(secs: u64) -> i64 {
    i64::try_from(secs).unwrap_or(i64::MAX)
}

/// A time as the wire carries it.
pub(crate) fn on_wire(secs: i64) -> u64 {
    u64::try_from(secs).unwrap_or(0)
}
