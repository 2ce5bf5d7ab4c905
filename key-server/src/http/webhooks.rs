//! `/v1/events` and `/v1/webhooks`.

use actix_web::{HttpRequest, HttpResponse, web};
use keyveil_protocol::{DeliveryId, ErrorCode, EventId, ProtocolError, WebhookId};
use serde::de::DeserializeOwned;

use super::api::{Answer, State, no_store, no_store_created};
use super::body::json_bytes;
use super::idempotency::{IdempotencyKey, idempotent};
use super::principal::principal;
use super::router::resource;
use crate::actions::webhooks;
use crate::refusal::Refusal;
use crate::store::Scope;

const BODY_LEN_MAX: usize = 16 << 10;

/// What this module answers.
#[derive(utoipa::OpenApi)]
#[openapi(paths(list_events, resend_event, list, create, show, change, delete, deliveries, resend_delivery))]
pub(super) struct Docs;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/v1/events", "GET").route(web::get().to(list_events)))
        .service(resource("/v1/events/{event_id}/resend", "POST").route(web::post().to(resend_event)))
        .service(resource("/v1/webhooks", "GET, POST").route(web::get().to(list)).route(web::post().to(create)))
        .service(
            resource("/v1/webhooks/{webhook_id}", "GET, PATCH, DELETE")
                .route(web::get().to(show))
                .route(web::patch().to(change))
                .route(web::delete().to(delete)),
        )
        .service(resource("/v1/webhooks/{webhook_id}/deliveries", "GET").route(web::get().to(deliveries)))
        .service(
            resource("/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/resend", "POST")
                .route(web::post().to(resend_delivery)),
        );
}

/// List events
///
/// Scope `read`.
#[utoipa::path(get, path = "/v1/events", operation_id = "listEvents", tag = "webhooks", params(webhooks::ListEvents),
    responses((status = 200, description = "Newest first.", body = webhooks::EventsPage)))]
async fn list_events(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Read).await?;
    Ok(no_store().json(webhooks::list_events(&state, &principal, &query(&request)?).await?))
}

/// Send an event again
///
/// Scope `manage`. To every enabled webhook that wants its kind.
#[utoipa::path(post, path = "/v1/events/{eventId}/resend", operation_id = "resendEvent", tag = "webhooks", params(("eventId" = EventId, Path)),
    responses((status = 204, description = "Sent again.")))]
async fn resend_event(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    webhooks::resend_event(&state, &principal, &id(&request, "event_id")?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// List webhooks
///
/// Scope `manage`.
#[utoipa::path(get, path = "/v1/webhooks", operation_id = "listWebhooks", tag = "webhooks", params(webhooks::ListPage),
    responses((status = 200, description = "Oldest first.", body = webhooks::WebhooksPage)))]
async fn list(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let webhooks::ListPage { .. } = query(&request)?;
    Ok(no_store().json(webhooks::list(&state, &principal).await?))
}

/// Make a webhook
///
/// Scope `manage`. At most 16 (`limit_reached`).
#[utoipa::path(post, path = "/v1/webhooks", operation_id = "createWebhook", tag = "webhooks", request_body = webhooks::NewWebhook, params(IdempotencyKey),
    responses((status = 201, description = "Made; its secret is told only now.", body = webhooks::CreatedWebhook)))]
async fn create(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    let (own, bytes) = (state.clone(), body.clone());
    idempotent(&state, principal.name(), &request, &body, async move {
        Ok(no_store_created().json(webhooks::create(&own, &principal, &bytes).await?))
    })
    .await
}

/// Read a webhook
///
/// Scope `manage`.
#[utoipa::path(get, path = "/v1/webhooks/{webhookId}", operation_id = "readWebhook", tag = "webhooks", params(("webhookId" = WebhookId, Path)),
    responses((status = 200, description = "One webhook.", body = webhooks::WebhookInfo)))]
async fn show(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    Ok(no_store().json(webhooks::show(&state, &principal, &id(&request, "webhook_id")?).await?))
}

/// Change a webhook
///
/// Scope `manage`. What is not named stays as it is.
#[utoipa::path(patch, path = "/v1/webhooks/{webhookId}", operation_id = "changeWebhook", tag = "webhooks", request_body = webhooks::WebhookChange, params(("webhookId" = WebhookId, Path)),
    responses((status = 200, description = "As it is now.", body = webhooks::WebhookInfo)))]
async fn change(state: State, request: HttpRequest, payload: web::Payload) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let body = json_bytes(&request, payload, BODY_LEN_MAX, state.config.http.body_timeout()).await?;
    Ok(no_store().json(webhooks::change(&state, &principal, &id(&request, "webhook_id")?, &body).await?))
}

/// Delete a webhook
///
/// Scope `manage`.
#[utoipa::path(delete, path = "/v1/webhooks/{webhookId}", operation_id = "deleteWebhook", tag = "webhooks", params(("webhookId" = WebhookId, Path)),
    responses((status = 204, description = "Gone with its deliveries.")))]
async fn delete(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    webhooks::delete(&state, &principal, &id(&request, "webhook_id")?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// List deliveries
///
/// Scope `manage`.
#[utoipa::path(get, path = "/v1/webhooks/{webhookId}/deliveries", operation_id = "listDeliveries", tag = "webhooks", params(("webhookId" = WebhookId, Path), webhooks::ListPage),
    responses((status = 200, description = "Newest first.", body = webhooks::DeliveriesPage)))]
async fn deliveries(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let webhook_id = id(&request, "webhook_id")?;
    Ok(no_store().json(webhooks::deliveries(&state, &principal, &webhook_id, &query(&request)?).await?))
}

/// Send a delivery again
///
/// Scope `manage`.
#[utoipa::path(post, path = "/v1/webhooks/{webhookId}/deliveries/{deliveryId}/resend", operation_id = "resendDelivery", tag = "webhooks", params(("webhookId" = WebhookId, Path), ("deliveryId" = DeliveryId, Path)),
    responses((status = 200, description = "The new delivery.", body = webhooks::DeliveryInfo)))]
async fn resend_delivery(state: State, request: HttpRequest) -> Answer {
    let principal = principal(&state, &request, Scope::Manage).await?;
    let (webhook_id, delivery_id) = (id(&request, "webhook_id")?, id(&request, "delivery_id")?);
    Ok(no_store().json(webhooks::resend_delivery(&state, &principal, &webhook_id, &delivery_id).await?))
}

fn id<T: std::str::FromStr<Err = ProtocolError>>(request: &HttpRequest, name: &'static str) -> Result<T, Refusal> {
    Ok(request.match_info().query(name).parse()?)
}

fn query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, Refusal> {
    let query = web::Query::<T>::from_query(request.query_string());
    Ok(query.map_err(|_| Refusal::new(ErrorCode::MalformedRequest, "query"))?.into_inner())
}
