//! Which pages may read an answer. Decided per application, which no general CORS layer can: only the answer knows
//! whose title, signature or session it was.

use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use keyveil_protocol::{AppId, ErrorCode};

use super::envelope::HttpRefusal;
use crate::actions::signed_media::is_signed_media;
use crate::page_origin::PageOrigin;
use crate::refusal::Refusal;
use crate::state::ServerState;

const METHODS: &str = "GET, HEAD, POST";
const REQUEST_HEADERS: &str = "Content-Type, Keyveil-Mac, Range, Traceparent";
const EXPOSED_HEADERS: &str = "Content-Length, Content-Range, ETag, Accept-Ranges, Retry-After, X-Request-Id";
const PREFLIGHT_MAX_AGE_SECS: &str = "600";

/// Left in a request's extensions by a handler that knows the application.
#[derive(Clone, Copy, Debug)]
pub(super) struct AnswerFor(pub(super) AppId);

pub(super) async fn cors(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if !is_shared(request.path()) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let Some(state) = request.app_data::<web::Data<ServerState>>().map(|data| Arc::clone(data)) else {
        return Err(HttpRefusal(Refusal::new(ErrorCode::Internal, "no state")).into());
    };
    let origin = request.headers().get(header::ORIGIN).cloned();
    let is_preflight = request.method() == Method::OPTIONS
        && origin.is_some()
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if is_preflight {
        preflight(request, may_read(&state, origin.as_ref(), None).await)
    } else {
        next.call(request).await?.map_into_boxed_body()
    };
    let answer_for = response.request().extensions().get::<AnswerFor>().copied();
    // An answer without an Origin still differs from one with: a cache has to know.
    append(response.headers_mut(), header::VARY, "Origin");
    if let Some(origin) = origin
        && may_read(&state, Some(&origin), answer_for).await
    {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        append(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
    }
    Ok(response)
}

/// Paths that pages of other origins may use.
fn is_shared(path: &str) -> bool {
    matches!(path, "/v1/play" | "/v1/keys" | "/v1/hls-keys")
        || ["/v1/hls/", "/v1/hls-keys/", "/media/", "/sdk/"].iter().any(|prefix| path.starts_with(prefix))
        || is_signed_media(path)
}

/// A page of the answer's application; before that is known, a page of any application.
async fn may_read(state: &ServerState, origin: Option<&HeaderValue>, answer_for: Option<AnswerFor>) -> bool {
    let Some(origin) = origin.and_then(|value| value.to_str().ok()).and_then(PageOrigin::parse) else { return false };
    if state.is_own_origin(&origin) {
        return true;
    }
    let all = match state.all_domains().await {
        Ok(all) => all,
        Err(error) => {
            tracing::error!(%error, "domains can't be read");
            return false;
        }
    };
    match answer_for {
        Some(AnswerFor(app_id)) => all.get(&app_id).is_some_and(|own| own.iter().any(|domain| domain.matches(&origin))),
        None => all.values().flatten().any(|domain| domain.matches(&origin)),
    }
}

fn preflight(request: ServiceRequest, readable: bool) -> ServiceResponse<BoxBody> {
    if !readable {
        let refusal = Refusal::new(ErrorCode::OriginNotAllowed, "preflight from a page of no app");
        return request.error_response(HttpRefusal(refusal));
    }
    let mut response = HttpResponse::NoContent();
    response
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE_SECS));
    request.into_response(response.finish())
}

fn append(headers: &mut HeaderMap, name: header::HeaderName, value: &'static str) {
    headers.append(name, HeaderValue::from_static(value));
}
