//! `/v1/workflows`: what is made of a source.

use actix_web::{HttpRequest, HttpResponse, web};
use keyveil_protocol::WorkflowId;

use super::api::{Answer, State, no_store, no_store_created};
use super::body::json_bytes;
use super::idempotency::idempotent;
use super::principal::principal;
use super::router::resource;
use crate::actions::workflows;
use crate::refusal::Refusal;
use crate::store::Scope;

const BODY_LEN_MAX: usize = 64 << 10;

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

async fn list(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Read).await?;
    Ok(no_store().json(workflows::list(&state, &principal).await?))
}

async fn create(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    let (own, bytes) = (state.clone(), body.clone());
    idempotent(&state, principal.name(), &request, &body, async move {
        Ok(no_store_created().json(workflows::create(&own, &principal, &bytes).await?))
    })
    .await
}

async fn show(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Read).await?;
    Ok(no_store().json(workflows::show(&state, &principal, &workflow_id(&request)?).await?))
}

async fn change(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    Ok(no_store().json(workflows::change(&state, &principal, workflow_id(&request)?, &body).await?))
}

async fn delete(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    workflows::delete(&state, &principal, &workflow_id(&request)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn workflow_id(request: &HttpRequest) -> Result<WorkflowId, Refusal> {
    Ok(request.match_info().query("workflow_id").parse::<WorkflowId>()?)
}
