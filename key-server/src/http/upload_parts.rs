//! What tus says in headers, and the bytes of a part as they come.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HttpDate};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use futures_util::stream::unfold;
use futures_util::{Stream, StreamExt};
use keyveil_protocol::{ErrorCode, UploadId};

use super::api::{State, header_text};
use crate::actions::sources::Checksum;
use crate::actions::uploads::{self, Part};
use crate::clock::on_wire;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::store::{Upload, UploadState};

const PART_TYPE: &str = "application/offset+octet-stream";

/// In a task of its own, so that what came is recorded also when the client has gone.
pub(super) async fn receive(
    state: &State,
    principal: Principal,
    upload_id: UploadId,
    part: Part,
    payload: web::Payload,
) -> Result<Upload, Refusal> {
    let state = state.clone();
    let task = actix_web::rt::spawn(async move {
        let chunks = chunks(payload, part.len, state.config.uploads.idle_timeout());
        uploads::receive(&state, &principal, &upload_id, part, chunks).await
    });
    task.await.unwrap_or_else(|_| Err(Refusal::new(ErrorCode::Internal, "an upload's task was cut off")))
}

/// A body that ends early, or falls silent, is an error: the framework alone does not always tell.
fn chunks(
    payload: web::Payload,
    announced: Option<u64>,
    idle: Duration,
) -> impl Stream<Item = Result<web::Bytes, Refusal>> {
    unfold((Some(payload), 0_u64), move |(payload, received)| async move {
        let mut payload = payload?;
        match tokio::time::timeout(idle, payload.next()).await {
            Ok(Some(Ok(chunk))) => {
                let received = received.saturating_add(chunk.len() as u64);
                Some((Ok(chunk), (Some(payload), received)))
            }
            Ok(None) if announced.is_none_or(|len| received >= len) => None,
            _ => Some((Err(Refusal::new(ErrorCode::MalformedRequest, "body breaks off")), (None, received))),
        }
    })
}

pub(super) fn answer(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    response
}

pub(super) fn progress(status: StatusCode, upload: &Upload) -> HttpResponseBuilder {
    let mut response = answer(status);
    response.insert_header(("Upload-Offset", upload.offset));
    if upload.state == UploadState::Receiving {
        let expires_at: SystemTime = UNIX_EPOCH + Duration::from_secs(on_wire(upload.expires_at));
        response.insert_header(("Upload-Expires", HttpDate::from(expires_at).to_string()));
    }
    response
}

pub(crate) fn part(request: &HttpRequest, offset: u64) -> Result<Part, Refusal> {
    let checksum = header_text(request, "Upload-Checksum")?.map(Checksum::parse).transpose()?;
    Ok(Part { offset, len: count(request, "Content-Length")?, checksum })
}

/// Whether a creation brings bytes along.
pub(crate) fn has_body(request: &HttpRequest) -> Result<bool, Refusal> {
    let len = count(request, "Content-Length")?;
    let has_body = len.unwrap_or(0) > 0 || request.headers().contains_key(header::TRANSFER_ENCODING);
    if has_body && !is_part(request) {
        return Err(Refusal::new(ErrorCode::UnsupportedMediaType, "not an offset+octet-stream"));
    }
    Ok(has_body)
}

pub(crate) fn is_part(request: &HttpRequest) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.eq_ignore_ascii_case(PART_TYPE))
}

/// A header that is a count of bytes.
pub(crate) fn count(request: &HttpRequest, name: &'static str) -> Result<Option<u64>, Refusal> {
    let Some(text) = header_text(request, name)? else { return Ok(None) };
    let digits = (1..=19).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let count = text.parse().ok().filter(|_| digits);
    count.map(Some).ok_or_else(|| malformed(format!("{name}: a number of bytes")))
}

pub(super) fn malformed(detail: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    let detail = detail.into();
    Refusal::new(ErrorCode::MalformedRequest, detail.clone()).with_detail(detail)
}
