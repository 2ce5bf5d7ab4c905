//! The handlers of `/v1/…`, `/healthz` and `/readyz`: parse the edge, call the action, write the answer.

use actix_web::http::header;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use keyveil_protocol::api::PLAY_BODY_LEN_MAX;
use keyveil_protocol::{AppId, ErrorCode, MAC_HEADER};
use serde::Serialize;

use super::body::json_bytes;
use super::cors::AnswerFor;
use super::envelope::HttpRefusal;
use crate::actions::keys::keys as keys_action;
use crate::actions::play::play as play_action;
use crate::actions::readiness::readiness;
use crate::actions::server_keys as server_keys_action;
use crate::refusal::Refusal;
use crate::state::ServerState;

pub(super) type State = web::Data<ServerState>;
pub(super) type Answer = Result<HttpResponse, HttpRefusal>;

pub(super) async fn play(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let body = json_bytes(&request, payload, PLAY_BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    for_app(&request, play_action(&state, &body, header_text(&request, "Origin")?).await)
}

pub(super) async fn keys(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let body = json_bytes(&request, payload, PLAY_BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    let mac = header_text(&request, MAC_HEADER)?;
    for_app(&request, keys_action(&state, &body, mac, header_text(&request, "Origin")?).await)
}

pub(super) async fn server_keys(state: State) -> Answer {
    Ok(no_store().json(server_keys_action::list(&state.installation).await?))
}

pub(super) async fn healthz() -> HttpResponse {
    no_store().json(serde_json::json!({ "status": "alive" }))
}

pub(super) async fn readyz(state: State) -> Answer {
    readiness(&state).await?;
    Ok(no_store().json(serde_json::json!({ "status": "ready" })))
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
pub(super) fn header_text<'a>(request: &'a HttpRequest, name: &'static str) -> Result<Option<&'a str>, Refusal> {
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
