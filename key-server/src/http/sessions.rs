//! `/v1/sessions`: who plays, and ending that.

use actix_web::{HttpRequest, HttpResponse, web};
use keyveil_protocol::{FileId, KeyId, PlaybackLevel, SessionId};

use super::api::{Answer, State, no_store};
use super::body::json_bytes;
use super::principal::principal;
use super::router::resource;
use crate::actions::query::{Fields, Page};
use crate::actions::sessions;
use crate::refusal::Refusal;
use crate::store::Scope;

const BODY_LEN_MAX: usize = 4 << 10;

/// What this module answers.
#[derive(utoipa::OpenApi)]
#[openapi(paths(list, detail, revoke, revoke_many))]
pub(super) struct Docs;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/v1/sessions", "GET").route(web::get().to(list)))
        .service(resource("/v1/sessions/revoke", "POST").route(web::post().to(revoke_many)))
        .service(
            resource("/v1/sessions/{session_id}", "GET, DELETE")
                .route(web::get().to(detail))
                .route(web::delete().to(revoke)),
        );
}

/// List sessions
///
/// Scope `manage`. Newest first.
#[utoipa::path(get, path = "/v1/sessions", operation_id = "listSessions", tag = "sessions", params(
        ("fileId" = Option<FileId>, Query, description = "Only of this title."),
        ("uid" = Option<String>, Query, min_length = 1, max_length = 128, description = "Only of this viewer."),
        ("us" = Option<String>, Query, min_length = 1, max_length = 64, description = "Only with this mark."),
        ("kid" = Option<KeyId>, Query, description = "Only those that stand on this signing key."),
        ("level" = Option<PlaybackLevel>, Query, description = "Only those played at this level."),
        ("active" = Option<bool>, Query, description = "Only those that receive keys, or only the others."),
        ("minScore" = Option<u32>, Query, minimum = 0, maximum = 100, description = "Only those with this score or a higher one."), Page),
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
    sessions::revoke_own(&state, &principal, session_id(&request)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// End sessions
///
/// Scope `manage`. Those of a viewer, those that stand on a signing key, or one; harmless to repeat.
#[utoipa::path(post, path = "/v1/sessions/revoke", operation_id = "revokeSessions", tag = "sessions",
    request_body = sessions::RevokeSessions,
    responses((status = 200, description = "How many were ended.", body = sessions::RevokedSessions)))]
async fn revoke_many(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    Ok(no_store().json(sessions::revoke_on_request(&state, &principal, &body).await?))
}

/// Read a session
///
/// Scope `manage`. With the periods that were released to it, the networks it asked from, and its limits.
#[utoipa::path(get, path = "/v1/sessions/{sessionId}", operation_id = "readSession", tag = "sessions",
    params(("sessionId" = SessionId, Path)),
    responses((status = 200, description = "The session.", body = sessions::SessionDetail)))]
async fn detail(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    Ok(no_store().json(sessions::detail(&state, &principal, session_id(&request)?).await?))
}

fn session_id(request: &HttpRequest) -> Result<SessionId, Refusal> {
    Ok(request.match_info().query("session_id").parse()?)
}
