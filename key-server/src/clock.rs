use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970. A test can move it; its copies move with it.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_secs: Arc<AtomicI64>,
}

impl Clock {
    /// Now.
    #[must_use]
    pub fn now(&self) -> u64 {
        let system = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
        system.saturating_add_signed(self.offset_secs.load(Ordering::Relaxed))
    }

    /// Moves this clock against the system's.
    pub fn advance(&self, secs: i64) {
        self.offset_secs.fetch_add(secs, Ordering::Relaxed);
    }
}

/// A time as the database keeps it.
pub(crate) fn stored(secs: u64) -> i64 {
    i64::try_from(secs).unwrap_or(i64::MAX)
}

/// A time as the wire carries it.
pub(crate) fn on_wire(secs: i64) -> u64 {
    u64::try_from(secs).unwrap_or(0)
}
