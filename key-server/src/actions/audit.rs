//! `GET /v1/audit`: what happened in an application.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::query::{Fields, cut, is_plain, malformed};
use crate::clock::on_wire;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditQuery, ListedAudit, SortValue, StoreError};

/// The query's fields.
pub(crate) const FIELDS: &[&str] = &["fileId", "kind", "sessionId", "limit", "after"];
const LIST: &str = "audit";
const KIND_LEN_MAX: usize = 64;

/// A row of the hash-chained log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditEntry)]
pub(crate) struct AuditView {
    /// Its place in the installation's chain; the rows between belong to other applications.
    seq: i64,
    at: u64,
    kind: String,
    file_id: Option<String>,
    session_id: Option<String>,
    #[schema(value_type = Object)]
    detail: Value,
    /// Hex; covers the row and the hash before it.
    hash: String,
}

/// A page of the audit log, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditPage {
    audit: Vec<AuditView>,
    next: Option<String>,
}

/// Newest first.
pub(crate) async fn list(state: &ServerState, principal: &Principal, fields: &Fields) -> Result<AuditPage, Refusal> {
    let limit = fields.limit()?;
    let kind = fields.text("kind")?;
    if kind.is_some_and(|kind| !is_plain(kind, KIND_LEN_MAX)) {
        return Err(malformed("kind is not one of the audit log's"));
    }
    let query = AuditQuery {
        file_id: fields.parsed("fileId")?,
        kind: kind.map(str::to_owned),
        session_id: fields.parsed("sessionId")?,
        before: fields.after(LIST)?.map(|cursor| cursor.integer()).transpose()?,
        limit: limit.saturating_add(1),
    };
    let mut rows = state.installation.store().list_audit(principal.app_id, &query).await?;
    let next = cut(&mut rows, limit, LIST, |row| (SortValue::Integer(row.seq), String::new()))?;
    let audit: Result<Vec<AuditView>, StoreError> = rows.into_iter().map(view).collect();
    Ok(AuditPage { audit: audit?, next })
}

fn view(row: ListedAudit) -> Result<AuditView, StoreError> {
    let detail = serde_json::from_str(&row.detail).map_err(|_| StoreError::Corrupt("audit detail"))?;
    Ok(AuditView {
        seq: row.seq,
        at: on_wire(row.at),
        kind: row.kind,
        file_id: row.file_id,
        session_id: row.session_id,
        detail,
        hash: hex::encode(row.hash),
    })
}
