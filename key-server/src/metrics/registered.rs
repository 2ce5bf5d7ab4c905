use keyveil_protocol::Mode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Metric, Registry};

use super::{BUCKETS, GrantKind, Histograms, Metrics, histogram, process};

impl Default for Metrics {
    fn default() -> Self {
        let mut all = Registry::with_prefix("keyveil");
        let all = &mut all;
        let metrics = Self {
            grants: named(all, "grants", "Releases of keys, by what they are of"),
            plays: named(all, "plays", "Playback opened by a signature, by the title's mode"),
            requests: named(all, "requests", "Answered requests, by family of routes and class of status"),
            refusals: named(all, "refusals", "Refused and failed requests, by family of routes and error code"),
            request_durations: timed(all, "request_duration_seconds", "From a request's head to its answer's head"),
            release_durations: timed_alone(
                all,
                "release_database_duration_seconds",
                "A release's time in the database",
            ),
            kms_calls: named(all, "kms_calls", "Calls of the KMS past the cache, by engine and outcome"),
            kms_durations: timed(all, "kms_call_duration_seconds", "Calls of the KMS that were made, by engine"),
            kms_breakers: named(all, "kms_breaker_open", "Whether a circuit breaker of the KMS is open"),
            storage_operations: named(all, "storage_operations", "Operations on media, by kind of storage and outcome"),
            storage_durations: timed(all, "storage_operation_duration_seconds", "Operations on media"),
            jobs: named(all, "jobs", "Jobs that are not done, by state"),
            oldest_queued: named(all, "jobs_oldest_queued_age_seconds", "Since the oldest queued job was made"),
            deliveries_pending: named(all, "webhook_deliveries_pending", "Deliveries to webhooks that are not done"),
            queue_readable: named(all, "queue_readable", "Whether jobs and deliveries could be read lately"),
            change_streams: named(all, "change_streams_open", "Open streams of changes"),
            resident_memory: named(all, "process_resident_memory_bytes", "Memory in use"),
            looked_at: tokio::sync::Mutex::new(None),
            registry: Registry::default(),
        };
        let started: Gauge = named(all, "process_start_time_seconds", "When the process began, since 1970");
        started.set(process::started_at());
        let build: Family<[(&str, &str); 1], Gauge> = named(all, "build_info", "Always 1");
        build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
        metrics.begin_at_zero();
        Self { registry: std::mem::take(all), ..metrics }
    }
}

impl Metrics {
    /// What is counted from nothing on shows its first one as a rise.
    fn begin_at_zero(&self) {
        for kind in [GrantKind::Play, GrantKind::Keys, GrantKind::Standard] {
            drop(self.grants.get_or_create(&[("kind", kind.as_str())]));
        }
        for mode in [Mode::Private, Mode::Standard, Mode::Clear] {
            drop(self.plays.get_or_create(&[("mode", mode.as_str())]));
        }
    }
}

fn named<M: Metric + Clone + Default>(all: &mut Registry, name: &str, help: &str) -> M {
    registered(all, name, help, M::default())
}

fn timed<const N: usize>(all: &mut Registry, name: &str, help: &str) -> Histograms<N> {
    registered(all, name, help, Family::new_with_constructor(histogram))
}

fn timed_alone(all: &mut Registry, name: &str, help: &str) -> super::Histogram {
    registered(all, name, help, super::Histogram::new(BUCKETS))
}

fn registered<M: Metric + Clone>(all: &mut Registry, name: &str, help: &str, metric: M) -> M {
    all.register(name, help, metric.clone());
    metric
}
