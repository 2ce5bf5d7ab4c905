//! `/v1/media-origins`.

use actix_web::{HttpRequest, HttpResponse, web};
use keyveil_protocol::MediaOriginId;

use super::api::{Answer, State, no_store, no_store_created};
use super::body::json_bytes;
use super::idempotency::{IdempotencyKey, idempotent};
use super::principal::principal;
use super::router::resource;
use crate::actions::media_origins as actions;
use crate::actions::parse_json;
use crate::clock::stored;
use crate::refusal::Refusal;
use crate::store::Scope;

const BODY_LEN_MAX: usize = 16 << 10;

/// What this module answers.
#[derive(utoipa::OpenApi)]
#[openapi(paths(list, create, show, change, delete))]
pub(super) struct Docs;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/v1/media-origins", "GET, POST").route(web::get().to(list)).route(web::post().to(create)))
        .service(
            resource("/v1/media-origins/{origin_id}", "GET, PATCH, DELETE")
                .route(web::get().to(show))
                .route(web::patch().to(change))
                .route(web::delete().to(delete)),
        );
}

/// List media origins
///
/// Scope `manage`.
#[utoipa::path(get, path = "/v1/media-origins", operation_id = "listMediaOrigins", tag = "media origins",
    responses((status = 200, description = "Oldest first.", body = actions::MediaOriginsPage)))]
async fn list(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    Ok(no_store().json(actions::list(&state.installation, principal.app_id).await?))
}

/// Make a media origin
///
/// Scope `manage`. At most 16 (`limit_reached`).
#[utoipa::path(post, path = "/v1/media-origins", operation_id = "createMediaOrigin", tag = "media origins", request_body = actions::NewMediaOrigin, params(IdempotencyKey),
    responses((status = 201, description = "Made; a key that was made is told only now.", body = actions::CreatedMediaOrigin)))]
async fn create(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    let (own, bytes) = (state.clone(), body.clone());
    idempotent(&state, principal.name(), &request, &body, async move {
        let now = stored(own.clock.now());
        let new = parse_json(&bytes)?;
        let made = actions::create(&own.installation, principal.app_id, &new, principal.by(), now).await?;
        Ok(no_store_created().json(made))
    })
    .await
}

/// Read a media origin
///
/// Scope `manage`.
#[utoipa::path(get, path = "/v1/media-origins/{originId}", operation_id = "readMediaOrigin", tag = "media origins", params(("originId" = MediaOriginId, Path)),
    responses((status = 200, description = "One media origin.", body = actions::MediaOriginView)))]
async fn show(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    Ok(no_store().json(actions::show(&state.installation, principal.app_id, &id(&request)?).await?))
}

/// Change a media origin
///
/// Scope `manage`. What is not named stays as it is. Holds within two seconds.
#[utoipa::path(patch, path = "/v1/media-origins/{originId}", operation_id = "changeMediaOrigin", tag = "media origins", request_body = actions::MediaOriginChange, params(("originId" = MediaOriginId, Path)),
    responses((status = 200, description = "As it is now.", body = actions::MediaOriginView)))]
async fn change(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    let (change, by) = (parse_json(&body)?, (principal.by(), stored(state.clock.now())));
    let changed = actions::change(&state.installation, principal.app_id, &id(&request)?, &change, by).await?;
    Ok(no_store().json(changed))
}

/// Delete a media origin
///
/// Scope `manage`. Its addresses hold no more.
#[utoipa::path(delete, path = "/v1/media-origins/{originId}", operation_id = "deleteMediaOrigin", tag = "media origins", params(("originId" = MediaOriginId, Path)),
    responses((status = 204, description = "Gone.")))]
async fn delete(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let now = stored(state.clock.now());
    actions::delete(&state.installation, principal.app_id, &id(&request)?, principal.by(), now).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn id(request: &HttpRequest) -> Result<MediaOriginId, Refusal> {
    Ok(request.match_info().query("origin_id").parse()?)
}
