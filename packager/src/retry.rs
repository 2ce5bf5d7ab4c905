//! When to send a failed request again: growing waits with jitter, within one bounded time.

use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use crate::{
    error::PackError,
    http::Failure,
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

    /// How long to wait before the next try; none when there is to be no other.
    pub(crate) fn next_wait(&mut self, failure: &Failure) -> Option<Duration> {
        let after = match failure {
            Failure::Busy { after, .. } => *after,
            Failure::Unreachable(_) => None,
            Failure::Refused(_) | Failure::Final(_) => return None,
        };
        let wait = after.unwrap_or_else(|| with_jitter(self.next_wait));
        if Instant::now() + wait > self.until {
            return None;
        }
        self.next_wait = (self.next_wait * 2).min(WAIT_MAX);
        Some(wait)
    }

    /// The next wait, without an end: for what goes on for as long as the process does.
    pub(crate) fn endless_wait(&mut self) -> Duration {
        let wait = with_jitter(self.next_wait);
        self.next_wait = (self.next_wait * 2).min(WAIT_MAX);
        wait
    }

    /// Sleeps before the next try, or turns the failure into the error that ends it: at once where repeating would change
    /// nothing.
    pub(crate) async fn wait(
        &mut self,
        what: &str,
        failure: Failure,
        url: &Url,
        report: &dyn Report,
    ) -> Result<(), PackError> {
        let Some(wait) = self.next_wait(&failure) else { return Err(failure.into_error(url)) };
        let reason = failure.reason();
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        report.report(&Event::Retry { what: what.to_owned(), reason, wait_ms });
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

impl Failure {
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Unreachable(reason) | Self::Busy { reason, .. } => reason.clone(),
            Self::Refused(refusal) => refusal.text.clone(),
            Self::Final(error) => error.to_string(),
        }
    }

    pub(crate) fn into_error(self, url: &Url) -> PackError {
        match self {
            Self::Unreachable(reason) => PackError::ServerUnreachable { url: url.to_string(), reason },
            Self::Busy { reason, .. } => PackError::ServerBusy(reason),
            Self::Refused(refusal) => refusal.into_error(),
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Waits(Mutex<Vec<u64>>);

    impl Report for Waits {
        fn report(&self, event: &Event) {
            if let Event::Retry { wait_ms, .. } = event {
                self.0.lock().unwrap().push(*wait_ms);
            }
        }
    }

    fn url() -> Url {
        Url::parse("http://127.0.0.1:9").unwrap()
    }

    fn busy(after: Option<Duration>) -> Failure {
        Failure::Busy { reason: "unavailable".into(), after }
    }

    #[tokio::test]
    async fn time_that_the_server_names_is_waited_and_one_beyond_the_patience_is_not() {
        let (waits, mut retry) = (Waits::default(), Retry::new(Duration::from_secs(10)));
        retry.wait("asking", busy(Some(Duration::from_millis(40))), &url(), &waits).await.unwrap();
        assert_eq!(*waits.0.lock().unwrap(), [40]);
        let error = retry.wait("asking", busy(Some(Duration::from_secs(60))), &url(), &waits).await.unwrap_err();
        assert_eq!(error.code(), "server_error");
    }

    #[tokio::test]
    async fn waits_grow_and_end_with_the_patience() {
        let (waits, mut retry) = (Waits::default(), Retry::new(Duration::from_millis(1200)));
        let error = loop {
            let failure = Failure::Unreachable("refused".into());
            if let Err(error) = retry.wait("asking", failure, &url(), &waits).await {
                break error;
            }
        };
        assert_eq!(error.code(), "server_unreachable");
        let waits = waits.0.into_inner().unwrap();
        assert!((2..=5).contains(&waits.len()), "{waits:?}");
        assert!((125..=250).contains(&waits[0]) && (250..=500).contains(&waits[1]), "{waits:?}");
    }
}
