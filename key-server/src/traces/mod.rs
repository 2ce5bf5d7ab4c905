//! Spans of requests and of what they wait for. They go to a collector where one is configured, and nowhere else: the log has a line
//! for each request anyway. Without a collector they are never made.
//!
//! What a span says is this program's own, but for the ids of request and trace, which are bounded: no path, query, header or body.

mod export;

use std::collections::HashMap;

pub(crate) use export::Traces;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Status, TraceContextExt};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Of all spans, and of nothing else: by it the log leaves them out, and the collector gets them.
pub(crate) const TARGET: &str = "keyveil_trace";
pub(crate) const TRACEPARENT: &str = "traceparent";
/// W3C Trace Context, section 3.2: `00`, trace id, parent id and flags.
const TRACEPARENT_LEN: usize = 55;
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// A request that has just come; `traceparent` is what its header has, and asked for only where spans are made. Another one than version 0
/// says nothing, nor does `tracestate`: nothing is sent on.
pub(crate) fn request<'a>(method: &str, request_id: &str, traceparent: impl FnOnce() -> Option<&'a str>) -> Span {
    let span = tracing::info_span!(
        target: TARGET,
        "request",
        otel.kind = "server",
        http.request.method = known_method(method),
        http.route = Empty,
        http.response.status_code = Empty,
        error.r#type = Empty,
        keyveil.request_id = request_id,
    );
    if !span.is_disabled()
        && let Some(parent) = traceparent().filter(|text| text.len() == TRACEPARENT_LEN && text.starts_with("00-"))
    {
        let carrier = HashMap::from([(TRACEPARENT.to_owned(), parent.to_owned())]);
        // Refused where spans go elsewhere than to a collector: in tests.
        let _ = span.set_parent(TraceContextPropagator::new().extract(&carrier));
    }
    span
}

/// How it was answered; `route` is the pattern, never the path.
pub(crate) fn answered(span: &Span, method: &str, route: &str, status: u16, code: Option<&str>) {
    if span.is_disabled() {
        return;
    }
    span.record("http.route", route);
    span.record("http.response.status_code", status);
    if let Some(code) = code {
        span.record("error.type", code);
    }
    // The span has begun: its name and status are the collector's side's by now.
    let context = span.context();
    context.span().update_name(format!("{} {route}", known_method(method)));
    if status >= 500 {
        context.span().set_status(Status::error(""));
    }
}

/// What a release of keys does in the database, with the wait for its turn.
pub(crate) fn release() -> Span {
    tracing::info_span!(target: TARGET, "database", otel.name = "database release", otel.kind = "client")
}

/// A call of the KMS; the empty engine is one that nobody named.
pub(crate) fn kms(engine: &'static str, operation: &'static str) -> Span {
    tracing::info_span!(target: TARGET, "kms", otel.kind = "client", keyveil.engine = engine, keyveil.operation = operation)
}

/// An operation on media.
pub(crate) fn storage(kind: &'static str, operation: &'static str) -> Span {
    tracing::info_span!(
        target: TARGET,
        "storage",
        otel.kind = "client",
        keyveil.storage = kind,
        keyveil.operation = operation
    )
}

/// A method is whatever a client says it is.
fn known_method(method: &str) -> &'static str {
    METHODS.into_iter().find(|known| *known == method).unwrap_or("_OTHER")
}
