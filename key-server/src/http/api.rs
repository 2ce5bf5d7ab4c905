//! The handlers of `/v1/…`, `/healthz` and `/readyz`: parse the edge, call the action, write the answer.

use actix_web::http::header;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use keyveil_protocol::api::{COMMIT_BODY_LEN_MAX, PLAY_BODY_LEN_MAX};
use keyveil_protocol::{AppId, ErrorCode, FileId, MAC_HEADER};
use serde::Serialize;

use super::body::json_bytes;
use super::cors::AnswerFor;
use super::envelope::HttpRefusal;
use super::principal::principal;
use crate::actions::commit_title::commit_title as commit_title_action;
use crate::actions::delete_title::delete_title as delete_title_action;
use crate::actions::keys::keys as keys_action;
use crate::actions::list_titles::{ListTitles, list_titles as list_titles_action};
use crate::actions::play::play as play_action;
use crate::actions::put_title::put_title as put_title_action;
use crate::actions::readiness::readiness;
use crate::actions::{server_keys as server_keys_action, signatures};
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::Scope;

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

pub(super) async fn put_title(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Pack).await?;
    let body = json_bytes(&request, payload, PLAY_BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    let (created, response) = put_title_action(&state, &principal, file_id(&request)?, &body).await?;
    Ok(if created { no_store_created() } else { no_store() }.json(response))
}

pub(super) async fn commit_title(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Pack).await?;
    let body = json_bytes(&request, payload, COMMIT_BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    Ok(no_store().json(commit_title_action(&state, &principal, &file_id(&request)?, &body).await?))
}

pub(super) async fn delete_title(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    delete_title_action(&state, &principal, &file_id(&request)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) async fn list_titles(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Read).await?;
    let query = web::Query::<ListTitles>::from_query(request.query_string())
        .map_err(|_| Refusal::new(ErrorCode::MalformedRequest, "query"))?;
    Ok(no_store().json(list_titles_action(&state, &principal, &query).await?))
}

pub(super) async fn player_signatures(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Sign).await?;
    let body = json_bytes(&request, payload, PLAY_BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    let made = signatures::sign_request(&state.installation, principal.app_id, &body, state.clock.now()).await?;
    Ok(no_store().json(made))
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

fn file_id(request: &HttpRequest) -> Result<FileId, Refusal> {
    Ok(request.match_info().query("file_id").parse::<FileId>()?)
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
