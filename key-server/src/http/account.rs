//! `/v1/sign-in`, `/v1/sign-out`, `/v1/me`: people.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use keyveil_protocol::ErrorCode;

use super::api::{Answer, State, no_store};
use super::body::json_bytes;
use super::client::client_address;
use super::principal::{check_origin, person};
use super::router::resource;
use super::sign_in_cookie;
use crate::actions::account::{self, ChangePassword, Me, SignInRequest};
use crate::actions::parse_json;
use crate::page_origin::PageOrigin;
use crate::refusal::Refusal;

const BODY_LEN_MAX: usize = 4 << 10;

/// What this module answers.
#[derive(utoipa::OpenApi)]
#[openapi(paths(sign_in, sign_out, me, change_password))]
pub(super) struct Docs;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/v1/sign-in", "POST").route(web::post().to(sign_in)))
        .service(resource("/v1/sign-out", "POST").route(web::post().to(sign_out)))
        .service(resource("/v1/me", "GET").route(web::get().to(me)))
        .service(resource("/v1/me/password", "POST").route(web::post().to(change_password)));
}

/// Sign in
#[utoipa::path(post, path = "/v1/sign-in", operation_id = "signIn", tag = "people", request_body = SignInRequest, security(()),
    responses((status = 200, description = "Signed in; sets the cookie.", body = Me)))]
async fn sign_in(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let origin = request.headers().get(header::ORIGIN).map(|value| value.to_str().ok().and_then(PageOrigin::parse));
    // Programs send none; a page that does must be this server's, or it would sign people in as someone else.
    if origin.is_some_and(|origin| !origin.is_some_and(|origin| state.is_own_origin(&origin))) {
        return Err(Refusal::new(ErrorCode::OriginNotAllowed, "a sign-in from elsewhere").into());
    }
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    let (user_id, token) = account::sign_in(&state, &parse_json(&body)?, client_address(&state, &request)?).await?;
    let me = account::me(&state.installation, &user_id).await?;
    Ok(no_store().cookie(sign_in_cookie::set(&state, &token)).json(me))
}

/// Sign out
#[utoipa::path(post, path = "/v1/sign-out", operation_id = "signOut", tag = "people", security(("cookie" = [])),
    responses((status = 204, description = "Signed out.")))]
async fn sign_out(state: State, request: HttpRequest) -> Answer {
    // A foreign page's form comes without the cookie: the answer must not take it away.
    let Some(token) = sign_in_cookie::read(&state, &request) else { return Ok(HttpResponse::NoContent().finish()) };
    check_origin(&state, &request)?;
    // What this server never set is only taken away.
    if let Ok(token) = token {
        account::sign_out(&state, &token).await?;
    }
    Ok(HttpResponse::NoContent().cookie(sign_in_cookie::clear(&state)).finish())
}

/// Ask who has signed in
#[utoipa::path(get, path = "/v1/me", operation_id = "readMe", tag = "people", security(("cookie" = [])),
    responses((status = 200, description = "Who has signed in.", body = Me)))]
async fn me(state: State, request: HttpRequest) -> Answer {
    let (user_id, _) = person(&state, &request).await?;
    Ok(no_store().json(account::me(&state.installation, &user_id).await?))
}

/// Change the own password
#[utoipa::path(post, path = "/v1/me/password", operation_id = "changePassword", tag = "people", request_body = ChangePassword, security(("cookie" = [])),
    responses((status = 204, description = "Changed; every other sign-in ended.")))]
async fn change_password(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let (user_id, token) = person(&state, &request).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    let address = client_address(&state, &request)?;
    account::change_password(&state, &user_id, &token, &parse_json(&body)?, address).await?;
    Ok(HttpResponse::NoContent().finish())
}
