//! The handlers of `/v1/…`, `/healthz` and `/readyz`: parse the edge, call the action, write the answer.

use actix_web::http::header;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use keyveil_protocol::api::{
    KeysRequest, KeysResponse, PLAY_BODY_LEN_MAX, PlayRequest, PlayResponse, ServerKeysResponse,
};
use keyveil_protocol::{AppId, ErrorCode, MAC_HEADER};
use serde::Serialize;

use super::body::json_bytes;
use super::client::client_address;
use super::cors::AnswerFor;
use super::envelope::HttpRefusal;
use crate::actions::keys::{Client, keys as keys_action};
use crate::actions::play::play as play_action;
use crate::actions::readiness::readiness;
use crate::actions::server_keys as server_keys_action;
use crate::refusal::Refusal;
use crate::state::ServerState;

pub(super) type State = web::Data<ServerState>;
pub(super) type Answer = Result<HttpResponse, HttpRefusal>;

/// What this module answers.
#[derive(utoipa::OpenApi)]
#[openapi(paths(play, keys, server_keys, healthz, readyz))]
pub(super) struct Docs;

/// How the server is.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Status {
    #[schema(value_type = String)]
    status: &'static str,
}

/// Open a session
///
/// By the player, with a player signature. Up to 16 KiB; see docs/PROTOCOL.md.
#[utoipa::path(post, path = "/v1/play", operation_id = "play", tag = "playback", security(()), request_body = PlayRequest,
    responses((status = 200, description = "The session, the title, and a sealed grant of the first keys.", body = PlayResponse)))]
pub(super) async fn play(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let body = json_bytes(&request, payload, PLAY_BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    let address = client_address(&state, &request)?;
    for_app(&request, play_action(&state, &body, header_text(&request, "Origin")?, address).await)
}

/// Ask for further keys
///
/// By the player, with a MAC of the session over the body. Up to 16 KiB.
#[utoipa::path(post, path = "/v1/keys", operation_id = "releaseKeys", tag = "playback", security(()), request_body = KeysRequest,
    params(("Keyveil-Mac" = String, Header, description = "base64url of the MAC over the body.")),
    responses((status = 200, description = "A sealed grant.", body = KeysResponse)))]
pub(super) async fn keys(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let body = json_bytes(&request, payload, PLAY_BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    let mac = header_text(&request, MAC_HEADER)?;
    let client = Client { origin: header_text(&request, "Origin")?, address: client_address(&state, &request)? };
    for_app(&request, keys_action(&state, &body, mac, client).await)
}

/// List the server's public keys
///
/// Those that seal and open envelopes, newest first.
#[utoipa::path(get, path = "/v1/server-keys", operation_id = "listServerKeys", tag = "playback", security(()),
    responses((status = 200, description = "Those in use.", body = ServerKeysResponse)))]
pub(super) async fn server_keys(state: State) -> Answer {
    Ok(no_store().json(server_keys_action::list(&state.installation).await?))
}

/// Ask whether the server lives
#[utoipa::path(get, path = "/healthz", operation_id = "healthz", tag = "server", security(()),
    responses((status = 200, description = "It does.", body = Status)))]
pub(super) async fn healthz() -> HttpResponse {
    no_store().json(Status { status: "alive" })
}

/// Ask whether the server can work
///
/// `unavailable` without its database, its KMS or its media folder.
#[utoipa::path(get, path = "/readyz", operation_id = "readyz", tag = "server", security(()),
    responses((status = 200, description = "It can.", body = Status)))]
pub(super) async fn readyz(state: State) -> Answer {
    readiness(&state).await?;
    Ok(no_store().json(Status { status: "ready" }))
}

/// Tells the CORS layer whose answer this is, also when it is a refusal.
pub(super) fn for_app<T: Serialize>(request: &HttpRequest, result: Result<(AppId, T), Refusal>) -> Answer {
    let app_id = match &result {
        Ok((app_id, _)) => Some(*app_id),
        Err(refusal) => refusal.app_id(),
    };
    if let Some(app_id) = app_id {
        request.extensions_mut().insert(AnswerFor(app_id));
    }
    let (_, response) = result?;
    Ok(no_store().json(response))
}

/// A header given twice or not as text is not guessed at.
pub(crate) fn header_text<'a>(request: &'a HttpRequest, name: &'static str) -> Result<Option<&'a str>, Refusal> {
    let mut values = request.headers().get_all(name);
    let malformed = || Refusal::new(ErrorCode::MalformedRequest, "a header is repeated or not text");
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| malformed()),
        _ => Err(malformed()),
    }
}

pub(super) fn no_store() -> actix_web::HttpResponseBuilder {
    let mut builder = HttpResponse::Ok();
    builder.insert_header((header::CACHE_CONTROL, "no-store"));
    builder
}

pub(super) fn no_store_created() -> actix_web::HttpResponseBuilder {
    let mut builder = HttpResponse::Created();
    builder.insert_header((header::CACHE_CONTROL, "no-store"));
    builder
}
