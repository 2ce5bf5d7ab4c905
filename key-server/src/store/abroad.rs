//! Whether another process has written: the database tells the connection that writes for this one.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long an answer holds.
pub(super) const FRESH_FOR: Duration = Duration::from_secs(1);

/// What the database said when it was last asked.
#[derive(Default)]
pub(super) struct Abroad(Mutex<Said>);

#[derive(Default)]
struct Said {
    version: i64,
    writes: u64,
    at: Option<Instant>,
}

/// What is known of other processes' writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Writes {
    /// Changes with each that was seen.
    pub(super) writes: u64,
    /// Whether it was asked for within [`FRESH_FOR`].
    pub(super) is_known: bool,
}

impl Abroad {
    pub(super) fn writes(&self) -> Writes {
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Writes { writes: said.writes, is_known: said.at.is_some_and(|at| at.elapsed() < FRESH_FOR) }
    }

    /// Whether it is time to ask, before anybody has to.
    pub(super) fn is_due(&self) -> bool {
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.at.is_none_or(|at| at.elapsed() >= FRESH_FOR / 2)
    }

    /// Has it asked for anew.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).at = None;
    }

    /// The number that the database gives to its latest write, asked `at` or later.
    pub(super) fn said(&self, version: i64, at: Instant) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if said.version != version {
            said.writes = said.writes.saturating_add(1);
        }
        (said.version, said.at) = (version, Some(at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_holds_for_its_time_and_a_new_version_is_a_write() {
        let abroad = Abroad::default();
        assert!(!abroad.writes().is_known);
        let (long_ago, now) = (Instant::now().checked_sub(FRESH_FOR).unwrap(), Instant::now());
        abroad.said(5, long_ago);
        assert!(abroad.is_due() && !abroad.writes().is_known);
        abroad.said(5, now);
        let before = abroad.writes();
        assert!(before.is_known && !abroad.is_due());
        abroad.said(6, now);
        assert_ne!(abroad.writes().writes, before.writes);
        abroad.forget();
        assert!(abroad.is_due() && !abroad.writes().is_known);
    }
}
