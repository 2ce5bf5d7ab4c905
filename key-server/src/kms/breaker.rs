//! When to stop asking an engine that does not answer, and when to ask again.

use std::time::Duration;

use tokio::time::Instant;

/// So many failures in a row open it.
const FAILURES: u32 = 5;
const REST_MIN: Duration = Duration::from_secs(1);
const REST_MAX: Duration = Duration::from_secs(30);

/// Closed: every call goes through. Open: none does, until a rest is over; then one is let through to try.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    until: Instant,
    rest: Duration,
    /// Whether a call is out to try. Those from before it opened say nothing new.
    trying: bool,
}

impl Breaker {
    /// Whether a call may be made; else when to ask again. `patience` is what a call may take: if the one that tries is
    /// never heard of again, another one is let through after that.
    pub(super) fn admit(&mut self, now: Instant, patience: Duration) -> Result<(), Duration> {
        let Some(open) = &mut self.open else { return Ok(()) };
        if now < open.until {
            return Err(open.until - now);
        }
        open.until = now + patience;
        open.trying = true;
        Ok(())
    }

    /// Whether calls are held back, but for those that try.
    pub(super) const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    pub(super) fn answered(&mut self) {
        *self = Self::default();
    }

    /// `asked_for` is when the engine wants to be asked again.
    pub(super) fn failed(&mut self, now: Instant, asked_for: Option<Duration>) {
        let at_least = asked_for.unwrap_or_default().min(REST_MAX);
        match &mut self.open {
            Some(open) if open.trying => {
                open.rest = (open.rest * 2).min(REST_MAX);
                open.until = now + open.rest.max(at_least);
                open.trying = false;
            }
            Some(_) => {}
            None => {
                self.failures += 1;
                if self.failures >= FAILURES {
                    self.open = Some(Open { until: now + REST_MIN.max(at_least), rest: REST_MIN, trying: false });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(3);
    const SECOND: Duration = Duration::from_secs(1);

    fn failed_times(times: u32, now: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..times {
            breaker.admit(now, PATIENCE).unwrap();
            breaker.failed(now, None);
        }
        breaker
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_fewer_do_not() {
        let now = Instant::now();
        assert_eq!(failed_times(4, now).admit(now, PATIENCE), Ok(()));
        assert_eq!([4, 5].map(|times| failed_times(times, now).is_open()), [false, true]);
        assert_eq!(failed_times(5, now).admit(now, PATIENCE), Err(SECOND));
        let mut breaker = failed_times(4, now);
        breaker.answered();
        breaker.failed(now, None);
        assert_eq!(breaker.admit(now, PATIENCE), Ok(()), "not in a row");
    }

    #[test]
    fn one_call_tries_at_a_time_and_the_rest_doubles_up_to_half_a_minute() {
        let mut now = Instant::now();
        let mut breaker = failed_times(5, now);
        for rest in [1, 2, 4, 8, 16, 30, 30] {
            now += Duration::from_secs(rest) - Duration::from_millis(1);
            assert_eq!(breaker.admit(now, PATIENCE), Err(Duration::from_millis(1)));
            now += Duration::from_millis(1);
            assert_eq!(breaker.admit(now, PATIENCE), Ok(()));
            assert_eq!(breaker.admit(now, PATIENCE), Err(PATIENCE), "another one tries already");
            breaker.failed(now, None);
            breaker.failed(now, None);
        }
        now += Duration::from_secs(30);
        breaker.admit(now, PATIENCE).unwrap();
        breaker.answered();
        assert_eq!(breaker.admit(now, PATIENCE), Ok(()));
        assert_eq!(breaker.admit(now, PATIENCE), Ok(()));
    }

    #[test]
    fn a_call_that_is_never_heard_of_again_does_not_keep_it_open() {
        let now = Instant::now();
        let mut breaker = failed_times(5, now);
        breaker.admit(now + SECOND, PATIENCE).unwrap();
        assert_eq!(breaker.admit(now + SECOND + PATIENCE, PATIENCE), Ok(()));
    }

    #[test]
    fn an_engine_that_throttles_gets_the_rest_that_it_asked_for() {
        let now = Instant::now();
        let mut breaker = failed_times(4, now);
        breaker.failed(now, Some(Duration::from_secs(9)));
        assert_eq!(breaker.admit(now, PATIENCE), Err(Duration::from_secs(9)));
        let mut breaker = failed_times(4, now);
        breaker.failed(now, Some(Duration::from_secs(900)));
        assert_eq!(breaker.admit(now, PATIENCE), Err(REST_MAX), "but no more than half a minute");
    }
}
