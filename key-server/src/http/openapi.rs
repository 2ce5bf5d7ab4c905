//! `GET /v1/openapi.json`: the document of all that has been described, derived from the handlers and their types.

use std::sync::LazyLock;

use actix_web::{HttpResponse, web};
use keyveil_protocol::api::ErrorResponse;
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, ContentBuilder, Ref, ResponseBuilder, SecurityRequirement};

use super::router::resource;
use super::{account, webhooks};

static DOCUMENT: LazyLock<Result<String, serde_json::Error>> = LazyLock::new(|| document().to_json());

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Keyveil key server",
        description = "docs/WORKFLOW.md gives the rules that fields alone do not tell."
    ),
    components(schemas(ErrorResponse))
)]
struct Docs;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(resource("/v1/openapi.json", "GET").route(web::get().to(openapi)));
}

async fn openapi() -> HttpResponse {
    match &*DOCUMENT {
        Ok(json) => HttpResponse::Ok().content_type("application/json").body(json.as_str()),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

fn document() -> utoipa::openapi::OpenApi {
    let mut document = Docs::openapi();
    document.merge(account::Docs::openapi());
    document.merge(webhooks::Docs::openapi());
    add_credentials(&mut document);
    add_refusals(&mut document);
    document
}

/// An API key, or the cookie of a person who has signed in.
fn add_credentials(document: &mut utoipa::openapi::OpenApi) {
    let components = document.components.get_or_insert_with(Components::new);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme("apiKey", SecurityScheme::Http(bearer));
    let cookie = ApiKey::Cookie(ApiKeyValue::new("keyveil_session"));
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
    let requirement = |name: &str| SecurityRequirement::new(name, Vec::<String>::new());
    document.security = Some(vec![requirement("apiKey"), requirement("cookie")]);
}

/// Every operation may be refused, always in the same form.
fn add_refusals(document: &mut utoipa::openapi::OpenApi) {
    for item in document.paths.paths.values_mut() {
        let operations: [&mut Option<Operation>; 5] =
            [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
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
    use super::*;

    fn references<'a>(value: &'a serde_json::Value, found: &mut Vec<&'a str>) {
        match value {
            serde_json::Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(serde_json::Value::as_str));
                fields.values().for_each(|field| references(field, found));
            }
            serde_json::Value::Array(members) => members.iter().for_each(|member| references(member, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_operation_may_be_refused() {
        let document: serde_json::Value = serde_json::from_str(&document().to_json().unwrap()).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.contains(&"#/components/schemas/ErrorResponse"));
        for reference in found {
            assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
        }
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                assert!(operation["responses"]["default"].is_object(), "{method} {path}");
            }
        }
        assert_eq!(document["paths"].as_object().unwrap().len(), 10);
    }
}
