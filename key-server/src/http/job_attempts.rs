//! `/v1/jobs/claim`, `/v1/jobs/{jobId}/…`: what workers ask.

use std::time::Duration;

use actix_web::body::SizedStream;
use actix_web::http::header::{self, ByteRangeSpec, HeaderValue, Range};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use futures_util::StreamExt;
use keyveil_protocol::job::{
    ClaimJobRequest, ClaimedJob, CompleteJobRequest, FailJobRequest, HeartbeatRequest, HeartbeatResponse, SHA256_HEADER,
};
use keyveil_protocol::{ErrorCode, JobId};

use super::api::{Answer, State, header_text, no_store};
use super::body::json_bytes;
use super::envelope::HttpRefusal;
use super::openapi::Bytes;
use super::principal::worker;
use super::router::resource;
use crate::actions::jobs::{self, Attempt, IncomingFile};
use crate::refusal::Refusal;

const BODY_LEN_MAX: usize = 64 << 10;
/// `complete` carries what `PUT …/commit` does.
const COMPLETE_BODY_LEN_MAX: usize = keyveil_protocol::api::COMMIT_BODY_LEN_MAX;
/// Time for one media file, however steadily it comes.
const MEDIA_TIMEOUT: Duration = Duration::from_secs(600);

/// What this module answers.
#[derive(utoipa::OpenApi)]
#[openapi(paths(claim, heartbeat, complete, fail, source, read_media, put_media))]
pub(super) struct Docs;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/v1/jobs/claim", "POST").route(web::post().to(claim)))
        .service(resource("/v1/jobs/{job_id}/source", "GET").route(web::get().to(source)))
        .service(resource("/v1/jobs/{job_id}/heartbeat", "POST").route(web::post().to(heartbeat)))
        .service(resource("/v1/jobs/{job_id}/complete", "POST").route(web::post().to(complete)))
        .service(resource("/v1/jobs/{job_id}/fail", "POST").route(web::post().to(fail)))
        .service(
            resource("/v1/jobs/{job_id}/media/{path:.*}", "GET, PUT")
                .route(web::get().to(read_media))
                .route(web::put().to(put_media)),
        );
}

/// Claim a job
///
/// With a worker's key. Highest priority first, then oldest; holds a lease that heartbeats prolong.
#[utoipa::path(post, path = "/v1/jobs/claim", operation_id = "claimJob", tag = "workers", security(("apiKey" = [])),
    request_body = ClaimJobRequest,
    responses((status = 200, description = "A job.", body = ClaimedJob), (status = 204, description = "There is none.")))]
async fn claim(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let api_key = worker(&state, &request).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    match jobs::claim(&state, &api_key, &body).await? {
        Some(claimed) => Ok(no_store().json(claimed)),
        None => Ok(HttpResponse::NoContent().finish()),
    }
}

/// Tell how far a job is
///
/// Prolongs the lease. `lease_lost` when the job is over or someone else's.
#[utoipa::path(post, path = "/v1/jobs/{jobId}/heartbeat", operation_id = "sendHeartbeat", tag = "workers", security(("jobToken" = [])), 
    params(("jobId" = JobId, Path)), request_body = HeartbeatRequest,
    responses((status = 200, description = "Whether to go on.", body = HeartbeatResponse)))]
async fn heartbeat(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let attempt = Attempt::authenticate(&state, bearer(&request)?, &job_id(&request)?).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    Ok(no_store().json(jobs::heartbeat(&state, &attempt, &body).await?))
}

/// Commit what was made
///
/// Up to 256 KiB; harmless to repeat. `media_incomplete` unless every file of the playlists is there.
#[utoipa::path(post, path = "/v1/jobs/{jobId}/complete", operation_id = "completeJob", tag = "workers", security(("jobToken" = [])), 
    params(("jobId" = JobId, Path)), request_body = CompleteJobRequest,
    responses((status = 200, description = "Committed.", body = jobs::CompletedJob)))]
async fn complete(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let attempt = Attempt::held_or_done(&state, bearer(&request)?, &job_id(&request)?).await?;
    let body = json_bytes(&request, payload, COMPLETE_BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    Ok(no_store().json(jobs::complete(&state, &attempt, &body).await?))
}

/// Give a job up
#[utoipa::path(post, path = "/v1/jobs/{jobId}/fail", operation_id = "failJob", tag = "workers", security(("jobToken" = [])), 
    params(("jobId" = JobId, Path)), request_body = FailJobRequest, responses((status = 204, description = "Noted.")))]
async fn fail(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let attempt = Attempt::held(&state, bearer(&request)?, &job_id(&request)?).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    jobs::fail(&state, &attempt, &body).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Read a job's source
///
/// Of a package job, in the clear. One range is answered as such, several with the whole.
#[utoipa::path(get, path = "/v1/jobs/{jobId}/source", operation_id = "readJobSource", tag = "workers", security(("jobToken" = [])), 
    params(("jobId" = JobId, Path), ("Range" = Option<String>, Header, description = "`bytes=FROM-LAST`.")),
    responses((status = 200, description = "The whole.", body = Bytes, content_type = "application/octet-stream"),
        (status = 206, description = "The range.", body = Bytes, content_type = "application/octet-stream")))]
async fn source(state: State, request: HttpRequest) -> Answer {
    let attempt = Attempt::held(&state, bearer(&request)?, &job_id(&request)?).await?;
    let found = jobs::source_of(&state, attempt.file_id()).await?;
    let len = found.ok_or_else(|| Refusal::new(ErrorCode::NotFound, "the job has no source"))?.len;
    let (range, mut response) = match wanted_range(&request, len) {
        Wanted::Whole => (0..len, no_store()),
        Wanted::Part(range) => {
            let mut response = HttpResponse::PartialContent();
            response.insert_header((header::CACHE_CONTROL, "no-store"));
            let content_range = format!("bytes {}-{}/{len}", range.start, range.end.saturating_sub(1));
            response.insert_header((header::CONTENT_RANGE, content_range));
            (range, response)
        }
        Wanted::Nothing => {
            let refusal = Refusal::new(ErrorCode::RangeNotSatisfiable, "range lies outside the source");
            let mut response = HttpResponse::from_error(HttpRefusal(refusal));
            if let Ok(value) = HeaderValue::from_str(&format!("bytes */{len}")) {
                response.headers_mut().insert(header::CONTENT_RANGE, value);
            }
            return Ok(response);
        }
    };
    let part_len = range.end.saturating_sub(range.start);
    let chunks = jobs::read_source(&state, attempt.file_id(), range).await?;
    response
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header((header::CONTENT_TYPE, "application/octet-stream"));
    Ok(response.body(SizedStream::new(part_len, chunks)))
}

/// Read a file of the version before
///
/// Of a re-encryption.
#[utoipa::path(get, path = "/v1/jobs/{jobId}/media/{path}", operation_id = "readJobMedia", tag = "workers", security(("jobToken" = [])), 
    params(("jobId" = JobId, Path), ("path" = String, Path, description = "Relative to the media folder.")),
    responses((status = 200, description = "The file.", body = Bytes, content_type = "application/octet-stream")))]
async fn read_media(state: State, request: HttpRequest) -> Answer {
    let attempt = Attempt::held(&state, bearer(&request)?, &job_id(&request)?).await?;
    let (stored, chunks, mime) = jobs::read_media(&state, &attempt, media_path(&request)?).await?;
    Ok(no_store().content_type(mime).body(SizedStream::new(stored.len, chunks)))
}

/// Store a file of the new version
///
/// Whole or not at all; harmless to repeat.
#[utoipa::path(put, path = "/v1/jobs/{jobId}/media/{path}", operation_id = "storeJobMedia", tag = "workers", security(("jobToken" = [])), 
    params(("jobId" = JobId, Path), ("path" = String, Path, description = "Relative to the media folder."),
        ("Content-Length" = u64, Header, maximum = 536_870_928, description = "Needed; no chunked body."),
        ("Keyveil-Sha256" = String, Header, description = "Lower-case hex of the file's SHA-256.")),
    request_body(content = Bytes, content_type = "application/octet-stream"),
    responses((status = 204, description = "Stored.")))]
async fn put_media(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let attempt = Attempt::held(&state, bearer(&request)?, &job_id(&request)?).await?;
    let len = header_text(&request, "Content-Length")?.and_then(|len| len.parse().ok());
    let sha256 = header_text(&request, SHA256_HEADER)?;
    let mut incoming = jobs::put_media(&state, &attempt, media_path(&request)?, len, sha256).await?;
    let receiving = receive(&mut incoming, payload, state.config.http.body_timeout());
    let late = |_| Err(Refusal::new(ErrorCode::MalformedRequest, "body did not arrive in time"));
    tokio::time::timeout(MEDIA_TIMEOUT, receiving).await.unwrap_or_else(late)?;
    incoming.finish(&state, &attempt).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Refuses a body that breaks off or pauses for too long.
async fn receive(incoming: &mut IncomingFile, mut payload: web::Payload, pause_max: Duration) -> Result<(), Refusal> {
    let broken = |cause: &'static str| Refusal::new(ErrorCode::MalformedRequest, cause);
    loop {
        let next = tokio::time::timeout(pause_max, payload.next()).await;
        match next.map_err(|_| broken("body did not arrive in time"))? {
            None => return Ok(()),
            Some(Err(_)) => return Err(broken("body breaks off")),
            Some(Ok(chunk)) => {
                if !incoming.push(chunk).await {
                    return Ok(());
                }
            }
        }
    }
}

pub(super) enum Wanted {
    Whole,
    Part(std::ops::Range<u64>),
    Nothing,
}

/// One range is answered as such. Several, or another unit, are answered with the whole, as RFC 9110, section 14.2, allows.
pub(super) fn wanted_range(request: &HttpRequest, len: u64) -> Wanted {
    let Some(Range::Bytes(ranges)) = request.get_header::<Range>() else { return Wanted::Whole };
    let [range] = ranges.as_slice() else { return Wanted::Whole };
    match ByteRangeSpec::to_satisfiable_range(range, len) {
        Some((first, last)) => Wanted::Part(first..last.saturating_add(1).min(len)),
        None => Wanted::Nothing,
    }
}

fn bearer(request: &HttpRequest) -> Result<Option<&str>, Refusal> {
    header_text(request, "Authorization")
}

/// The raw path: the router's own has been decoded in part.
fn media_path(request: &HttpRequest) -> Result<&str, Refusal> {
    let path = request.path().splitn(6, '/').nth(5);
    path.ok_or_else(|| Refusal::new(ErrorCode::NotFound, "media path is too short"))
}

fn job_id(request: &HttpRequest) -> Result<JobId, Refusal> {
    Ok(request.match_info().query("job_id").parse::<JobId>()?)
}
