//! `/v1/sessions`: who plays, and ending that.

use actix_web::{HttpRequest, HttpResponse, web};
use keyveil_protocol::{FileId, SessionId};

use super::api::{Answer, State, no_store};
use super::principal::principal;
use super::router::resource;
use crate::actions::query::{Fields, Page};
use crate::actions::sessions;
use crate::store::Scope;

/// What this module answers.
#[derive(utoipa::OpenApi)]
#[openapi(paths(list, revoke))]
pub(super) struct Docs;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/v1/sessions", "GET").route(web::get().to(list)))
        .service(resource("/v1/sessions/{session_id}", "DELETE").route(web::delete().to(revoke)));
}

/// List sessions
///
/// Scope `manage`. Newest first.
#[utoipa::path(get, path = "/v1/sessions", operation_id = "listSessions", tag = "sessions", params(
        ("fileId" = Option<FileId>, Query, description = "Only of this title."),
        ("uid" = Option<String>, Query, min_length = 1, max_length = 128, description = "Only of this viewer."),
        ("active" = Option<bool>, Query, description = "Only those that receive keys, or only the others."), Page),
    responses((status = 200, description = "A page of sessions.", body = sessions::SessionsPage)))]
async fn list(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let fields = Fields::parse(request.query_string(), sessions::FIELDS)?;
    Ok(no_store().json(sessions::list(&state, &principal, &fields).await?))
}

/// End a session
///
/// Scope `manage`. It receives no further key; harmless to repeat.
#[utoipa::path(delete, path = "/v1/sessions/{sessionId}", operation_id = "revokeSession", tag = "sessions",
    params(("sessionId" = SessionId, Path)), responses((status = 204, description = "Ended.")))]
async fn revoke(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let id = request.match_info().query("session_id").parse::<SessionId>().map_err(crate::refusal::Refusal::from)?;
    sessions::revoke_own(&state, &principal, id).await?;
    Ok(HttpResponse::NoContent().finish())
}
