//! Webhooks and the events that they are told of.

mod dispatch;
mod events;
mod signature;

pub(crate) use dispatch::dispatch;
pub(crate) use events::{EventsPage, ListEvents, list_events, resend_event};
use keyveil_protocol::{DeliveryId, ErrorCode, EventId, WebhookId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;
use zeroize::Zeroizing;

use super::{parse_json, random};
use crate::clock::{on_wire, stored};
use crate::kms::KmsContext;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditEvent, AuditKind, Delivery, DeliveryState, EventType, Webhook};

/// Webhooks of one application.
const WEBHOOKS_MAX: u32 = 16;
const URL_LEN_MAX: usize = 2048;
const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 200;

/// Body of `POST /v1/webhooks`.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewWebhook {
    url: String,
    #[serde(default)]
    types: Vec<String>,
}

/// Body of `PATCH /v1/webhooks/{webhookId}`.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookChange {
    url: Option<String>,
    types: Option<Vec<String>>,
    enabled: Option<bool>,
}

/// A webhook as it is shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhookInfo {
    webhook_id: WebhookId,
    url: String,
    #[schema(value_type = Vec<String>)]
    types: Vec<&'static str>,
    enabled: bool,
    created_at: u64,
    updated_at: u64,
}

/// A webhook with the secret that is told once.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct CreatedWebhook {
    #[serde(flatten)]
    webhook: WebhookInfo,
    secret: String,
}

/// A page of webhooks: there are few, so it is the only one.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct WebhooksPage {
    webhooks: Vec<WebhookInfo>,
    next: Option<String>,
}

/// A delivery as it is shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeliveryInfo {
    delivery_id: DeliveryId,
    event_id: EventId,
    webhook_id: WebhookId,
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    kind: &'static str,
    #[schema(value_type = String)]
    state: &'static str,
    attempt: u32,
    next_at: Option<u64>,
    last_status: Option<u16>,
    last_error: Option<String>,
    created_at: u64,
    delivered_at: Option<u64>,
}

/// A page of deliveries, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct DeliveriesPage {
    deliveries: Vec<DeliveryInfo>,
    next: Option<String>,
}

/// The query of a list without filters.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListPage {
    after: Option<String>,
    limit: Option<u32>,
}

pub(crate) async fn list(state: &ServerState, principal: &Principal) -> Result<WebhooksPage, Refusal> {
    let webhooks = state.installation.store().webhooks(principal.app_id).await?;
    Ok(WebhooksPage { webhooks: webhooks.iter().map(WebhookInfo::of).collect(), next: None })
}

pub(crate) async fn show(state: &ServerState, principal: &Principal, id: &WebhookId) -> Result<WebhookInfo, Refusal> {
    Ok(WebhookInfo::of(&webhook(state, principal, id).await?))
}

pub(crate) async fn create(state: &ServerState, principal: &Principal, body: &[u8]) -> Result<CreatedWebhook, Refusal> {
    let new: NewWebhook = parse_json(body)?;
    let url = checked_url(state, &new.url).await?;
    let types = event_types(&new.types)?;
    let (app_id, now) = (principal.app_id, stored(state.clock.now()));
    let webhook_id: WebhookId = format!("wh_{}", hex::encode(random::<12>()?)).parse()?;
    let secret = Zeroizing::new(random::<{ signature::SECRET_LEN }>()?);
    let context = KmsContext::Webhook { app_id, webhook_id: &webhook_id };
    let secret_ciphertext = state.installation.kms().encrypt(secret.as_ref(), &context).await?;
    let webhook = Webhook { webhook_id, app_id, url, types, enabled: true, created_at: now, updated_at: now };
    let mut write = state.installation.store().write().await?;
    if write.count_webhooks(app_id).await? >= WEBHOOKS_MAX {
        return Err(Refusal::new(ErrorCode::LimitReached, "sixteen webhooks"));
    }
    write.insert_webhook(&webhook, &secret_ciphertext).await?;
    write.append_audit(&audit(AuditKind::WebhookCreated, principal, &webhook.webhook_id), now).await?;
    write.commit().await?;
    Ok(CreatedWebhook { webhook: WebhookInfo::of(&webhook), secret: signature::secret_text(&secret) })
}

pub(crate) async fn change(
    state: &ServerState,
    principal: &Principal,
    id: &WebhookId,
    body: &[u8],
) -> Result<WebhookInfo, Refusal> {
    let change: WebhookChange = parse_json(body)?;
    let url = match &change.url {
        Some(url) => Some(checked_url(state, url).await?),
        None => None,
    };
    let types = change.types.as_deref().map(event_types).transpose()?;
    let now = stored(state.clock.now());
    let mut webhook = webhook(state, principal, id).await?;
    webhook.url = url.unwrap_or(webhook.url);
    webhook.types = types.unwrap_or(webhook.types);
    webhook.enabled = change.enabled.unwrap_or(webhook.enabled);
    webhook.updated_at = now;
    let mut write = state.installation.store().write().await?;
    if !write.update_webhook(&webhook).await? {
        return Err(unknown());
    }
    write.append_audit(&audit(AuditKind::WebhookChanged, principal, id), now).await?;
    write.commit().await?;
    Ok(WebhookInfo::of(&webhook))
}

pub(crate) async fn delete(state: &ServerState, principal: &Principal, id: &WebhookId) -> Result<(), Refusal> {
    let mut write = state.installation.store().write().await?;
    if !write.delete_webhook(principal.app_id, id).await? {
        return Err(unknown());
    }
    write.append_audit(&audit(AuditKind::WebhookDeleted, principal, id), stored(state.clock.now())).await?;
    Ok(write.commit().await?)
}

pub(crate) async fn deliveries(
    state: &ServerState,
    principal: &Principal,
    id: &WebhookId,
    query: &ListPage,
) -> Result<DeliveriesPage, Refusal> {
    let webhook = webhook(state, principal, id).await?;
    let limit = checked_limit(query.limit)?;
    let after = query.after.as_deref().map(delivery_cursor).transpose()?;
    let mut rows = state.installation.store().deliveries(&webhook.webhook_id, after, limit + 1).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|last| format!("{}.{}", last.created_at, last.delivery_id));
    Ok(DeliveriesPage { deliveries: rows.into_iter().map(DeliveryInfo::of).collect(), next })
}

/// Sends a delivery's event again, as a new delivery.
pub(crate) async fn resend_delivery(
    state: &ServerState,
    principal: &Principal,
    id: &WebhookId,
    delivery_id: &DeliveryId,
) -> Result<DeliveryInfo, Refusal> {
    let webhook = webhook(state, principal, id).await?;
    let store = state.installation.store();
    let old = store.delivery(&webhook.webhook_id, delivery_id).await?.ok_or_else(unknown)?;
    let mut write = store.write().await?;
    let now = stored(state.clock.now());
    let new_id = write.insert_delivery(old.event_id.as_str(), id.as_str(), now).await?;
    let detail = json!({ "by": principal.by(), "eventId": old.event_id, "webhookId": id });
    write.append_audit(&AuditEvent::new(AuditKind::EventResent, detail).with_app(principal.app_id), now).await?;
    write.commit().await?;
    let new = store.delivery(id, &new_id).await?.ok_or_else(unknown)?;
    Ok(DeliveryInfo::of(new))
}

impl WebhookInfo {
    fn of(webhook: &Webhook) -> Self {
        Self {
            webhook_id: webhook.webhook_id.clone(),
            url: webhook.url.clone(),
            types: webhook.types.iter().map(|kind| kind.as_str()).collect(),
            enabled: webhook.enabled,
            created_at: on_wire(webhook.created_at),
            updated_at: on_wire(webhook.updated_at),
        }
    }
}

impl DeliveryInfo {
    fn of(delivery: Delivery) -> Self {
        Self {
            next_at: (delivery.state == DeliveryState::Pending).then(|| on_wire(delivery.run_after)),
            delivery_id: delivery.delivery_id,
            event_id: delivery.event_id,
            webhook_id: delivery.webhook_id,
            kind: delivery.kind.as_str(),
            state: delivery.state.as_str(),
            attempt: delivery.attempt,
            last_status: delivery.last_status,
            last_error: delivery.last_error,
            created_at: on_wire(delivery.created_at),
            delivered_at: delivery.delivered_at.map(on_wire),
        }
    }
}

async fn webhook(state: &ServerState, principal: &Principal, id: &WebhookId) -> Result<Webhook, Refusal> {
    state.installation.store().webhook(principal.app_id, id).await?.ok_or_else(unknown)
}

/// https; http too where addresses of private ranges are allowed.
async fn checked_url(state: &ServerState, text: &str) -> Result<String, Refusal> {
    let wrong = |cause: &'static str| Refusal::new(ErrorCode::UrlRefused, cause).with_detail(cause);
    if text.len() > URL_LEN_MAX {
        return Err(wrong("url: at most 2048 bytes"));
    }
    let url = Url::parse(text).map_err(|_| wrong("url: not an address"))?;
    if url.scheme() != "https" && !state.config.fetch.allow_private {
        return Err(wrong("url: webhooks are called by https only"));
    }
    state.fetch.check(&url).await?;
    Ok(url.to_string())
}

fn event_types(names: &[String]) -> Result<Vec<EventType>, Refusal> {
    let unknown = || {
        let cause = "types: an unknown kind of event";
        Refusal::new(ErrorCode::MalformedRequest, cause).with_detail(cause)
    };
    let named: Vec<_> =
        names.iter().map(|name| EventType::from_name(name).ok_or_else(unknown)).collect::<Result<_, _>>()?;
    // In their one order, each once.
    Ok(EventType::ALL.into_iter().filter(|kind| named.contains(kind)).collect())
}

fn checked_limit(limit: Option<u32>) -> Result<u32, Refusal> {
    let limit = limit.unwrap_or(LIMIT_DEFAULT);
    if (1..=LIMIT_MAX).contains(&limit) {
        return Ok(limit);
    }
    let cause = "limit: 1 to 200";
    Err(Refusal::new(ErrorCode::MalformedRequest, cause).with_detail(cause))
}

fn delivery_cursor(text: &str) -> Result<(i64, &str), Refusal> {
    let malformed = || Refusal::new(ErrorCode::MalformedRequest, "after").with_detail("after");
    let (at, id) = text.split_once('.').ok_or_else(malformed)?;
    Ok((at.parse().map_err(|_| malformed())?, id))
}

fn audit(kind: AuditKind, principal: &Principal, id: &WebhookId) -> AuditEvent {
    AuditEvent::new(kind, json!({ "webhookId": id, "by": principal.by() })).with_app(principal.app_id)
}

fn unknown() -> Refusal {
    Refusal::new(ErrorCode::NotFound, "no such webhook or delivery")
}
