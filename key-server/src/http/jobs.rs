//! `/v1/jobs`: what workers and the console ask of the queue.

use std::time::Duration;

use actix_files::NamedFile;
use actix_web::body::SizedStream;
use actix_web::http::header::{self, ByteRangeSpec, HeaderValue, Range};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use futures_util::StreamExt;
use keyveil_protocol::job::SHA256_HEADER;
use keyveil_protocol::{ErrorCode, JobId};
use serde::de::DeserializeOwned;

use super::api::{Answer, State, header_text, no_store};
use super::body::json_bytes;
use super::envelope::HttpRefusal;
use super::principal::{principal, worker};
use super::router::resource;
use crate::actions::jobs::{self, Attempt, IncomingFile};
use crate::refusal::Refusal;
use crate::store::Scope;

const BODY_LEN_MAX: usize = 64 << 10;
/// `complete` carries what `PUT …/commit` does.
const COMPLETE_BODY_LEN_MAX: usize = keyveil_protocol::api::COMMIT_BODY_LEN_MAX;
/// Time for one media file, however steadily it comes.
const MEDIA_TIMEOUT: Duration = Duration::from_secs(600);

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/v1/jobs", "GET").route(web::get().to(list)))
        .service(resource("/v1/jobs/claim", "POST").route(web::post().to(claim)))
        .service(
            resource("/v1/jobs/{job_id}", "GET, PATCH").route(web::get().to(show)).route(web::patch().to(set_priority)),
        )
        .service(resource("/v1/jobs/{job_id}/log", "GET").route(web::get().to(log)))
        .service(resource("/v1/jobs/{job_id}/cancel", "POST").route(web::post().to(cancel)))
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

async fn list(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Read).await?;
    Ok(no_store().json(jobs::list(&state, &principal, query(&request)?).await?))
}

async fn show(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Read).await?;
    Ok(no_store().json(jobs::show(&state, &principal, &job_id(&request)?).await?))
}

async fn log(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Read).await?;
    Ok(no_store().json(jobs::log(&state, &principal, &job_id(&request)?, &query(&request)?).await?))
}

async fn set_priority(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    Ok(no_store().json(jobs::set_priority(&state, &principal, &job_id(&request)?, &body).await?))
}

async fn cancel(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    Ok(no_store().json(jobs::cancel(&state, &principal, &job_id(&request)?).await?))
}

async fn claim(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let api_key = worker(&state, &request).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    match jobs::claim(&state, &api_key, &body).await? {
        Some(claimed) => Ok(no_store().json(claimed)),
        None => Ok(HttpResponse::NoContent().finish()),
    }
}

async fn heartbeat(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let attempt = Attempt::authenticate(&state, bearer(&request)?, &job_id(&request)?).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    Ok(no_store().json(jobs::heartbeat(&state, &attempt, &body).await?))
}

async fn complete(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let attempt = Attempt::authenticate(&state, bearer(&request)?, &job_id(&request)?).await?;
    let body = json_bytes(&request, payload, COMPLETE_BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    Ok(no_store().json(jobs::complete(&state, &attempt, &body).await?))
}

async fn fail(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let attempt = Attempt::held(&state, bearer(&request)?, &job_id(&request)?).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    jobs::fail(&state, &attempt, &body).await?;
    Ok(HttpResponse::NoContent().finish())
}

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

async fn read_media(state: State, request: HttpRequest) -> Answer {
    let attempt = Attempt::held(&state, bearer(&request)?, &job_id(&request)?).await?;
    let (path, mime) = jobs::find_media(&state, &attempt, media_path(&request)?).await?;
    let file = match web::block(move || NamedFile::open(path)).await {
        Ok(Ok(file)) => file,
        _ => return Err(Refusal::new(ErrorCode::Unavailable, "media file can't be opened").into()),
    };
    let mime = mime.parse().map_err(|_| Refusal::new(ErrorCode::Internal, "MIME type"))?;
    let mut response = file.disable_content_disposition().set_content_type(mime).into_response(&request);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn put_media(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let attempt = Attempt::held(&state, bearer(&request)?, &job_id(&request)?).await?;
    let len = header_text(&request, "Content-Length")?.and_then(|len| len.parse().ok());
    let sha256 = header_text(&request, SHA256_HEADER)?;
    let incoming = jobs::put_media(&state, &attempt, media_path(&request)?, len, sha256)?;
    let receiving = receive(&incoming, payload, state.config.http.body_timeout());
    let late = |_| Err(Refusal::new(ErrorCode::MalformedRequest, "body did not arrive in time"));
    tokio::time::timeout(MEDIA_TIMEOUT, receiving).await.unwrap_or_else(late)?;
    incoming.finish(&state, &attempt).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Refuses a body that breaks off or pauses for too long.
async fn receive(incoming: &IncomingFile, mut payload: web::Payload, pause_max: Duration) -> Result<(), Refusal> {
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

enum Wanted {
    Whole,
    Part(std::ops::Range<u64>),
    Nothing,
}

/// One range is answered as such. Several, or another unit, are answered with the whole, as RFC 9110, section 14.2, allows.
fn wanted_range(request: &HttpRequest, len: u64) -> Wanted {
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

fn query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, Refusal> {
    web::Query::<T>::from_query(request.query_string())
        .map(web::Query::into_inner)
        .map_err(|_| Refusal::new(ErrorCode::MalformedRequest, "query"))
}

fn job_id(request: &HttpRequest) -> Result<JobId, Refusal> {
    Ok(request.match_info().query("job_id").parse::<JobId>()?)
}
