//! Says on standard error how far it is, where something takes longer than two seconds.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::drive::number;

const FIRST_AFTER: Duration = Duration::from_secs(2);
const EVERY: Duration = Duration::from_secs(10);

/// Of `count` things; it is told by `done`, and ends with what it is kept in.
pub(crate) struct Progress {
    pub(crate) done: Arc<AtomicU64>,
    telling: JoinHandle<()>,
}

impl Progress {
    pub(crate) fn new(what: &'static str, count: u64) -> Self {
        let done = Arc::new(AtomicU64::new(0));
        let telling = tokio::spawn(tell(what, count, Arc::clone(&done)));
        Self { done, telling }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.telling.abort();
    }
}

async fn tell(what: &'static str, count: u64, done: Arc<AtomicU64>) {
    let begun = Instant::now();
    tokio::time::sleep(FIRST_AFTER).await;
    loop {
        let done = done.load(Ordering::Relaxed);
        let per_sec = number(done) / begun.elapsed().as_secs_f64();
        // Who closed it does not want to know.
        let _ = writeln!(std::io::stderr(), "{what}: {done} of {count}, {per_sec:.0} a second");
        tokio::time::sleep(EVERY).await;
    }
}
