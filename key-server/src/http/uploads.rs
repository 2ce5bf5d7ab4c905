//! `/v1/uploads`: tus 1.0.0 with creation, creation-with-upload, checksum, termination and expiration.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, HttpRequest, HttpResponse, guard, web};
use keyveil_protocol::{ErrorCode, FileId, UploadId};
use tokio::sync::oneshot;

use super::api::{Answer, State, header_text};
use super::envelope::HttpRefusal;
use super::idempotency::{IdempotencyKey, idempotent};
use super::openapi::Bytes;
use super::principal::principal;
use super::router::resource;
use super::upload_parts::{answer, count, has_body, is_part, malformed, part, progress, receive};
use crate::actions::uploads;
use crate::refusal::Refusal;
use crate::store::{Scope, Upload};

const VERSION: &str = "1.0.0";
const EXTENSIONS: &str = "creation,creation-with-upload,checksum,termination,expiration";
const OVERRIDE: &str = "X-HTTP-Method-Override";

/// What this module answers.
#[derive(utoipa::OpenApi)]
#[openapi(paths(options, upload_options, create, status, patch, delete))]
pub(super) struct Docs;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    let is_options = || web::route().guard(guard::Options());
    config
        .service(
            resource("/v1/uploads", "POST, OPTIONS")
                .route(web::post().to(create))
                .route(is_options().to(options))
                .wrap(from_fn(protocol)),
        )
        .service(
            resource("/v1/uploads/{upload_id}", "HEAD, PATCH, DELETE, OPTIONS")
                .route(web::head().to(status))
                .route(web::patch().to(patch))
                .route(web::delete().to(delete))
                .route(web::post().to(overridden))
                .route(is_options().to(upload_options))
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

/// Ask what uploads may be
///
/// Scope `write`. tus 1.0.0.
#[utoipa::path(options, path = "/v1/uploads", operation_id = "describeUploads", tag = "uploads",
    responses((status = 204, description = "Versions, extensions and limits.", headers(
        ("Tus-Version" = String), ("Tus-Extension" = String), ("Tus-Checksum-Algorithm" = String), ("Tus-Max-Size" = u64)))))]
async fn options(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    let max = uploads::bytes_max(&state, principal.app_id).await?;
    Ok(answer(StatusCode::NO_CONTENT)
        .insert_header(("Tus-Extension", EXTENSIONS))
        .insert_header(("Tus-Checksum-Algorithm", "sha1,sha256"))
        .insert_header(("Tus-Max-Size", max))
        .finish())
}

/// Begin an upload
///
/// Scope `write`. Makes a title in the state `uploading`; may bring the first bytes along.
#[utoipa::path(post, path = "/v1/uploads", operation_id = "createUpload", tag = "uploads",
    params(("Tus-Resumable" = String, Header, description = "`1.0.0`."), IdempotencyKey,
        ("Upload-Length" = u64, Header, minimum = 1, description = "Of the whole file."),
        ("Upload-Metadata" = String, Header, description = "tus pairs: `filename` (needed), `filetype`, `name`, `description`, `labels` (comma-separated), `workflowId`, `fileId`, `sha256`."),
        ("Upload-Checksum" = Option<String>, Header, description = "`sha1` or `sha256` and base64, of the bytes brought along.")),
    request_body(content = Option<Bytes>, content_type = "application/offset+octet-stream"),
    responses((status = 201, description = "Begun.", headers(
        ("Location" = String), ("Keyveil-File-Id" = FileId), ("Upload-Offset" = u64), ("Upload-Expires" = String)))))]
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
    let metadata = header_text(&request, "Upload-Metadata")?.unwrap_or_default().to_owned();
    // What an upload is, is in its headers.
    let told = format!("{length} {metadata}");
    let (made, begun_here) = oneshot::channel();
    let (own, by) = (state.clone(), principal.clone());
    let answer = idempotent(&state, principal.name(), &request, told.as_bytes(), async move {
        let upload = uploads::create(&own, &by, length, &metadata).await?;
        let answer = begun(&upload);
        // Nobody listens where the client has gone: the repetition finds the upload all the same.
        let _ = made.send(upload);
        Ok(answer)
    })
    .await?;
    // The answer is kept before the first byte, because a body takes as long as it likes. A repetition brings its bytes by
    // PATCH, where the upload stands.
    let (Some(part), Ok(upload)) = (part, begun_here.await) else { return Ok(answer) };
    let received = receive(&state, principal.clone(), upload.upload_id.clone(), part, payload).await;
    let upload = match received {
        Ok(upload) => upload,
        // The upload is there, and its offset says what of the body is: the client goes on from it.
        Err(refusal) => uploads::status(&state, &principal, &upload.upload_id).await.map_err(|_| refusal)?,
    };
    Ok(begun(&upload))
}

fn begun(upload: &Upload) -> HttpResponse {
    progress(StatusCode::CREATED, upload)
        .insert_header((header::LOCATION, format!("/v1/uploads/{}", upload.upload_id)))
        .insert_header(("Keyveil-File-Id", upload.file_id.as_str()))
        .finish()
}

/// Ask where an upload stands
///
/// Scope `write`. Ends a request that still writes, which records what it has.
#[utoipa::path(head, path = "/v1/uploads/{uploadId}", operation_id = "readUpload", tag = "uploads", params(("uploadId" = UploadId, Path), ("Tus-Resumable" = String, Header, description = "`1.0.0`.")),
    responses((status = 200, description = "Where it stands.", headers(
        ("Upload-Offset" = u64), ("Upload-Length" = u64), ("Keyveil-File-Id" = FileId), ("Upload-Metadata" = String), ("Upload-Expires" = String)))))]
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

/// Go on with an upload
///
/// Scope `write`. With the last byte the title is `queued`.
#[utoipa::path(patch, path = "/v1/uploads/{uploadId}", operation_id = "continueUpload", tag = "uploads", params(("uploadId" = UploadId, Path), ("Tus-Resumable" = String, Header, description = "`1.0.0`."),
        ("Upload-Offset" = u64, Header, description = "Where the upload stands, else `upload_offset`."),
        ("Upload-Checksum" = Option<String>, Header, description = "`sha1` or `sha256` and base64: the part counts whole or not at all.")),
    request_body(content = Bytes, content_type = "application/offset+octet-stream"),
    responses((status = 204, description = "Where it stands now.", headers(("Upload-Offset" = u64), ("Upload-Expires" = String)))))]
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

/// Cancel an upload
///
/// Scope `write`. Takes its title along; `upload_gone` once it is complete.
#[utoipa::path(delete, path = "/v1/uploads/{uploadId}", operation_id = "cancelUpload", tag = "uploads", params(("uploadId" = UploadId, Path), ("Tus-Resumable" = String, Header, description = "`1.0.0`.")),
    responses((status = 204, description = "Cancelled.")))]
async fn delete(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    uploads::terminate(&state, &principal, &upload_id(&request)?).await?;
    Ok(answer(StatusCode::NO_CONTENT).finish())
}

/// Ask what uploads may be
///
/// The same as without an upload's id.
#[utoipa::path(options, path = "/v1/uploads/{uploadId}", operation_id = "describeUpload", tag = "uploads", params(("uploadId" = UploadId, Path)),
    responses((status = 204, description = "Versions, extensions and limits.")))]
async fn upload_options(state: State, request: HttpRequest) -> Answer {
    options(state, request).await
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

fn upload_id(request: &HttpRequest) -> Result<UploadId, Refusal> {
    let id = request.match_info().query("upload_id").parse::<UploadId>();
    id.map_err(|_| Refusal::new(ErrorCode::NotFound, "no such upload"))
}
