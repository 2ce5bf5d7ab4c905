//! `/v1/player-signatures`: made by this server, and judged.

use actix_web::{HttpRequest, web};

use super::api::{Answer, State, no_store};
use super::body::json_bytes;
use super::idempotency::{IdempotencyKey, idempotent};
use super::principal::principal;
use super::router::resource;
use crate::actions::decode_signature::{DecodeRequest, Decoded, decode};
use crate::actions::signatures::{self, MadeSignature, SignatureRequest};
use crate::store::Scope;

const BODY_LEN_MAX: usize = 64 << 10;

/// What this module answers.
#[derive(utoipa::OpenApi)]
#[openapi(paths(sign, decode_signature))]
pub(super) struct Docs;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/v1/player-signatures", "POST").route(web::post().to(sign)))
        .service(resource("/v1/player-signatures/decode", "POST").route(web::post().to(decode_signature)));
}

/// Make a player signature
///
/// Scope `sign`. With the newest signing key or the one named; the application's maximum age caps its life.
#[utoipa::path(post, path = "/v1/player-signatures", operation_id = "createPlayerSignature", tag = "player signatures",
    params(IdempotencyKey), request_body = SignatureRequest,
    responses((status = 200, description = "The signature and when it ends.", body = MadeSignature)))]
async fn sign(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Sign).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    let (own, bytes) = (state.clone(), body.clone());
    idempotent(&state, principal.name(), &request, &body, async move {
        let made = signatures::sign_request(&own.installation, principal.app_id, &bytes, own.clock.now()).await?;
        Ok(no_store().json(made))
    })
    .await
}

/// Decode a player signature
///
/// Scope `sign`. A signature that would be refused is a result, not a refusal.
#[utoipa::path(post, path = "/v1/player-signatures/decode", operation_id = "decodePlayerSignature", tag = "player signatures",
    request_body = DecodeRequest, responses((status = 200, description = "What it says, and the verdict.", body = Decoded)))]
async fn decode_signature(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Sign).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    Ok(no_store().json(decode(&state, &principal, &body).await?))
}
