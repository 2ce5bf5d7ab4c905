//! `/v1/titles`: the library.

use actix_web::{HttpRequest, HttpResponse, web};
use keyveil_protocol::FileId;
use keyveil_protocol::api::{COMMIT_BODY_LEN_MAX, PLAY_BODY_LEN_MAX};

use super::api::{Answer, State, header_text, no_store, no_store_created};
use super::body::json_bytes;
use super::idempotency::idempotent;
use super::principal::principal;
use super::router::resource;
use crate::actions::commit_title::commit_title;
use crate::actions::put_title::put_title;
use crate::actions::query::{Fields, empty_body};
use crate::actions::{jobs, titles, uploads};
use crate::refusal::Refusal;
use crate::store::Scope;

const BODY_LEN_MAX: usize = 64 << 10;
/// Of the run of a packager that takes back what it registered.
const PUBLIC_KEY_HEADER: &str = "Keyveil-Public-Key";

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/v1/titles", "GET, POST").route(web::get().to(list)).route(web::post().to(create_by_url)))
        .service(
            resource("/v1/titles/{file_id}", "GET, PUT, PATCH, DELETE")
                .route(web::get().to(show))
                .route(web::put().to(put))
                .route(web::patch().to(describe))
                .route(web::delete().to(delete)),
        )
        .service(resource("/v1/titles/{file_id}/commit", "POST").route(web::post().to(commit)))
        .service(resource("/v1/titles/{file_id}/publish", "POST").route(web::post().to(publish)))
        .service(resource("/v1/titles/{file_id}/unpublish", "POST").route(web::post().to(unpublish)))
        .service(resource("/v1/titles/{file_id}/retry", "POST").route(web::post().to(retry)))
        .service(resource("/v1/titles/{file_id}/reencrypt", "POST").route(web::post().to(reencrypt)))
        .service(resource("/v1/titles/{file_id}/periods", "GET").route(web::get().to(periods)));
}

async fn list(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Read).await?;
    let fields = Fields::parse(request.query_string(), titles::LIST_FIELDS)?;
    Ok(no_store().json(titles::list(&state, &principal, &fields).await?))
}

/// A title whose source this server fetches.
async fn create_by_url(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    let (own, bytes) = (state.clone(), body.clone());
    idempotent(&state, principal.name(), &request, &body, async move {
        let file_id = uploads::create_by_url(&own, &principal, &bytes).await?;
        Ok(no_store_created().json(titles::title(&own, &principal, &file_id).await?))
    })
    .await
}

async fn show(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Read).await?;
    Ok(no_store().json(titles::title(&state, &principal, &file_id(&request)?).await?))
}

async fn put(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Pack).await?;
    let body = json_bytes(&request, payload, PLAY_BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    let (created, response) = put_title(&state, &principal, file_id(&request)?, &body).await?;
    Ok(if created { no_store_created() } else { no_store() }.json(response))
}

async fn describe(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    Ok(no_store().json(titles::describe(&state, &principal, &file_id(&request)?, &body).await?))
}

async fn delete(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    let public_key = header_text(&request, PUBLIC_KEY_HEADER)?;
    titles::delete(&state, &principal, &file_id(&request)?, public_key).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn commit(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Pack).await?;
    let body = json_bytes(&request, payload, COMMIT_BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    Ok(no_store().json(commit_title(&state, &principal, &file_id(&request)?, &body).await?))
}

async fn publish(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    empty_body(&json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?)?;
    Ok(no_store().json(titles::publish(&state, &principal, &file_id(&request)?).await?))
}

async fn unpublish(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    empty_body(&json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?)?;
    Ok(no_store().json(titles::unpublish(&state, &principal, &file_id(&request)?).await?))
}

async fn retry(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    empty_body(&json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?)?;
    let file_id = file_id(&request)?;
    jobs::retry(&state, &principal, &file_id).await?;
    Ok(no_store().json(titles::title(&state, &principal, &file_id).await?))
}

async fn reencrypt(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    empty_body(&json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?)?;
    let file_id = file_id(&request)?;
    jobs::reencrypt(&state, &principal, &file_id).await?;
    Ok(no_store().json(titles::title(&state, &principal, &file_id).await?))
}

async fn periods(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Read).await?;
    Ok(no_store().json(titles::periods(&state, &principal, &file_id(&request)?).await?))
}

fn file_id(request: &HttpRequest) -> Result<FileId, Refusal> {
    Ok(request.match_info().query("file_id").parse::<FileId>()?)
}
