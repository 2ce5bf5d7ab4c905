//! `/v1/apps`: applications.

use actix_web::{HttpRequest, web};
use keyveil_protocol::{AppId, ErrorCode};

use super::api::{Answer, State, no_store, no_store_created};
use super::body::json_bytes;
use super::idempotency::{IdempotencyKey, idempotent};
use super::principal::{person, principal, visible_app};
use super::router::resource;
use crate::actions::app_admin;
use crate::actions::app_settings::{self, AppView, ChangeApp};
use crate::actions::parse_json;
use crate::actions::query::{Fields, Page};
use crate::clock::stored;
use crate::principal::{Principal, user_actor};
use crate::refusal::Refusal;
use crate::store::Scope;

const BODY_LEN_MAX: usize = 64 << 10;

/// What this module answers.
#[derive(utoipa::OpenApi)]
#[openapi(paths(list, create, show, change))]
pub(super) struct Docs;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/v1/apps", "GET, POST").route(web::get().to(list)).route(web::post().to(create)))
        .service(resource("/v1/apps/{app_id}", "GET, PATCH").route(web::get().to(show)).route(web::patch().to(change)));
}

/// List applications
///
/// A person sees all, an API key with the scope `read` its own one. By number.
#[utoipa::path(get, path = "/v1/apps", operation_id = "listApps", tag = "applications", params(Page),
    responses((status = 200, description = "A page of applications.", body = app_admin::AppsPage)))]
async fn list(state: State, request: HttpRequest) -> Answer {
    let only = visible_app(&state, &request).await?;
    let fields = Fields::parse(request.query_string(), app_admin::FIELDS)?;
    Ok(no_store().json(app_admin::list(&state, only, &fields).await?))
}

/// Make an application
///
/// For people only. Its first signing key and its first API key, which has every scope, are told only now.
#[utoipa::path(post, path = "/v1/apps", operation_id = "createApp", tag = "applications", params(IdempotencyKey),
    request_body = app_admin::CreateApp, security(("cookie" = [])),
    responses((status = 201, description = "Made.", body = app_admin::CreatedAppView)))]
async fn create(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let (user_id, _) = person(&state, &request).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    let (own, bytes) = (state.clone(), body.clone());
    idempotent(&state, user_actor(&user_id), &request, &body, async move {
        Ok(no_store_created().json(app_admin::create(&own, &user_id, &bytes).await?))
    })
    .await
}

/// Read an application
///
/// Scope `read`. Another application than the one asked for is `not_found`.
#[utoipa::path(get, path = "/v1/apps/{appId}", operation_id = "readApp", tag = "applications",
    params(("appId" = AppId, Path)), responses((status = 200, description = "The application.", body = AppView)))]
async fn show(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Read).await?;
    let app_id = own_app(&principal, &request)?;
    Ok(no_store().json(app_settings::show(&state.installation, app_id).await?))
}

/// Change an application
///
/// Scope `manage`. What is not named stays as it is.
#[utoipa::path(patch, path = "/v1/apps/{appId}", operation_id = "changeApp", tag = "applications",
    params(("appId" = AppId, Path)), request_body = ChangeApp,
    responses((status = 200, description = "As it is now.", body = AppView)))]
async fn change(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let app_id = own_app(&principal, &request)?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    let (change, now): (ChangeApp, _) = (parse_json(&body)?, stored(state.clock.now()));
    Ok(no_store().json(app_settings::change(&state.installation, app_id, change, principal.by(), now).await?))
}

/// The application that the principal is for; another one is not told apart from none.
fn own_app(principal: &Principal, request: &HttpRequest) -> Result<AppId, Refusal> {
    let malformed = |_| Refusal::new(ErrorCode::MalformedRequest, "the path's id is malformed");
    let app_id: AppId = request.match_info().query("app_id").parse().map_err(malformed)?;
    let own = app_id == principal.app_id;
    if own { Ok(app_id) } else { Err(Refusal::new(ErrorCode::NotFound, "not the principal's application")) }
}
