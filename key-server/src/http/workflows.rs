//! `/v1/workflows`: what is made of a source.

use actix_web::{HttpRequest, HttpResponse, web};
use keyveil_protocol::WorkflowId;

use super::api::{Answer, State, no_store, no_store_created};
use super::body::json_bytes;
use super::idempotency::{IdempotencyKey, idempotent};
use super::principal::principal;
use super::router::resource;
use crate::actions::workflows;
use crate::refusal::Refusal;
use crate::store::Scope;

const BODY_LEN_MAX: usize = 64 << 10;

/// What this module answers.
#[derive(utoipa::OpenApi)]
#[openapi(paths(list, create, show, change, delete))]
pub(super) struct Docs;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/v1/workflows", "GET, POST").route(web::get().to(list)).route(web::post().to(create)))
        .service(
            resource("/v1/workflows/{workflow_id}", "GET, PUT, DELETE")
                .route(web::get().to(show))
                .route(web::put().to(change))
                .route(web::delete().to(delete)),
        );
}

/// List workflows
///
/// Scope `read`. Built-in ones first; always one page.
#[utoipa::path(get, path = "/v1/workflows", operation_id = "listWorkflows", tag = "workflows",
    responses((status = 200, description = "All of them.", body = workflows::WorkflowsPage)))]
async fn list(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Read).await?;
    Ok(no_store().json(workflows::list(&state, &principal).await?))
}

/// Make a workflow
///
/// Scope `write`. At most 100 (`limit_reached`); `workflow_invalid` names the field that makes no sense.
#[utoipa::path(post, path = "/v1/workflows", operation_id = "createWorkflow", tag = "workflows", params(IdempotencyKey), request_body = workflows::WorkflowRequest,
    responses((status = 201, description = "Made.", body = workflows::WorkflowInfo)))]
async fn create(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    let (own, bytes) = (state.clone(), body.clone());
    idempotent(&state, principal.name(), &request, &body, async move {
        Ok(no_store_created().json(workflows::create(&own, &principal, &bytes).await?))
    })
    .await
}

/// Read a workflow
///
/// Scope `read`.
#[utoipa::path(get, path = "/v1/workflows/{workflowId}", operation_id = "readWorkflow", tag = "workflows", params(("workflowId" = WorkflowId, Path)),
    responses((status = 200, description = "The workflow.", body = workflows::WorkflowInfo)))]
async fn show(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Read).await?;
    Ok(no_store().json(workflows::show(&state, &principal, &workflow_id(&request)?).await?))
}

/// Change a workflow
///
/// Scope `write`. Jobs keep the settings they were made with; built-in ones stay as they are.
#[utoipa::path(put, path = "/v1/workflows/{workflowId}", operation_id = "replaceWorkflow", tag = "workflows", params(("workflowId" = WorkflowId, Path)), request_body = workflows::WorkflowRequest,
    responses((status = 200, description = "As it is now.", body = workflows::WorkflowInfo)))]
async fn change(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    Ok(no_store().json(workflows::change(&state, &principal, workflow_id(&request)?, &body).await?))
}

/// Delete a workflow
///
/// Scope `write`.
#[utoipa::path(delete, path = "/v1/workflows/{workflowId}", operation_id = "deleteWorkflow", tag = "workflows", params(("workflowId" = WorkflowId, Path)),
    responses((status = 204, description = "Deleted.")))]
async fn delete(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    workflows::delete(&state, &principal, &workflow_id(&request)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn workflow_id(request: &HttpRequest) -> Result<WorkflowId, Refusal> {
    Ok(request.match_info().query("workflow_id").parse::<WorkflowId>()?)
}
