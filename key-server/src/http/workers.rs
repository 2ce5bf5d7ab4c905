//! `/v1/workers`: who works here; workers tell it, and the console asks.

use actix_web::{HttpRequest, web};
use keyveil_protocol::WorkerId;
use keyveil_protocol::worker::{RegisterWorkerRequest, RegisteredWorker};

use super::api::{Answer, State, no_store};
use super::body::json_bytes;
use super::openapi::Empty;
use super::principal::{principal, worker};
use super::router::resource;
use crate::actions::workers;
use crate::refusal::Refusal;
use crate::store::Scope;

const BODY_LEN_MAX: usize = 64 << 10;

/// What this module answers.
#[derive(utoipa::OpenApi)]
#[openapi(paths(list, register, drain, undrain))]
pub(super) struct Docs;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/v1/workers", "GET").route(web::get().to(list)))
        .service(resource("/v1/workers/{worker_id}", "PUT").route(web::put().to(register)))
        .service(resource("/v1/workers/{worker_id}/drain", "POST").route(web::post().to(drain)))
        .service(resource("/v1/workers/{worker_id}/undrain", "POST").route(web::post().to(undrain)));
}

/// List workers
///
/// Scope `manage`. Those that have registered in the last three days, by name; their jobs as far as they are of this application.
#[utoipa::path(get, path = "/v1/workers", operation_id = "listWorkers", tag = "workers",
    responses((status = 200, description = "All of them.", body = workers::WorkersPage)))]
async fn list(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    Ok(no_store().json(workers::page(&state, &principal).await?))
}

/// Register a worker
///
/// With a worker's key: at its start, and then every `againSecs`. `worker_too_old` or `worker_too_new` where the two speak no
/// common protocol.
#[utoipa::path(put, path = "/v1/workers/{workerId}", operation_id = "registerWorker", tag = "workers", security(("apiKey" = [])),
    params(("workerId" = WorkerId, Path, description = "Chosen by the worker, the same at each of its starts.")),
    request_body = RegisterWorkerRequest, responses((status = 200, description = "Noted.", body = RegisteredWorker)))]
async fn register(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let api_key = worker(&state, &request).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    Ok(no_store().json(workers::register(&state, &api_key, &worker_id(&request)?, &body).await?))
}

/// Drain a worker
///
/// Scope `manage`. It finishes what it has and takes no more jobs, of whichever application. Harmless to repeat.
#[utoipa::path(post, path = "/v1/workers/{workerId}/drain", operation_id = "drainWorker", tag = "workers",
    params(("workerId" = WorkerId, Path)), request_body = Empty,
    responses((status = 200, description = "As it is now.", body = workers::WorkerView)))]
async fn drain(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    set_drain(state, request, payload, true).await
}

/// Have a drained worker take jobs again
///
/// Scope `manage`. Harmless to repeat.
#[utoipa::path(post, path = "/v1/workers/{workerId}/undrain", operation_id = "undrainWorker", tag = "workers",
    params(("workerId" = WorkerId, Path)), request_body = Empty,
    responses((status = 200, description = "As it is now.", body = workers::WorkerView)))]
async fn undrain(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    set_drain(state, request, payload, false).await
}

async fn set_drain(state: State, request: HttpRequest, payload: web::Payload, drain: bool) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    let id = worker_id(&request)?;
    Ok(no_store().json(workers::set_drain_on_request(&state, &principal, &id, drain, &body).await?))
}

fn worker_id(request: &HttpRequest) -> Result<WorkerId, Refusal> {
    Ok(request.match_info().query("worker_id").parse::<WorkerId>()?)
}
