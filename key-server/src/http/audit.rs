//! `/v1/audit`: what happened in an application.

use actix_web::{HttpRequest, web};
use keyveil_protocol::{FileId, SessionId};

use super::api::{Answer, State, no_store};
use super::principal::principal;
use super::router::resource;
use crate::actions::audit;
use crate::actions::query::{Fields, Page};
use crate::store::Scope;

/// What this module answers.
#[derive(utoipa::OpenApi)]
#[openapi(paths(list))]
pub(super) struct Docs;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(resource("/v1/audit", "GET").route(web::get().to(list)));
}

/// List the audit log
///
/// Scope `manage`. What happened in the application, newest first.
#[utoipa::path(get, path = "/v1/audit", operation_id = "listAudit", tag = "audit", params(
        ("fileId" = Option<FileId>, Query, description = "Only of this title."),
        ("kind" = Option<String>, Query, min_length = 1, max_length = 64, description = "Only of this kind."),
        ("sessionId" = Option<SessionId>, Query, description = "Only of this session."), Page),
    responses((status = 200, description = "A page of the log.", body = audit::AuditPage)))]
async fn list(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let fields = Fields::parse(request.query_string(), audit::FIELDS)?;
    Ok(no_store().json(audit::list(&state, &principal, &fields).await?))
}
