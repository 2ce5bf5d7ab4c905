//! `/v1/sessions`: who plays, and ending that.

use actix_web::{HttpRequest, HttpResponse, web};
use keyveil_protocol::SessionId;

use super::api::{Answer, State, no_store};
use super::principal::principal;
use super::router::resource;
use crate::actions::query::Fields;
use crate::actions::sessions;
use crate::store::Scope;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/v1/sessions", "GET").route(web::get().to(list)))
        .service(resource("/v1/sessions/{session_id}", "DELETE").route(web::delete().to(revoke)));
}

async fn list(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let fields = Fields::parse(request.query_string(), sessions::FIELDS)?;
    Ok(no_store().json(sessions::list(&state, &principal, &fields).await?))
}

async fn revoke(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let id = request.match_info().query("session_id").parse::<SessionId>().map_err(crate::refusal::Refusal::from)?;
    sessions::revoke_own(&state, &principal, id).await?;
    Ok(HttpResponse::NoContent().finish())
}
