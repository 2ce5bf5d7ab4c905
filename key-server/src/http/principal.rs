//! Who asks: an API key with the scope, or a person who has signed in.

use actix_web::HttpRequest;
use actix_web::http::header;
use keyveil_protocol::ErrorCode;

use crate::actions::api_keys::authenticate;
use crate::clock::stored;
use crate::principal::{Actor, Principal};
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{ApiKeyRow, Scope};

/// Someone who may do what `scope` allows in one application.
pub(super) async fn principal(state: &ServerState, request: &HttpRequest, scope: Scope) -> Result<Principal, Refusal> {
    let row = api_key(state, request).await?;
    require(&row, scope)?;
    let app_id = row.app_id.ok_or_else(|| Refusal::new(ErrorCode::ScopeMissing, "a key of no application"))?;
    Ok(Principal { app_id, actor: Actor::ApiKey(row) })
}

/// A worker.
pub(super) async fn worker(state: &ServerState, request: &HttpRequest) -> Result<ApiKeyRow, Refusal> {
    let row = api_key(state, request).await?;
    require(&row, Scope::Worker)?;
    Ok(row)
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
