//! `/v1/signing-keys` and `/v1/api-keys`: an application's keys.

use actix_web::{HttpRequest, HttpResponse, web};
use keyveil_protocol::{ApiKeyId, ErrorCode, KeyId};

use super::api::{Answer, State, no_store, no_store_created};
use super::body::json_bytes;
use super::idempotency::{IdempotencyKey, idempotent};
use super::openapi::Empty;
use super::principal::principal;
use super::router::resource;
use crate::actions::app_keys::{self, NewApiKey};
use crate::actions::apps;
use crate::actions::query::empty_body;
use crate::clock::stored;
use crate::refusal::Refusal;
use crate::store::Scope;

const BODY_LEN_MAX: usize = 64 << 10;

/// What this module answers.
#[derive(utoipa::OpenApi)]
#[openapi(paths(
    list_signing_keys,
    create_signing_key,
    retire_signing_key,
    list_api_keys,
    create_api_key,
    retire_api_key
))]
pub(super) struct Docs;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
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
        .service(resource("/v1/api-keys/{api_key_id}", "DELETE").route(web::delete().to(retire_api_key)));
}

/// List signing keys
///
/// Scope `manage`. Those in use first; never their texts.
#[utoipa::path(get, path = "/v1/signing-keys", operation_id = "listSigningKeys", tag = "keys",
    responses((status = 200, description = "All of them.", body = app_keys::SigningKeysPage)))]
async fn list_signing_keys(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    Ok(no_store().json(app_keys::list_signing_keys(&state.installation, principal.app_id).await?))
}

/// Make a signing key
///
/// Scope `manage`. Beside those in use, of which there may be four (`limit_reached`). Its text is told only now.
#[utoipa::path(post, path = "/v1/signing-keys", operation_id = "createSigningKey", tag = "keys",
    params(IdempotencyKey), request_body = Empty,
    responses((status = 201, description = "Made.", body = app_keys::CreatedSigningKeyView)))]
async fn create_signing_key(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    let (own, bytes) = (state.clone(), body.clone());
    idempotent(&state, principal.name(), &request, &body, async move {
        empty_body(&bytes)?;
        Ok(no_store_created().json(app_keys::create_signing_key(&own, &principal).await?))
    })
    .await
}

/// Retire a signing key
///
/// Scope `manage`. Its signatures are taken no more, and the sessions that stand on it end.
#[utoipa::path(delete, path = "/v1/signing-keys/{kid}", operation_id = "retireSigningKey", tag = "keys",
    params(("kid" = KeyId, Path)), responses((status = 204, description = "Retired.")))]
async fn retire_signing_key(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let kid: KeyId = request.match_info().query("kid").parse().map_err(Refusal::from)?;
    let now = stored(state.clock.now());
    gone(apps::retire_signing_key(&state.installation, principal.app_id, &kid, principal.by(), now).await?)
}

/// List API keys
///
/// Scope `manage`. Those in use first; never their texts.
#[utoipa::path(get, path = "/v1/api-keys", operation_id = "listApiKeys", tag = "keys",
    responses((status = 200, description = "All of them.", body = app_keys::ApiKeysPage)))]
async fn list_api_keys(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    Ok(no_store().json(app_keys::api_keys_page(&state.installation, principal.app_id).await?))
}

/// Make an API key
///
/// Scope `manage`. At most 100 may be in use (`limit_reached`). Its text is told only now.
#[utoipa::path(post, path = "/v1/api-keys", operation_id = "createApiKey", tag = "keys",
    params(IdempotencyKey), request_body = NewApiKey,
    responses((status = 201, description = "Made.", body = app_keys::CreatedApiKeyView)))]
async fn create_api_key(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    let (own, bytes) = (state.clone(), body.clone());
    idempotent(&state, principal.name(), &request, &body, async move {
        Ok(no_store_created().json(app_keys::create_api_key_on_request(&own, &principal, &bytes).await?))
    })
    .await
}

/// Retire an API key
///
/// Scope `manage`.
#[utoipa::path(delete, path = "/v1/api-keys/{apiKeyId}", operation_id = "retireApiKey", tag = "keys",
    params(("apiKeyId" = ApiKeyId, Path)), responses((status = 204, description = "Retired.")))]
async fn retire_api_key(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let id: ApiKeyId = request.match_info().query("api_key_id").parse().map_err(Refusal::from)?;
    let now = stored(state.clock.now());
    gone(app_keys::retire_api_key(&state.installation, principal.app_id, &id, principal.by(), now).await?)
}

fn gone(retired: bool) -> Answer {
    if retired {
        return Ok(HttpResponse::NoContent().finish());
    }
    Err(Refusal::new(ErrorCode::NotFound, "no such key in use in this app").into())
}
