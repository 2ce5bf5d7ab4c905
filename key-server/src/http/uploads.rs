//! `/v1/uploads`: tus 1.0.0 with creation, creation-with-upload, checksum, termination and expiration. And `POST
//! /v1/titles`, which has the server fetch a source itself.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue, HttpDate};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, HttpRequest, HttpResponse, HttpResponseBuilder, guard, web};
use bytes::Bytes;
use futures_util::stream::unfold;
use futures_util::{Stream, StreamExt};
use keyveil_protocol::{ErrorCode, UploadId};

use super::api::{Answer, State, header_text};
use super::envelope::HttpRefusal;
use super::principal::principal;
use super::router::resource;
use crate::actions::sources::Checksum;
use crate::actions::uploads::{self, Part};
use crate::clock::on_wire;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::store::{Scope, Upload, UploadState};

const VERSION: &str = "1.0.0";
const EXTENSIONS: &str = "creation,creation-with-upload,checksum,termination,expiration";
const PART_TYPE: &str = "application/offset+octet-stream";
const OVERRIDE: &str = "X-HTTP-Method-Override";

pub(super) fn routes(config: &mut web::ServiceConfig) {
    let options = || web::route().guard(guard::Options()).to(options);
    config
        .service(
            resource("/v1/uploads", "POST, OPTIONS")
                .route(web::post().to(create))
                .route(options())
                .wrap(from_fn(protocol)),
        )
        .service(
            resource("/v1/uploads/{upload_id}", "HEAD, PATCH, DELETE, OPTIONS")
                .route(web::head().to(status))
                .route(web::patch().to(patch))
                .route(web::delete().to(delete))
                .route(web::post().to(overridden))
                .route(options())
                .wrap(from_fn(protocol)),
        );
}

/// Every answer names the protocol's version; every request but OPTIONS has to.
async fn protocol(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let spoken = request.headers().get("Tus-Resumable").is_some_and(|version| version == VERSION);
    let mut response = if spoken || request.method() == Method::OPTIONS {
        next.call(request).await?.map_into_boxed_body()
    } else {
        let refusal = HttpRefusal(Refusal::new(ErrorCode::TusVersion, "Tus-Resumable"));
        // `into_response` would forget which refusal it was.
        ServiceResponse::new(request.into_parts().0, HttpResponse::from_error(refusal))
    };
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("tus-resumable"), HeaderValue::from_static(VERSION));
    headers.insert(HeaderName::from_static("tus-version"), HeaderValue::from_static(VERSION));
    Ok(response)
}

async fn options(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    let max = uploads::bytes_max(&state, principal.app_id).await?;
    Ok(answer(StatusCode::NO_CONTENT)
        .insert_header(("Tus-Extension", EXTENSIONS))
        .insert_header(("Tus-Checksum-Algorithm", "sha1,sha256"))
        .insert_header(("Tus-Max-Size", max))
        .finish())
}

async fn create(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    for unfit in ["Upload-Defer-Length", "Upload-Concat"] {
        if request.headers().contains_key(unfit) {
            return Err(malformed("Upload-Length: needed at creation; uploads come whole").into());
        }
    }
    let length = count(&request, "Upload-Length")?.ok_or_else(|| malformed("Upload-Length: needed at creation"))?;
    // Checked before anything is made.
    let part = has_body(&request)?.then(|| part(&request, 0)).transpose()?;
    let metadata = header_text(&request, "Upload-Metadata")?.unwrap_or_default();
    let mut upload = uploads::create(&state, &principal, length, metadata).await?;
    if let Some(part) = part {
        upload = match receive(&state, principal.clone(), upload.upload_id.clone(), part, payload).await {
            Ok(upload) => upload,
            // The upload is there, and its offset says what of the body is: the client goes on from it.
            Err(refusal) => uploads::status(&state, &principal, &upload.upload_id).await.map_err(|_| refusal)?,
        };
    }
    Ok(progress(StatusCode::CREATED, &upload)
        .insert_header((header::LOCATION, format!("/v1/uploads/{}", upload.upload_id)))
        .insert_header(("Keyveil-File-Id", upload.file_id.as_str()))
        .finish())
}

async fn status(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    let upload = uploads::status(&state, &principal, &upload_id(&request)?).await?;
    let mut response = progress(StatusCode::OK, &upload);
    response.insert_header(("Upload-Length", upload.length.unwrap_or(upload.offset)));
    response.insert_header(("Keyveil-File-Id", upload.file_id.as_str()));
    if !upload.metadata.is_empty() {
        response.insert_header(("Upload-Metadata", upload.metadata.as_str()));
    }
    Ok(response.finish())
}

async fn patch(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    let upload_id = upload_id(&request)?;
    if !is_part(&request) {
        return Err(Refusal::new(ErrorCode::UnsupportedMediaType, "not an offset+octet-stream").into());
    }
    let offset = count(&request, "Upload-Offset")?.ok_or_else(|| malformed("Upload-Offset: needed"))?;
    let part = part(&request, offset)?;
    let upload = receive(&state, principal, upload_id, part, payload).await?;
    Ok(progress(StatusCode::NO_CONTENT, &upload).finish())
}

async fn delete(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    uploads::terminate(&state, &principal, &upload_id(&request)?).await?;
    Ok(answer(StatusCode::NO_CONTENT).finish())
}

/// For clients behind something that lets only POST through (tus 1.0.0, "X-HTTP-Method-Override").
async fn overridden(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    match header_text(&request, OVERRIDE)? {
        Some("PATCH") => patch(state, request, payload).await,
        Some("DELETE") => delete(state, request).await,
        Some("HEAD") => status(state, request).await,
        _ => Err(Refusal::new(ErrorCode::MethodNotAllowed, "POST to an upload").into()),
    }
}

/// In a task of its own, so that what came is recorded also when the client has gone.
async fn receive(
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
fn chunks(payload: web::Payload, announced: Option<u64>, idle: Duration) -> impl Stream<Item = Result<Bytes, Refusal>> {
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

fn answer(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    response
}

fn progress(status: StatusCode, upload: &Upload) -> HttpResponseBuilder {
    let mut response = answer(status);
    response.insert_header(("Upload-Offset", upload.offset));
    if upload.state == UploadState::Receiving {
        let expires_at: SystemTime = UNIX_EPOCH + Duration::from_secs(on_wire(upload.expires_at));
        response.insert_header(("Upload-Expires", HttpDate::from(expires_at).to_string()));
    }
    response
}

fn part(request: &HttpRequest, offset: u64) -> Result<Part, Refusal> {
    let checksum = header_text(request, "Upload-Checksum")?.map(Checksum::parse).transpose()?;
    Ok(Part { offset, len: count(request, "Content-Length")?, checksum })
}

/// Whether a creation brings bytes along.
fn has_body(request: &HttpRequest) -> Result<bool, Refusal> {
    let len = count(request, "Content-Length")?;
    let has_body = len.unwrap_or(0) > 0 || request.headers().contains_key(header::TRANSFER_ENCODING);
    if has_body && !is_part(request) {
        return Err(Refusal::new(ErrorCode::UnsupportedMediaType, "not an offset+octet-stream"));
    }
    Ok(has_body)
}

fn is_part(request: &HttpRequest) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.eq_ignore_ascii_case(PART_TYPE))
}

/// A header that is a count of bytes.
fn count(request: &HttpRequest, name: &'static str) -> Result<Option<u64>, Refusal> {
    let Some(text) = header_text(request, name)? else { return Ok(None) };
    let digits = (1..=19).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let count = text.parse().ok().filter(|_| digits);
    count.map(Some).ok_or_else(|| malformed(format!("{name}: a number of bytes")))
}

fn upload_id(request: &HttpRequest) -> Result<UploadId, Refusal> {
    let id = request.match_info().query("upload_id").parse::<UploadId>();
    id.map_err(|_| Refusal::new(ErrorCode::NotFound, "no such upload"))
}

fn malformed(detail: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    let detail = detail.into();
    Refusal::new(ErrorCode::MalformedRequest, detail.clone()).with_detail(detail)
}
