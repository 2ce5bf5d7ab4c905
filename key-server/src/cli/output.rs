use std::io::Write;

use serde::Serialize;
use time::OffsetDateTime;
use tracing_subscriber::filter::Directive;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::CliError;
use crate::config::{LogConfig, LogFormat};
use crate::traces::Traces;

/// At their finest level these write requests and headers out, url tokens and API keys included: never here. The last ones are spans,
/// which only a collector gets.
const QUIET: [&str; 5] = ["actix_http=info", "actix_web=info", "actix_server=info", "mio=info", "keyveil_trace=off"];

/// One line of result on standard output.
pub(super) fn line(text: &str) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// A result as one JSON object.
pub(super) fn json(value: &impl Serialize) -> Result<(), CliError> {
    line(&serde_json::to_string(value).map_err(|error| CliError::Other(error.to_string()))?)
}

/// Logs go to standard error; standard output is for results.
pub(super) fn init_logging(config: &LogConfig, traces: Option<&Traces>) -> Result<(), CliError> {
    let filter = log_filter(&config.filter)?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match config.format {
        LogFormat::Human => lines.with_ansi(false).with_filter(filter).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
    };
    let mut layers = vec![lines];
    layers.extend(traces.map(|traces| traces.layer().boxed()));
    let subscriber = tracing_subscriber::registry().with(layers);
    subscriber.try_init().map_err(|error| CliError::Other(format!("logging: {error}")))
}

/// `filter` without what must not be logged at any level.
pub fn log_filter(filter: &str) -> Result<EnvFilter, CliError> {
    let mut filter =
        EnvFilter::try_new(filter).map_err(|error| CliError::Other(format!("log.filter is not valid: {error}")))?;
    for directive in QUIET {
        let directive: Directive =
            directive.parse().map_err(|error| CliError::Other(format!("log filter: {error}")))?;
        filter = filter.add_directive(directive);
    }
    Ok(filter)
}

/// Seconds since 1970 of a database column, for people.
pub(super) fn utc(secs: i64) -> String {
    OffsetDateTime::from_unix_timestamp(secs).map_or_else(
        |_| secs.to_string(),
        |at| {
            let (hour, minute, second) = at.to_hms();
            format!("{}T{hour:02}:{minute:02}:{second:02}Z", at.date())
        },
    )
}

/// Whether a row with that column still counts.
pub(super) fn state_of(retired_at: Option<i64>) -> &'static str {
    if retired_at.is_some() { "retired" } else { "in use" }
}
