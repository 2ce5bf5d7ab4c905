//! From spans to a collector: which are kept, and how they get there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::trace::{Link, SpanKind, TraceId, TraceState, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, ParentBasedSampler, SamplingDecision, SamplingResult, SdkTracerProvider,
    ShouldSample,
};
use reqwest::redirect;
use tokio::runtime::Handle;
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use super::TARGET;
use crate::config::TracingConfig;

/// Spans that wait for the collector; what comes beyond is dropped, and playback does not wait.
const QUEUE_LEN: usize = 2048;
const BATCH_LEN: usize = 256;
const SEND_EVERY: Duration = Duration::from_secs(2);
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// A collector has little to say.
const ANSWER_LEN_MAX: usize = 64 << 10;

/// Spans on their way to a collector.
pub(crate) struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// None where no collector is configured. Has to be called inside a runtime, which then sends.
    pub(crate) fn start(config: &TracingConfig) -> Result<Option<Self>, String> {
        let Some(endpoint) = config.endpoint() else { return Ok(None) };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Sender::new()?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .with_timeout(SEND_TIMEOUT)
            .build()
            .map_err(|error| error.to_string())?;
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE_LEN)
            .with_max_export_batch_size(BATCH_LEN)
            .with_scheduled_delay(SEND_EVERY)
            .build();
        let resource = Resource::builder()
            .with_service_name("keyveil-key-server")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let sampler = ParentBasedSampler::new(AtRandom(config.sample_ratio))
            .with_remote_parent_sampled(AtRandom(config.parent_ratio));
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
            .with_sampler(sampler)
            .with_resource(resource)
            .build();
        Ok(Some(Self { provider }))
    }

    /// What takes spans, and no event, from the subscriber.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("keyveil-key-server"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(TARGET, Level::INFO))
    }

    /// Sends what is left.
    pub(crate) async fn end(self) {
        // It waits, on a thread of its own, for what this one's runtime sends.
        let ended = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(SEND_TIMEOUT)).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::warn!("the last spans could not be sent");
        }
    }
}

/// Keeps a part of the requests. Not by the trace's id, as others do: that is the caller's to choose. What is done without a request is no
/// trace.
#[derive(Clone, Debug)]
struct AtRandom(f64);

impl ShouldSample for AtRandom {
    fn should_sample(
        &self,
        _parent: Option<&Context>,
        _trace_id: TraceId,
        _name: &str,
        kind: &SpanKind,
        _attributes: &[KeyValue],
        _links: &[Link],
    ) -> SamplingResult {
        let mut bytes = [0; 4];
        let drawn = getrandom::fill(&mut bytes).map(|()| f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX));
        let is_kept = *kind == SpanKind::Server && (self.0 >= 1.0 || drawn.is_ok_and(|drawn| drawn < self.0));
        let decision = if is_kept { SamplingDecision::RecordAndSample } else { SamplingDecision::Drop };
        SamplingResult { decision, attributes: Vec::new(), trace_state: TraceState::NONE }
    }
}

/// The HTTP client of all else here, with its TLS: the exporter's own would be a second one.
#[derive(Debug)]
struct Sender {
    http: reqwest::Client,
    runtime: Handle,
    /// Whether the last ones were lost: told once, not with every batch.
    failing: AtomicBool,
}

impl Sender {
    fn new() -> Result<Self, String> {
        // Whoever was first has installed the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .timeout(SEND_TIMEOUT)
            .user_agent(concat!("keyveil/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| format!("the HTTP client can't be made: {error}"))?;
        Ok(Self { http, runtime: Handle::current(), failing: AtomicBool::new(false) })
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (http, request) = (self.http.clone(), reqwest::Request::try_from(request)?);
        // The exporter's thread has no runtime.
        let sent = self.runtime.spawn(send(http, request)).await?;
        self.tell(&sent);
        sent
    }
}

impl Sender {
    fn tell(&self, sent: &Result<Response<Bytes>, HttpError>) {
        let cause = match sent {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answers {}", answer.status().as_u16())),
            Err(error) => Some(error.to_string()),
        };
        match (cause, self.failing.load(Ordering::Acquire)) {
            (Some(cause), false) => tracing::warn!(cause, "the collector takes no spans: they are lost until it does"),
            (None, true) => tracing::info!("the collector takes spans again"),
            _ => return,
        }
        self.failing.fetch_not(Ordering::AcqRel);
    }
}

async fn send(http: reqwest::Client, request: reqwest::Request) -> Result<Response<Bytes>, HttpError> {
    // Its address may have the operator's tenant in it.
    let mut response = http.execute(request).await.map_err(reqwest::Error::without_url)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        if body.len() + chunk.len() > ANSWER_LEN_MAX {
            return Err("the collector's answer is too long".into());
        }
        body.extend_from_slice(&chunk);
    }
    let mut answer = Response::new(Bytes::from(body));
    *answer.status_mut() = response.status();
    *answer.headers_mut() = response.headers().clone();
    Ok(answer)
}
