//! `GET /v1/events` and sending one again.

use keyveil_protocol::{AppId, ErrorCode, EventId, FileId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::checked_limit;
use crate::clock::{on_wire, stored};
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditEvent, AuditKind, EventRow, EventType};

/// The query.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ListEvents {
    after: Option<String>,
    limit: Option<u32>,
    file_id: Option<FileId>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// An event as it is listed, and as webhooks get it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventInfo {
    event_id: EventId,
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    kind: &'static str,
    at: u64,
    app_id: AppId,
    file_id: Option<FileId>,
    #[schema(value_type = Object)]
    data: Value,
}

/// A page of events, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EventsPage {
    events: Vec<EventInfo>,
    next: Option<String>,
}

impl EventInfo {
    pub(super) fn of(row: &EventRow) -> Self {
        Self {
            event_id: row.event_id.clone(),
            kind: row.event.kind.as_str(),
            at: on_wire(row.at),
            app_id: row.event.app_id,
            file_id: row.event.file_id.clone(),
            data: row.event.data.clone(),
        }
    }
}

pub(crate) async fn list_events(
    state: &ServerState,
    principal: &Principal,
    query: &ListEvents,
) -> Result<EventsPage, Refusal> {
    let malformed = |cause: &'static str| Refusal::new(ErrorCode::MalformedRequest, cause).with_detail(cause);
    let limit = checked_limit(query.limit)?;
    let after = query.after.as_deref().map(str::parse).transpose().map_err(|_| malformed("after"))?;
    let kind = match &query.kind {
        None => None,
        Some(name) => Some(EventType::from_name(name).ok_or_else(|| malformed("type"))?),
    };
    let store = state.installation.store();
    let mut rows = store.events(principal.app_id, query.file_id.as_ref(), kind, after, limit + 1).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|row| row.seq.to_string());
    Ok(EventsPage { events: rows.iter().map(EventInfo::of).collect(), next })
}

/// Sends an event again to every webhook that wants it now.
pub(crate) async fn resend_event(state: &ServerState, principal: &Principal, id: &EventId) -> Result<(), Refusal> {
    let mut write = state.installation.store().write().await?;
    let now = stored(state.clock.now());
    if !write.resend_event(principal.app_id, id, now).await? {
        return Err(Refusal::new(ErrorCode::NotFound, "no such event"));
    }
    let detail = json!({ "by": principal.by(), "eventId": id });
    write.append_audit(&AuditEvent::new(AuditKind::EventResent, detail).with_app(principal.app_id), now).await?;
    Ok(write.commit().await?)
}
