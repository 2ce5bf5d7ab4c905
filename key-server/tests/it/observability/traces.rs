//! Spans that a collector gets, and those that it does not.

use std::net::TcpListener;
use std::time::Duration;

use keyveil_protocol::Exchange;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;

use super::collector::{Collector, TOKEN};
use crate::support::{Player, Request, Response, Served, TITLE, TestApp};

pub(super) const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
pub(super) const PARENT: &str = "b7ad6b7169203331";

/// The binary beside `app`, over the same data: its caches are cold, and it traces.
pub(super) fn serve(app: &TestApp, log: &str, endpoint: &str, [sample, parent]: [&str; 2]) -> Served {
    let headers = format!("authorization=Bearer%20{TOKEN}");
    let variables = [
        ("OTEL_EXPORTER_OTLP_HEADERS", headers.as_str()),
        ("KEYVEIL_TRACING_OTLP_ENDPOINT", endpoint),
        ("KEYVEIL_TRACING_SAMPLE_RATIO", sample),
        ("KEYVEIL_TRACING_PARENT_RATIO", parent),
        ("KEYVEIL_METRICS_LISTEN", "127.0.0.1:0"),
        ("KEYVEIL_LOG_FORMAT", "json"),
        ("KEYVEIL_LOG_FILTER", "trace"),
    ];
    Served::start_with(&app.config.data.dir, &app.dir.path().join(log), &variables)
}

/// A play at another address than the app's own.
pub(super) fn play(app: &TestApp, address: &str, headers: &[(&str, &str)]) -> Response {
    let body =
        app.player().play_body(&Exchange::generate(&mut Player::rng()), &app.sign(&app.claims(TITLE)), json!({}));
    let request = Request::new(address, "POST", "/v1/play");
    headers.iter().fold(request, |request, (name, value)| request.header(name, value)).json(body.to_string()).send()
}

fn traceparent(trace: &str, flags: &str) -> String {
    format!("00-{trace}-{PARENT}-{flags}")
}

fn text(span: &Span, name: &str) -> Option<String> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key == name)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        _ => None,
    }
}

#[test]
fn one_trace_goes_through_request_kms_database_and_storage() {
    let app = TestApp::start();
    let collector = Collector::start();
    let mut served = serve(&app, "log", &collector.url, ["0", "1"]);
    let played = play(&app, &served.address, &[("traceparent", &traceparent(TRACE, "01"))]);
    assert_eq!(played.status, 200, "{}", played.text());
    let ready = Request::new(&served.address, "GET", "/readyz").header("traceparent", &traceparent(TRACE, "01"));
    assert_eq!(ready.send().status, 200);
    // None of these is one to follow: the caller does not trace, or says so in no way that is known.
    let long = format!("{}-and-more", traceparent(TRACE, "01"));
    for other in ["00", "02"].map(|flags| traceparent(TRACE, flags)).iter().map(String::as_str).chain([
        long.as_str(),
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "nonsense",
    ]) {
        assert_eq!(play(&app, &served.address, &[("traceparent", other)]).status, 200, "{other}");
    }
    let one = traceparent(TRACE, "01");
    assert_eq!(play(&app, &served.address, &[("traceparent", &one), ("traceparent", &one)]).status, 200, "twice");
    assert_eq!(play(&app, &served.address, &[]).status, 200);
    assert!(served.terminate() < Duration::from_secs(8));

    let spans = collector.spans();
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    assert!(spans.iter().all(|span| hex::encode(&span.trace_id) == TRACE), "{spans:?}");
    let [request] = named("POST /v1/play")[..] else { panic!("one play: {spans:?}") };
    assert_eq!(hex::encode(&request.parent_span_id), PARENT);
    assert_eq!(text(request, "http.route").as_deref(), Some("/v1/play"));
    assert_eq!(text(request, "http.response.status_code").as_deref(), Some("200"));
    assert_eq!(text(request, "keyveil.request_id").as_deref(), played.header("x-request-id"));
    let [database] = named("database release")[..] else { panic!("one release: {spans:?}") };
    assert_eq!(database.parent_span_id, request.span_id);
    let mut kms = named("kms");
    kms.retain(|span| span.parent_span_id == request.span_id);
    assert!(!kms.is_empty());
    for call in kms {
        assert_eq!(text(call, "keyveil.engine").as_deref(), Some("local"));
        assert_eq!(text(call, "keyveil.operation").as_deref(), Some("unwrap"));
        assert!(call.end_time_unix_nano >= call.start_time_unix_nano);
    }
    let [ready] = named("GET /readyz")[..] else { panic!("one: {spans:?}") };
    assert!(named("storage").iter().any(|span| span.parent_span_id == ready.span_id));
}

#[test]
fn what_callers_ask_for_is_traced_only_up_to_its_ratio() {
    let app = TestApp::start();
    let collector = Collector::start();
    let mut served = serve(&app, "log", &collector.url, ["1", "0"]);
    for _ in 0..5 {
        assert_eq!(play(&app, &served.address, &[("traceparent", &traceparent(TRACE, "01"))]).status, 200);
    }
    let refused = Request::new(&served.address, "BREW", "/v1/play").send();
    assert_eq!(refused.status, 405);
    served.terminate();
    let spans = collector.spans();
    assert!(spans.iter().all(|span| hex::encode(&span.trace_id) != TRACE), "{spans:?}");
    let [request] = spans.iter().filter(|span| span.name.ends_with(" /v1/play")).collect::<Vec<_>>()[..] else {
        panic!("{spans:?}")
    };
    assert_eq!(text(request, "http.request.method").as_deref(), Some("_OTHER"));
    assert_eq!(text(request, "error.type").as_deref(), Some("method_not_allowed"));
}

#[test]
fn a_collector_that_is_away_or_silent_keeps_nobody_waiting() {
    let app = TestApp::start();
    // Takes connections, and never says a word.
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    for endpoint in ["http://127.0.0.1:9".to_owned(), format!("http://{}", silent.local_addr().unwrap())] {
        let mut served = serve(&app, "log", &endpoint, ["1", "1"]);
        for _ in 0..20 {
            assert_eq!(play(&app, &served.address, &[]).status, 200, "{endpoint}");
        }
        let took = served.terminate();
        assert!(took < Duration::from_secs(9), "{endpoint}: {took:?}");
    }
}
