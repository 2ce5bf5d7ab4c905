//! Who asks: an API key with the scope, or a person who has signed in.

use actix_web::HttpRequest;
use actix_web::http::{Method, header};
use keyveil_protocol::{AppId, ErrorCode, UserId};
use url::form_urlencoded;

use super::sign_in_cookie;
use crate::actions::account::{Presence, SignInToken, person_of};
use crate::actions::api_keys::authenticate;
use crate::clock::stored;
use crate::page_origin::PageOrigin;
use crate::principal::{Actor, Principal};
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{ApiKeyRow, Scope};

/// Names the application that a person means.
const APP_HEADER: &str = "Keyveil-App";
/// Says that the console asks, where no application is meant.
const CONSOLE_HEADER: &str = "Keyveil-Console";

/// Someone who may do what `scope` allows in one application. With both credentials the API key counts.
pub(super) async fn principal(state: &ServerState, request: &HttpRequest, scope: Scope) -> Result<Principal, Refusal> {
    principal_by(state, request, scope, Presence::Active).await
}

/// As [`principal`], for what an open page asks by itself: it prolongs no sign-in, or a forgotten page would keep its
/// person signed in.
pub(super) async fn watcher(state: &ServerState, request: &HttpRequest, scope: Scope) -> Result<Principal, Refusal> {
    principal_by(state, request, scope, Presence::Open).await
}

async fn principal_by(
    state: &ServerState,
    request: &HttpRequest,
    scope: Scope,
    presence: Presence,
) -> Result<Principal, Refusal> {
    if !is_person(state, request) {
        let row = api_key(state, request).await?;
        require(&row, scope)?;
        let app_id = row.app_id.ok_or_else(|| Refusal::new(ErrorCode::ScopeMissing, "a key of no application"))?;
        return Ok(Principal { app_id, actor: Actor::ApiKey(row) });
    }
    let (user_id, _) = person_by(state, request, presence).await?;
    let app_id = named_app(request)?;
    if state.installation.store().app(app_id).await?.is_none() {
        return Err(Refusal::new(ErrorCode::NotFound, "no such application"));
    }
    Ok(Principal { app_id, actor: Actor::Person(user_id) })
}

/// A person who has signed in, and by which cookie: for what belongs to no application. No foreign page can send what
/// this asks for.
pub(super) async fn person(state: &ServerState, request: &HttpRequest) -> Result<(UserId, SignInToken), Refusal> {
    person_by(state, request, Presence::Active).await
}

async fn person_by(
    state: &ServerState,
    request: &HttpRequest,
    presence: Presence,
) -> Result<(UserId, SignInToken), Refusal> {
    let required = || Refusal::new(ErrorCode::SignInRequired, "no sign-in cookie");
    let token = sign_in_cookie::read(state, request).ok_or_else(required)??;
    check_origin(state, request)?;
    Ok((person_of(state, &token, presence).await?, token))
}

/// The applications that may be seen: all (none) by a person, its own by an API key that may read.
pub(super) async fn visible_app(state: &ServerState, request: &HttpRequest) -> Result<Option<AppId>, Refusal> {
    if is_person(state, request) {
        person(state, request).await?;
        return Ok(None);
    }
    Ok(Some(principal(state, request, Scope::Read).await?.app_id))
}

/// A worker.
pub(super) async fn worker(state: &ServerState, request: &HttpRequest) -> Result<ApiKeyRow, Refusal> {
    let row = api_key(state, request).await?;
    require(&row, Scope::Worker)?;
    Ok(row)
}

/// Anything but reading has to come from a page of this server, and to say so: no form of another page can.
pub(super) fn check_origin(state: &ServerState, request: &HttpRequest) -> Result<(), Refusal> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(());
    }
    let foreign = |cause: &'static str| Err(Refusal::new(ErrorCode::OriginNotAllowed, cause));
    let headers = request.headers();
    let mut origins = headers.get_all(header::ORIGIN).map(|value| value.to_str().ok().and_then(PageOrigin::parse));
    let own = matches!((origins.next(), origins.next()), (Some(Some(origin)), None) if state.is_own_origin(&origin));
    if !own {
        return foreign("a person's request from elsewhere");
    }
    if !has_console_header(request) {
        return foreign("a person's request without Keyveil-App or Keyveil-Console");
    }
    Ok(())
}

/// Whether the request claims to be a person's; what claims nothing lacks an API key.
fn is_person(state: &ServerState, request: &HttpRequest) -> bool {
    !request.headers().contains_key(header::AUTHORIZATION)
        && (has_console_header(request) || sign_in_cookie::read(state, request).is_some())
}

fn has_console_header(request: &HttpRequest) -> bool {
    let headers = request.headers();
    headers.contains_key(APP_HEADER) || headers.get(CONSOLE_HEADER).is_some_and(|value| value == "1")
}

/// Browsers can't set headers on an event stream: there the address names the application.
fn named_app(request: &HttpRequest) -> Result<AppId, Refusal> {
    let missing = || Refusal::new(ErrorCode::MalformedRequest, "no Keyveil-App header");
    if let Some(value) = request.headers().get(APP_HEADER) {
        return Ok(value.to_str().map_err(|_| missing())?.parse()?);
    }
    if *request.method() != Method::GET {
        return Err(missing());
    }
    let mut query = form_urlencoded::parse(request.query_string().as_bytes());
    Ok(query.find(|(name, _)| name == "app").ok_or_else(missing)?.1.parse()?)
}

fn require(row: &ApiKeyRow, scope: Scope) -> Result<(), Refusal> {
    if row.scopes.allow(scope) {
        return Ok(());
    }
    Err(Refusal::new(ErrorCode::ScopeMissing, format!("API key lacks the scope {}", scope.as_str())))
}

async fn api_key(state: &ServerState, request: &HttpRequest) -> Result<ApiKeyRow, Refusal> {
    let authorization = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    authenticate(&state.installation, authorization, stored(state.clock.now())).await
}
