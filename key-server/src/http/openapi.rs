//! `GET /v1/openapi.json`: the document of all that has been described, derived from the handlers and their types.

use std::sync::LazyLock;

use actix_web::{HttpResponse, web};
use keyveil_protocol::api::ErrorResponse;
use keyveil_protocol::{
    ApiKeyId, AppId, DeliveryId, EventId, FileId, JobId, KeyId, MediaOriginId, SessionId, UploadId, WebhookId,
    WorkerId, WorkflowId,
};
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, ContentBuilder, Ref, ResponseBuilder, SecurityRequirement};

use super::router::resource;
use super::{
    account, api, app_keys, apps, audit, changes, hls, job_attempts, jobs, media, media_origins, sessions, signatures,
    signed_media, titles, uploads, webhooks, workers, workflows,
};

/// What a request that says everything by its address carries: `{}`.
#[derive(utoipa::ToSchema)]
pub(super) struct Empty {}

/// A file, or a part of one.
#[derive(utoipa::ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "only describes bodies")]
pub(super) struct Bytes(Vec<u8>);

static DOCUMENT: LazyLock<Result<String, serde_json::Error>> = LazyLock::new(|| document().to_json());

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Keyveil key server",
        description = "docs/WORKFLOW.md gives the rules that fields alone do not tell."
    ),
    paths(openapi),
    // Ids that stand in parameters and headers only are not found by themselves.
    components(schemas(ErrorResponse, ApiKeyId, AppId, DeliveryId, EventId, FileId, JobId, KeyId, MediaOriginId, SessionId, UploadId, WebhookId, WorkerId, WorkflowId))
)]
struct Docs;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(resource("/v1/openapi.json", "GET").route(web::get().to(openapi)));
}

/// Read this document
#[utoipa::path(get, path = "/v1/openapi.json", operation_id = "readOpenApi", tag = "server", security(()),
    responses((status = 200, description = "OpenAPI 3.1.", body = Object)))]
async fn openapi() -> HttpResponse {
    match &*DOCUMENT {
        Ok(json) => HttpResponse::Ok().content_type("application/json").body(json.as_str()),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

fn document() -> utoipa::openapi::OpenApi {
    let mut document = Docs::openapi();
    for part in [
        titles::Docs::openapi(),
        changes::Docs::openapi(),
        uploads::Docs::openapi(),
        jobs::Docs::openapi(),
        workflows::Docs::openapi(),
        apps::Docs::openapi(),
        app_keys::Docs::openapi(),
        signatures::Docs::openapi(),
        sessions::Docs::openapi(),
        audit::Docs::openapi(),
        webhooks::Docs::openapi(),
        account::Docs::openapi(),
        job_attempts::Docs::openapi(),
        workers::Docs::openapi(),
        api::Docs::openapi(),
        media::Docs::openapi(),
        media_origins::Docs::openapi(),
        signed_media::Docs::openapi(),
        hls::Docs::openapi(),
    ] {
        document.merge(part);
    }
    add_credentials(&mut document);
    add_refusals(&mut document);
    document
}

/// An API key, or the cookie of a person who has signed in. Workers have their jobs' tokens besides.
fn add_credentials(document: &mut utoipa::openapi::OpenApi) {
    let components = document.components.get_or_insert_with(Components::new);
    let bearer = |description: &str| {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description));
        SecurityScheme::Http(scheme.build())
    };
    components.add_security_scheme("apiKey", bearer("`kv_…`: an application's key, with scopes, or a worker's."));
    components.add_security_scheme("jobToken", bearer("`kvj_…`: of one attempt of one job, told by its claim."));
    let person = "A person's (`__Host-keyveil_session` over https), with `Keyveil-App: <appId>` where an application is meant; all but reading from the server's own pages only.";
    let cookie = ApiKey::Cookie(ApiKeyValue::with_description("keyveil_session", person));
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
    let requirement = |name: &str| SecurityRequirement::new(name, Vec::<String>::new());
    document.security = Some(vec![requirement("apiKey"), requirement("cookie")]);
}

/// Every operation may be refused, always in the same form.
fn add_refusals(document: &mut utoipa::openapi::OpenApi) {
    for item in document.paths.paths.values_mut() {
        let operations: [&mut Option<Operation>; 7] = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.patch,
            &mut item.delete,
            &mut item.head,
            &mut item.options,
        ];
        for operation in operations.into_iter().flatten() {
            let schema = Ref::from_schema_name("ErrorResponse");
            let content = ContentBuilder::new().schema(Some(schema)).build();
            let refusal = ResponseBuilder::new().description("A refusal.").content("application/json", content).build();
            operation.responses.responses.insert("default".to_owned(), refusal.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::super::router;
    use super::*;

    /// `/v1/titles/{file_id}` and `/media/{path:.*}` as the document writes them.
    fn documented(pattern: &str) -> String {
        let mut path = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap();
            let mut words = name.split(':').next().unwrap().split('_');
            path.push_str(&format!("{before}{{{}", words.next().unwrap()));
            words.for_each(|word| path.push_str(&format!("{}{}", word[..1].to_uppercase(), &word[1..])));
            path.push('}');
            rest = after;
        }
        path + rest
    }

    /// HEAD goes with GET and is not documented beside it.
    fn methods<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
        let mut methods: BTreeSet<String> = names.map(str::to_ascii_lowercase).collect();
        if methods.contains("get") {
            methods.remove("head");
        }
        methods
    }

    #[test]
    fn the_document_has_every_route_of_the_router_and_no_other() {
        let routed: BTreeMap<String, BTreeSet<String>> = router::every_resource()
            .into_iter()
            .map(|(pattern, allow)| (documented(&pattern), methods(allow.split(", "))))
            .collect();
        assert!(routed.len() > 30, "the router was walked");
        let document: serde_json::Value = serde_json::from_str(&document().to_json().unwrap()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let described: BTreeMap<String, BTreeSet<String>> = paths
            .iter()
            .map(|(path, item)| (path.clone(), methods(item.as_object().unwrap().keys().map(String::as_str))))
            .collect();
        assert_eq!(described, routed);
    }
}
