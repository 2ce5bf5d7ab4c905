//! Prometheus' text format 0.0.4, which every scraper reads. The crate writes OpenMetrics, which differs in this alone: there a
//! counter's family is named without `_total`, the unit has a line, and the end is marked.

use std::collections::HashSet;
use std::fmt::Write;

use prometheus_client::encoding::text::encode;

use super::{Metrics, process};
use crate::state::ServerState;

pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

impl Metrics {
    /// Everything, as it is now; figures of the database as [`super::refresh`] found them.
    pub(crate) fn exposition(&self, state: &ServerState) -> Result<String, std::fmt::Error> {
        self.change_streams.set(i64::try_from(state.change_streams.open()).unwrap_or(i64::MAX));
        if let Some(bytes) = process::resident_memory() {
            self.resident_memory.set(bytes);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        as_0_0_4(&text)
    }
}

fn as_0_0_4(open_metrics: &str) -> Result<String, std::fmt::Error> {
    let type_of = |line: &str| line.strip_prefix("# TYPE ")?.strip_suffix(" counter").map(str::to_owned);
    let counters: HashSet<String> = open_metrics.lines().filter_map(type_of).collect();
    let mut text = String::with_capacity(open_metrics.len() + 64 * counters.len());
    for line in open_metrics.lines().filter(|line| *line != "# EOF" && !line.starts_with("# UNIT ")) {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some(word), Some(name), Some(rest)) if counters.contains(name) => {
                writeln!(text, "# {word} {name}_total {rest}")?;
            }
            _ => writeln!(text, "{line}")?,
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_named_as_their_samples_are_and_all_else_stays() {
        let open_metrics = "# HELP a_b Words and a_b words.\n# TYPE a_b counter\na_b_total{x=\"y\"} 1\n\
            # HELP c_seconds Time.\n# TYPE c_seconds histogram\n# UNIT c_seconds seconds\nc_seconds_count 2\n# EOF\n";
        let text = "# HELP a_b_total Words and a_b words.\n# TYPE a_b_total counter\na_b_total{x=\"y\"} 1\n\
            # HELP c_seconds Time.\n# TYPE c_seconds histogram\nc_seconds_count 2\n";
        assert_eq!(as_0_0_4(open_metrics).unwrap(), text);
    }
}
