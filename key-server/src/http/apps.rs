//! `/v1/apps/{appId}`, `/v1/signing-keys`, `/v1/api-keys`, `/v1/player-signatures`: an application, its keys, and what they
//! sign.

use actix_web::{HttpRequest, HttpResponse, web};
use keyveil_protocol::{ApiKeyId, AppId, ErrorCode, KeyId};
use serde_json::{Value, json};

use super::api::{Answer, State, no_store, no_store_created};
use super::body::json_bytes;
use super::principal::principal;
use super::router::resource;
use crate::actions::app_keys::{self, NewApiKey};
use crate::actions::app_settings::{self, ChangeApp};
use crate::actions::decode_signature::decode;
use crate::actions::query::empty_body;
use crate::actions::{apps, parse_json, signatures};
use crate::clock::stored;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::Scope;

const BODY_LEN_MAX: usize = 64 << 10;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/v1/apps/{app_id}", "GET, PATCH").route(web::get().to(show)).route(web::patch().to(change)))
        .service(
            resource("/v1/signing-keys", "GET, POST")
                .route(web::get().to(list_signing_keys))
                .route(web::post().to(create_signing_key)),
        )
        .service(resource("/v1/signing-keys/{kid}", "DELETE").route(web::delete().to(retire_signing_key)))
        .service(
            resource("/v1/api-keys", "GET, POST")
                .route(web::get().to(list_api_keys))
                .route(web::post().to(create_api_key)),
        )
        .service(resource("/v1/api-keys/{api_key_id}", "DELETE").route(web::delete().to(retire_api_key)))
        .service(resource("/v1/player-signatures", "POST").route(web::post().to(sign)))
        .service(resource("/v1/player-signatures/decode", "POST").route(web::post().to(decode_signature)));
}

async fn show(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Read).await?;
    let app_id = own_app(&principal, &request)?;
    Ok(no_store().json(app_settings::show(&state.installation, app_id).await?))
}

async fn change(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let app_id = own_app(&principal, &request)?;
    let change: ChangeApp = parse_json(&body(&state, &request, payload).await?)?;
    let now = stored(state.clock.now());
    Ok(no_store().json(app_settings::change(&state.installation, app_id, change, principal.by(), now).await?))
}

async fn list_signing_keys(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    Ok(no_store().json(app_keys::list_signing_keys(&state.installation, principal.app_id).await?))
}

async fn create_signing_key(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    empty_body(&body(&state, &request, payload).await?)?;
    let now = stored(state.clock.now());
    let key = apps::create_signing_key(&state.installation, principal.app_id, principal.by(), now).await?;
    Ok(no_store_created().json(json!({ "kid": key.kid, "text": key.expose_text(), "createdAt": now })))
}

async fn retire_signing_key(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let kid: KeyId = path(&request, "kid")?;
    let now = stored(state.clock.now());
    let retired = apps::retire_signing_key(&state.installation, principal.app_id, &kid, principal.by(), now).await?;
    gone(retired)
}

async fn list_api_keys(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    Ok(no_store().json(app_keys::list_api_keys(&state.installation, principal.app_id).await?))
}

async fn create_api_key(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let new: NewApiKey = parse_json(&body(&state, &request, payload).await?)?;
    let now = stored(state.clock.now());
    let key = app_keys::create_api_key(&state.installation, principal.app_id, &new, principal.by(), now).await?;
    let view: Value = json!({
        "apiKeyId": key.id(), "name": new.name, "scopes": new.scopes, "text": key.expose_text(), "createdAt": now,
    });
    Ok(no_store_created().json(view))
}

async fn retire_api_key(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let id: ApiKeyId = path(&request, "api_key_id")?;
    let now = stored(state.clock.now());
    gone(app_keys::retire_api_key(&state.installation, principal.app_id, &id, principal.by(), now).await?)
}

async fn sign(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Sign).await?;
    let body = body(&state, &request, payload).await?;
    let made = signatures::sign_request(&state.installation, principal.app_id, &body, state.clock.now()).await?;
    Ok(no_store().json(made))
}

async fn decode_signature(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Sign).await?;
    let body = body(&state, &request, payload).await?;
    Ok(no_store().json(decode(&state, &principal, &body).await?))
}

async fn body(state: &ServerState, request: &HttpRequest, payload: web::Payload) -> Result<web::Bytes, Refusal> {
    json_bytes(request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await
}

fn path<T: std::str::FromStr>(request: &HttpRequest, name: &str) -> Result<T, Refusal> {
    let malformed = |_| Refusal::new(ErrorCode::MalformedRequest, "the path's id is malformed");
    request.match_info().query(name).parse().map_err(malformed)
}

/// The application that the principal is for; another one is not told apart from none.
fn own_app(principal: &Principal, request: &HttpRequest) -> Result<AppId, Refusal> {
    let app_id: AppId = path(request, "app_id")?;
    let own = app_id == principal.app_id;
    if own { Ok(app_id) } else { Err(Refusal::new(ErrorCode::NotFound, "not the principal's application")) }
}

fn gone(retired: bool) -> Answer {
    if retired {
        return Ok(HttpResponse::NoContent().finish());
    }
    Err(Refusal::new(ErrorCode::NotFound, "no such key in use in this app").into())
}
