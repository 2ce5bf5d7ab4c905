//! What is counted, for Prometheus. Labels have few values, all of them this program's own: no viewer, title, application or
//! address is ever one. docs/OPERATION.md lists them.

mod exposition;
mod figures;
mod process;
mod registered;

use std::time::Duration;

pub(crate) use exposition::CONTENT_TYPE;
pub(crate) use figures::refresh;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// From half a millisecond, which an answer from memory takes, to what clients wait for.
const BUCKETS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

type Labels<const N: usize> = [(&'static str, &'static str); N];
type Counters<const N: usize> = Family<Labels<N>, Counter>;
type Gauges<const N: usize> = Family<Labels<N>, Gauge>;
type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// Of one server: two in one process count apart.
pub(crate) struct Metrics {
    registry: Registry,
    grants: Counters<1>,
    plays: Counters<1>,
    requests: Counters<2>,
    refusals: Counters<2>,
    request_durations: Histograms<1>,
    release_durations: Histogram,
    kms_calls: Counters<2>,
    kms_durations: Histograms<1>,
    kms_breakers: Gauges<2>,
    storage_operations: Counters<3>,
    storage_durations: Histograms<2>,
    jobs: Gauges<1>,
    oldest_queued: Gauge,
    deliveries_pending: Gauge,
    queue_readable: Gauge,
    change_streams: Gauge,
    resident_memory: Gauge,
    /// When the queue was looked at last. Its lock is held by who looks.
    looked_at: Mutex<Option<Instant>>,
}

/// Which keys were released.
#[derive(Clone, Copy, Debug)]
pub(crate) enum GrantKind {
    /// With the opening of a session.
    Play,
    /// To a running one.
    Keys,
    /// Of a standard title.
    Standard,
}

impl GrantKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Play => "play",
            Self::Keys => "keys",
            Self::Standard => "standard",
        }
    }
}

/// An answered request.
pub(crate) struct Answered {
    pub(crate) route: &'static str,
    pub(crate) status: u16,
    /// The error's, where it is one.
    pub(crate) code: Option<&'static str>,
    pub(crate) took: Duration,
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

impl Metrics {
    /// A request was answered.
    pub(crate) fn answered(&self, answered: &Answered) {
        let Answered { route, status, code, took } = *answered;
        self.requests.get_or_create(&[("route", route), ("status", class_of(status))]).inc();
        self.request_durations.get_or_create(&[("route", route)]).observe(took.as_secs_f64());
        if let Some(code) = code {
            self.refusals.get_or_create(&[("route", route), ("code", code)]).inc();
        }
    }

    /// Playback was opened by a signature.
    pub(crate) fn played(&self, mode: &'static str) {
        self.plays.get_or_create(&[("mode", mode)]).inc();
    }

    /// Keys have been written down as released, and leave.
    pub(crate) fn granted(&self, kind: GrantKind) {
        self.grants.get_or_create(&[("kind", kind.as_str())]).inc();
    }

    /// What a release spent on the database, however it ended.
    pub(crate) fn recorded(&self, took: Duration) {
        self.release_durations.observe(took.as_secs_f64());
    }

    /// The KMS was to be called; it took no time where it was not asked.
    pub(crate) fn kms_called(&self, engine: &'static str, outcome: &'static str, took: Option<Duration>) {
        self.kms_calls.get_or_create(&[("engine", engine), ("outcome", outcome)]).inc();
        if let Some(took) = took {
            self.kms_durations.get_or_create(&[("engine", engine)]).observe(took.as_secs_f64());
        }
    }

    /// A circuit breaker of the KMS is open now, or is not.
    pub(crate) fn kms_breaker(&self, engine: &'static str, side: &'static str, is_open: bool) {
        self.kms_breakers.get_or_create(&[("engine", engine), ("side", side)]).set(is_open.into());
    }

    /// The storage of media did something, or did not.
    pub(crate) fn stored(&self, kind: &'static str, operation: &'static str, outcome: &'static str, took: Duration) {
        let labels = [("kind", kind), ("operation", operation), ("outcome", outcome)];
        self.storage_operations.get_or_create(&labels).inc();
        self.storage_durations.get_or_create(&[("kind", kind), ("operation", operation)]).observe(took.as_secs_f64());
    }
}

const fn class_of(status: u16) -> &'static str {
    match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}
