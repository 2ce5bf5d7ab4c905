//! `/v1/jobs`: what the console asks of the queue.

use actix_web::{HttpRequest, web};
use keyveil_protocol::{FileId, JobId};

use super::api::{Answer, State, no_store};
use super::body::json_bytes;
use super::openapi::Empty;
use super::principal::principal;
use super::router::resource;
use crate::actions::jobs;
use crate::actions::query::{Fields, Page};
use crate::refusal::Refusal;
use crate::store::Scope;

const BODY_LEN_MAX: usize = 64 << 10;

/// What this module answers.
#[derive(utoipa::OpenApi)]
#[openapi(paths(list, show, log, set_priority, cancel))]
pub(super) struct Docs;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/v1/jobs", "GET").route(web::get().to(list)))
        .service(
            resource("/v1/jobs/{job_id}", "GET, PATCH").route(web::get().to(show)).route(web::patch().to(set_priority)),
        )
        .service(resource("/v1/jobs/{job_id}/log", "GET").route(web::get().to(log)))
        .service(resource("/v1/jobs/{job_id}/cancel", "POST").route(web::post().to(cancel)));
}

/// List jobs
///
/// Scope `read`. Newest first.
#[utoipa::path(get, path = "/v1/jobs", operation_id = "listJobs", tag = "jobs", params(
        ("fileId" = Option<FileId>, Query, description = "Only of this title."),
        ("state" = Option<Vec<String>>, Query, description = "`queued`, `running`, `done`, `failed`, `cancelled`; repeated: any of them."),
        Page),
    responses((status = 200, description = "A page of jobs.", body = jobs::JobsPage)))]
async fn list(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Read).await?;
    Ok(no_store()
        .json(jobs::list(&state, &principal, &Fields::parse(request.query_string(), jobs::LIST_FIELDS)?).await?))
}

/// Read a job
///
/// Scope `read`.
#[utoipa::path(get, path = "/v1/jobs/{jobId}", operation_id = "readJob", tag = "jobs", params(("jobId" = JobId, Path)),
    responses((status = 200, description = "The job.", body = jobs::JobView)))]
async fn show(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Read).await?;
    Ok(no_store().json(jobs::show(&state, &principal, &job_id(&request)?).await?))
}

/// Read a job's log
///
/// Scope `read`. The last 2000 lines, oldest first.
#[utoipa::path(get, path = "/v1/jobs/{jobId}/log", operation_id = "readJobLog", tag = "jobs",
    params(("jobId" = JobId, Path),
        ("after" = Option<u32>, Query, description = "The `next` of the page before."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "50 when absent.")),
    responses((status = 200, description = "A page of its log.", body = jobs::JobLog)))]
async fn log(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Read).await?;
    let fields = Fields::parse(request.query_string(), jobs::LOG_FIELDS)?;
    Ok(no_store().json(jobs::log(&state, &principal, &job_id(&request)?, &fields).await?))
}

/// Move a job in the queue
///
/// Scope `write`. The highest priority is claimed first. A job that is over is `title_state`.
#[utoipa::path(patch, path = "/v1/jobs/{jobId}", operation_id = "changeJob", tag = "jobs", params(("jobId" = JobId, Path)),
    request_body = jobs::PriorityRequest, responses((status = 200, description = "As it is now.", body = jobs::JobView)))]
async fn set_priority(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    Ok(no_store().json(jobs::set_priority(&state, &principal, &job_id(&request)?, &body).await?))
}

/// Cancel a job
///
/// Scope `write`. At once and for good; harmless to repeat. The title of a package job fails with `job_cancelled`.
#[utoipa::path(post, path = "/v1/jobs/{jobId}/cancel", operation_id = "cancelJob", tag = "jobs", params(("jobId" = JobId, Path)),
    request_body = Option<Empty>, responses((status = 200, description = "As it is now.", body = jobs::JobView)))]
async fn cancel(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    Ok(no_store().json(jobs::cancel(&state, &principal, &job_id(&request)?).await?))
}

fn job_id(request: &HttpRequest) -> Result<JobId, Refusal> {
    Ok(request.match_info().query("job_id").parse::<JobId>()?)
}
