//! When to send a failed request again: growing waits with jitter, within one bounded time.

use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use crate::{
    client::Failure,
    error::PackError,
    progress::{Event, Report},
};

const FIRST_WAIT: Duration = Duration::from_millis(250);
const WAIT_MAX: Duration = Duration::from_secs(5);

/// The patience for one request.
pub(crate) struct Retry {
    until: Instant,
    next_wait: Duration,
}

impl Retry {
    pub(crate) fn new(patience: Duration) -> Self {
        Self { until: Instant::now() + patience, next_wait: FIRST_WAIT }
    }

    /// Sleeps before the next try, or turns the failure into the error that ends it.
    pub(crate) async fn wait(
        &mut self,
        what: &str,
        failure: Failure,
        url: &Url,
        report: &dyn Report,
    ) -> Result<(), PackError> {
        let after = match &failure {
            Failure::Busy { after, .. } => *after,
            _ => None,
        };
        let wait = after.unwrap_or_else(|| with_jitter(self.next_wait));
        if Instant::now() + wait > self.until {
            return Err(failure.into_error(url));
        }
        self.next_wait = (self.next_wait * 2).min(WAIT_MAX);
        let reason = failure.reason();
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        report.report(&Event::Retry { what: what.to_owned(), reason, wait_ms });
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

impl Failure {
    fn reason(&self) -> String {
        match self {
            Self::Unreachable(reason) | Self::Busy { reason, .. } => reason.clone(),
            Self::Final(error) => error.to_string(),
        }
    }

    fn into_error(self, url: &Url) -> PackError {
        match self {
            Self::Unreachable(reason) => PackError::ServerUnreachable { url: url.to_string(), reason },
            Self::Busy { reason, .. } => PackError::ServerError(reason),
            Self::Final(error) => error,
        }
    }
}

/// Half of the wait is random, so that many packagers do not come back at once.
fn with_jitter(wait: Duration) -> Duration {
    let mut byte = [0];
    // Without randomness the full wait serves.
    let share = if getrandom::fill(&mut byte).is_ok() { f64::from(byte[0]) / 255.0 } else { 1.0 };
    wait.mul_f64(0.5 + 0.5 * share)
}
