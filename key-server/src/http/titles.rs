//! `/v1/titles`: the library.

use actix_web::{HttpRequest, HttpResponse, web};
use keyveil_protocol::api::{
    COMMIT_BODY_LEN_MAX, CommitTitleRequest, PLAY_BODY_LEN_MAX, PutTitleRequest, PutTitleResponse, TitleInfo,
};
use keyveil_protocol::{FileId, WorkflowId};

use super::api::{Answer, State, header_text, no_store, no_store_created};
use super::body::json_bytes;
use super::idempotency::{IdempotencyKey, idempotent};
use super::openapi::Empty;
use super::principal::principal;
use super::router::resource;
use crate::actions::commit_title::commit_title;
use crate::actions::put_title::put_title;
use crate::actions::query::{Fields, Page, empty_body};
use crate::actions::standard::{self, ImportedKeys, PutImportedKeys};
use crate::actions::titles::TitleView;
use crate::actions::{jobs, titles, uploads};
use crate::refusal::Refusal;
use crate::store::Scope;

const BODY_LEN_MAX: usize = 64 << 10;
/// Of the run of a packager that takes back what it registered.
const PUBLIC_KEY_HEADER: &str = "Keyveil-Public-Key";

/// What this module answers.
#[derive(utoipa::OpenApi)]
#[openapi(paths(
    list,
    create_by_url,
    show,
    put,
    describe,
    delete,
    commit,
    publish,
    unpublish,
    retry,
    reencrypt,
    periods,
    put_imported_keys
))]
pub(super) struct Docs;

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
        .service(resource("/v1/titles/{file_id}/periods", "GET").route(web::get().to(periods)))
        .service(resource("/v1/titles/{file_id}/imported-keys", "PUT").route(web::put().to(put_imported_keys)));
}

/// List titles
///
/// Scope `read`. Under one sort, by pages; without renditions and versions.
#[utoipa::path(get, path = "/v1/titles", operation_id = "listTitles", tag = "titles", params(
        ("search" = Option<String>, Query, max_length = 256, description = "In name, description, file id; without case."),
        ("state" = Option<Vec<String>>, Query, description = "Repeated: any of them."),
        ("label" = Option<Vec<String>>, Query, max_items = 20, description = "Repeated: all of them."),
        ("workflowId" = Option<WorkflowId>, Query, description = "Only of this workflow."),
        ("sort" = Option<String>, Query, description = "`createdAt`, `updatedAt`, `name`, `durationMs` or `sizeBytes`; `-` before it for descending. `-createdAt` when absent."),
        Page),
    responses((status = 200, description = "A page of titles.", body = titles::TitlesPage)))]
async fn list(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Read).await?;
    let fields = Fields::parse(request.query_string(), titles::LIST_FIELDS)?;
    Ok(no_store().json(titles::list(&state, &principal, &fields).await?))
}

/// Make a title by URL
///
/// Scope `write`. The server fetches the source itself (`url_refused` where it does not call the address).
#[utoipa::path(post, path = "/v1/titles", operation_id = "createTitle", tag = "titles", params(IdempotencyKey), request_body = uploads::UrlRequest,
    responses((status = 201, description = "Made, in the state `uploading`.", body = TitleView)))]
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

/// Read a title
///
/// Scope `read`.
#[utoipa::path(get, path = "/v1/titles/{fileId}", operation_id = "readTitle", tag = "titles", params(("fileId" = FileId, Path)),
    responses((status = 200, description = "The title with its renditions and versions.", body = TitleView)))]
async fn show(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Read).await?;
    Ok(no_store().json(titles::title(&state, &principal, &file_id(&request)?).await?))
}

/// Register a title for packing
///
/// Scope `pack`. Makes the title secret and seals it to the packager. Up to 16 KiB.
#[utoipa::path(put, path = "/v1/titles/{fileId}", operation_id = "registerTitle", tag = "titles", security(("apiKey" = [])), params(("fileId" = FileId, Path)), request_body = PutTitleRequest,
    responses((status = 200, description = "A repetition.", body = PutTitleResponse), (status = 201, description = "Registered.", body = PutTitleResponse)))]
async fn put(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Pack).await?;
    let body = json_bytes(&request, payload, PLAY_BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    let (created, response) = put_title(&state, &principal, file_id(&request)?, &body).await?;
    Ok(if created { no_store_created() } else { no_store() }.json(response))
}

/// Describe a title
///
/// Scope `write`.
#[utoipa::path(patch, path = "/v1/titles/{fileId}", operation_id = "changeTitle", tag = "titles", params(("fileId" = FileId, Path)), request_body = titles::Description,
    responses((status = 200, description = "As it is now.", body = TitleView)))]
async fn describe(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    Ok(no_store().json(titles::describe(&state, &principal, &file_id(&request)?, &body).await?))
}

/// Delete a title
///
/// Scope `write`. Secrets, media, source, sessions and jobs go; events and audit log stay.
#[utoipa::path(delete, path = "/v1/titles/{fileId}", operation_id = "deleteTitle", tag = "titles", params(("fileId" = FileId, Path), ("Keyveil-Public-Key" = Option<String>, Header, description = "Of a run of the packager: deletes only what that run registered.")),
    responses((status = 204, description = "Deleted.")))]
async fn delete(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    let public_key = header_text(&request, PUBLIC_KEY_HEADER)?;
    titles::delete(&state, &principal, &file_id(&request)?, public_key).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Publish a packed title
///
/// Scope `pack`. Up to 256 KiB.
#[utoipa::path(post, path = "/v1/titles/{fileId}/commit", operation_id = "commitTitle", tag = "titles", params(("fileId" = FileId, Path)), request_body = CommitTitleRequest,
    responses((status = 200, description = "Published.", body = TitleInfo)))]
async fn commit(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Pack).await?;
    let body = json_bytes(&request, payload, COMMIT_BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    Ok(no_store().json(commit_title(&state, &principal, &file_id(&request)?, &body).await?))
}

/// Publish a title
///
/// Scope `write`. Harmless to repeat; `title_state` where it is not ready.
#[utoipa::path(post, path = "/v1/titles/{fileId}/publish", operation_id = "publishTitle", tag = "titles", params(("fileId" = FileId, Path)), request_body = Empty,
    responses((status = 200, description = "As it is now.", body = TitleView)))]
async fn publish(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    empty_body(&json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?)?;
    Ok(no_store().json(titles::publish(&state, &principal, &file_id(&request)?).await?))
}

/// Unpublish a title
///
/// Scope `write`. Harmless to repeat.
#[utoipa::path(post, path = "/v1/titles/{fileId}/unpublish", operation_id = "unpublishTitle", tag = "titles", params(("fileId" = FileId, Path)), request_body = Empty,
    responses((status = 200, description = "As it is now.", body = TitleView)))]
async fn unpublish(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    empty_body(&json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?)?;
    Ok(no_store().json(titles::unpublish(&state, &principal, &file_id(&request)?).await?))
}

/// Try a failed title again
///
/// Scope `write`. `upload_gone` where its source is gone.
#[utoipa::path(post, path = "/v1/titles/{fileId}/retry", operation_id = "retryTitle", tag = "titles", params(("fileId" = FileId, Path)), request_body = Empty,
    responses((status = 200, description = "As it is now.", body = TitleView)))]
async fn retry(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    empty_body(&json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?)?;
    let file_id = file_id(&request)?;
    jobs::retry(&state, &principal, &file_id).await?;
    Ok(no_store().json(titles::title(&state, &principal, &file_id).await?))
}

/// Encrypt a title anew
///
/// Scope `write`. A new version under a new secret; playback goes on.
#[utoipa::path(post, path = "/v1/titles/{fileId}/reencrypt", operation_id = "reencryptTitle", tag = "titles", params(("fileId" = FileId, Path)), request_body = Empty,
    responses((status = 200, description = "As it is now.", body = TitleView)))]
async fn reencrypt(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Write).await?;
    empty_body(&json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?)?;
    let file_id = file_id(&request)?;
    jobs::reencrypt(&state, &principal, &file_id).await?;
    Ok(no_store().json(titles::title(&state, &principal, &file_id).await?))
}

/// List releases of a title's keys
///
/// Scope `read`. How often and when, by period and track class; never a key.
#[utoipa::path(get, path = "/v1/titles/{fileId}/periods", operation_id = "listPeriods", tag = "titles", params(("fileId" = FileId, Path)),
    responses((status = 200, description = "By period and track class.", body = titles::Periods)))]
async fn periods(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Read).await?;
    Ok(no_store().json(titles::periods(&state, &principal, &file_id(&request)?).await?))
}

/// Import a title's keys
///
/// Scope `pack`. Of a standard title that another vendor encrypted: its playlists name each key by a text. Replaces those
/// that were there. Up to 256 KiB.
#[utoipa::path(put, path = "/v1/titles/{fileId}/imported-keys", operation_id = "putImportedKeys", tag = "titles", params(("fileId" = FileId, Path)),
    request_body = PutImportedKeys, responses((status = 200, description = "As they are now.", body = ImportedKeys)))]
async fn put_imported_keys(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Pack).await?;
    let body = json_bytes(&request, payload, COMMIT_BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    Ok(no_store().json(standard::put_imported_keys(&state, &principal, &file_id(&request)?, &body).await?))
}

fn file_id(request: &HttpRequest) -> Result<FileId, Refusal> {
    Ok(request.match_info().query("file_id").parse::<FileId>()?)
}
