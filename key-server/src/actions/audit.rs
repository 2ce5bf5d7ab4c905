//! `GET /v1/audit`: what happened in an application.

use serde::Serialize;
use serde_json::{Value, json};

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

#[derive(Debug, Serialize)]
pub(crate) struct AuditPage {
    audit: Vec<Value>,
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
    let audit: Result<Vec<Value>, StoreError> = rows.iter().map(view).collect();
    Ok(AuditPage { audit: audit?, next })
}

fn view(row: &ListedAudit) -> Result<Value, StoreError> {
    let detail: Value = serde_json::from_str(&row.detail).map_err(|_| StoreError::Corrupt("audit detail"))?;
    Ok(json!({
        "seq": row.seq, "at": on_wire(row.at), "kind": row.kind, "fileId": row.file_id, "sessionId": row.session_id,
        "detail": detail,
    }))
}
