//! The outermost layer: names each request, logs it, and gives every error the one envelope.

use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, ResponseError};
use keyveil_protocol::ErrorCode;
use keyveil_protocol::api::{ErrorBody, ErrorResponse};
use tracing::Instrument;

use super::api::{State, header_text};
use super::client::is_trusted_proxy;
use super::route_family::family_of;
use crate::config::HttpConfig;
use crate::metrics::Answered;
use crate::refusal::Refusal;
use crate::traces;

const REQUEST_ID: &str = "x-request-id";
const REQUEST_ID_LEN_MAX: usize = 64;
const RETRY_AFTER_SECS: &str = "2";

/// A refusal on its way out.
#[derive(Debug)]
pub(super) struct HttpRefusal(pub(super) Refusal);

impl std::fmt::Display for HttpRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for HttpRefusal {
    fn status_code(&self) -> StatusCode {
        status_of(self.0.code())
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        // The body is written by `envelope`, which knows the request's id.
        HttpResponse::new(self.status_code())
    }
}

impl From<Refusal> for HttpRefusal {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

pub(super) async fn envelope(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let request_id = request_id(&request);
    let method = request.method().clone();
    let state = request.app_data::<State>().cloned();
    let hsts = state.as_ref().and_then(|state| hsts(&state.config.http));
    let traceparent = || header_text(request.request(), traces::TRACEPARENT).ok().flatten();
    let span = traces::request(method.as_str(), &request_id, traceparent);
    let response = next.call(request).instrument(span.clone()).await?.map_into_boxed_body();
    let code = error_code(&response);
    let detail = refusal_of(&response).and_then(Refusal::detail).map(str::to_owned);
    // Found by trying all patterns: once. Never the path, as a media path holds a url token.
    let route = response.request().match_pattern();
    let answered = answered(&response, route.as_deref(), code, started);
    let route = route.unwrap_or_default();
    log(&response, &request_id, method.as_str(), &route, &answered);
    traces::answered(&span, method.as_str(), &route, answered.status, answered.code);
    if let Some(state) = state {
        state.installation.metrics().answered(&answered);
    }
    let retry_after_secs = refusal_of(&response).and_then(Refusal::retry_after_secs);
    let mut response = match code {
        None => response,
        Some(code) => with_envelope(response, code, detail, &request_id),
    };
    let headers = response.headers_mut();
    if let Some(secs) = retry_after_secs {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
    }
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        headers.insert(HeaderName::from_static(REQUEST_ID), value);
    }
    if let Some(hsts) = hsts {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, hsts);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
        headers.insert(header::CONTENT_SECURITY_POLICY, nothing);
    }
    // What may be kept says so itself.
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if !headers.contains_key(header::CROSS_ORIGIN_RESOURCE_POLICY) {
        headers.insert(header::CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    }
    Ok(response)
}

/// Where a proxy speaks TLS, it is the proxy's to say.
fn hsts(config: &HttpConfig) -> Option<HeaderValue> {
    let speaks_tls = config.tls_certificate.is_some() && config.hsts_secs > 0;
    HeaderValue::from_str(&format!("max-age={}", config.hsts_secs)).ok().filter(|_| speaks_tls)
}

/// A trusted proxy's id is kept when it is harmless, so that one id runs through all logs. Nobody else's: whoever could choose it
/// could have another's request looked for.
fn request_id(request: &ServiceRequest) -> String {
    let request = request.request();
    let given = header_text(request, REQUEST_ID).ok().flatten().filter(|id| {
        (1..=REQUEST_ID_LEN_MAX).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && request.app_data::<State>().is_some_and(|state| is_trusted_proxy(state, request).unwrap_or(false))
    });
    given.map_or_else(
        || {
            let mut bytes = [0; 8];
            // Only a name: without randomness it is merely not unique.
            let _ = getrandom::fill(&mut bytes);
            hex::encode(bytes)
        },
        str::to_owned,
    )
}

fn error_code(response: &ServiceResponse<BoxBody>) -> Option<ErrorCode> {
    if let Some(refusal) = refusal_of(response) {
        return Some(refusal.code());
    }
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    // Made by the framework: its own words never leave.
    Some(match status.as_u16() {
        404 => ErrorCode::NotFound,
        405 => ErrorCode::MethodNotAllowed,
        413 => ErrorCode::BodyTooLarge,
        415 => ErrorCode::UnsupportedMediaType,
        416 => ErrorCode::RangeNotSatisfiable,
        503 => ErrorCode::Unavailable,
        400..500 => ErrorCode::MalformedRequest,
        _ => ErrorCode::Internal,
    })
}

fn refusal_of(response: &ServiceResponse<BoxBody>) -> Option<&Refusal> {
    Some(&response.response().error()?.as_error::<HttpRefusal>()?.0)
}

fn with_envelope(
    response: ServiceResponse<BoxBody>,
    code: ErrorCode,
    detail: Option<String>,
    request_id: &str,
) -> ServiceResponse<BoxBody> {
    let envelope = ErrorResponse {
        error: ErrorBody {
            code: code.as_str().to_owned(),
            message: code.message().to_owned(),
            request_id: request_id.to_owned(),
            detail,
        },
    };
    let body = serde_json::to_vec(&envelope).unwrap_or_default();
    let mut response = response.map_body(|_, _| BoxBody::new(body));
    *response.response_mut().status_mut() = status_of(code);
    let headers = response.headers_mut();
    for stale in [
        header::CONTENT_ENCODING,
        header::CONTENT_LENGTH,
        header::ETAG,
        header::LAST_MODIFIED,
        header::CONTENT_DISPOSITION,
    ] {
        headers.remove(stale);
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match code {
        ErrorCode::Unavailable => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECS));
        }
        ErrorCode::ApiKeyInvalid => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        _ => {}
    }
    response
}

fn answered(
    response: &ServiceResponse<BoxBody>,
    route: Option<&str>,
    code: Option<ErrorCode>,
    started: Instant,
) -> Answered {
    Answered {
        route: family_of(route),
        status: code.map_or(response.status(), status_of).as_u16(),
        code: code.map(ErrorCode::as_str),
        took: started.elapsed(),
    }
}

/// Never a header or a body.
fn log(response: &ServiceResponse<BoxBody>, request_id: &str, method: &str, route: &str, answered: &Answered) {
    let Answered { route: family, status, code, took } = *answered;
    let latency_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let refusal = refusal_of(response);
    let cause = refusal.map_or("", Refusal::cause);
    let app_id = refusal.and_then(Refusal::app_id).map(|id| id.value());
    match code {
        None => tracing::info!(request_id, method, route, family, status, latency_ms, "answered"),
        Some(code) if status >= 500 => {
            tracing::error!(request_id, method, route, family, status, latency_ms, code, cause, app_id, "failed");
        }
        Some(code) => {
            tracing::info!(request_id, method, route, family, status, latency_ms, code, cause, app_id, "refused");
        }
    }
}

fn status_of(code: ErrorCode) -> StatusCode {
    StatusCode::from_u16(code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
