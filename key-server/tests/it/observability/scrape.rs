//! What Prometheus would read.

use std::collections::BTreeMap;

use crate::support::{Request, TestApp};

/// Samples by name and labels, as they are written.
pub(super) struct Scrape {
    pub(super) text: String,
    samples: BTreeMap<String, f64>,
}

/// With a listener for metrics.
pub(super) fn start() -> TestApp {
    TestApp::builder().configure(|config| config.metrics.listen = Some(([127, 0, 0, 1], 0).into())).start()
}

impl Scrape {
    pub(super) fn of(app: &TestApp) -> Self {
        Self::at(app.metrics_address().expect("a listener"))
    }

    pub(super) fn at(address: &str) -> Self {
        let answer = Request::new(address, "GET", "/metrics").send();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let text = answer.text();
        let mut samples = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (sample, value) = line.rsplit_once(' ').expect("a sample");
            assert_eq!(samples.insert(sample.to_owned(), value.parse().unwrap()), None, "twice: {sample}");
        }
        Self { text, samples }
    }

    /// 0 for what nobody has counted yet.
    pub(super) fn value(&self, sample: &str) -> f64 {
        self.samples.get(sample).copied().unwrap_or_default()
    }

    pub(super) fn series(&self) -> Vec<&str> {
        self.samples.keys().map(String::as_str).collect()
    }

    /// By how much samples have grown since; those that have not are left out.
    pub(super) fn growth_since(&self, earlier: &Self, prefixes: &[&str]) -> Vec<(String, f64)> {
        let of_prefix = |sample: &str| prefixes.iter().any(|prefix| sample.starts_with(prefix));
        let grown = |sample: &String| (sample.clone(), self.value(sample) - earlier.value(sample));
        let grown = self.samples.keys().filter(|sample| of_prefix(sample)).map(grown);
        grown.filter(|(_, by)| *by != 0.0).collect()
    }
}
