//! `/v1/audit`: what happened in an application.

use actix_web::{HttpRequest, web};

use super::api::{Answer, State, no_store};
use super::principal::principal;
use super::router::resource;
use crate::actions::audit;
use crate::actions::query::Fields;
use crate::store::Scope;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(resource("/v1/audit", "GET").route(web::get().to(list)));
}

async fn list(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let fields = Fields::parse(request.query_string(), audit::FIELDS)?;
    Ok(no_store().json(audit::list(&state, &principal, &fields).await?))
}
