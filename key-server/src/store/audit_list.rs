use futures_util::TryStreamExt;
use keyveil_protocol::{AppId, FileId, SessionId};

use super::engine::query;
use super::{Store, StoreError, integer};

/// A row of the audit log as a list shows it.
#[derive(Clone, Debug)]
pub struct ListedAudit {
    /// Its place in the chain.
    pub seq: i64,
    /// When.
    pub at: i64,
    /// What happened.
    pub kind: String,
    /// The title it concerns.
    pub file_id: Option<String>,
    /// The session it concerns.
    pub session_id: Option<String>,
    /// Particulars as JSON.
    pub detail: String,
    /// Its hash, which covers the row and the hash before it.
    pub hash: Vec<u8>,
}

/// Which rows; newest first.
#[derive(Clone, Debug)]
pub struct AuditQuery {
    /// Only of this title.
    pub file_id: Option<FileId>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only of this session.
    pub session_id: Option<SessionId>,
    /// Only below this place in the chain.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

impl Store {
    /// The audit log of an application.
    pub async fn list_audit(&self, app_id: AppId, wanted: &AuditQuery) -> Result<Vec<ListedAudit>, StoreError> {
        let mut builder = query("SELECT seq, at, kind, file_id, session_id, detail, hash FROM audit");
        builder.push(" WHERE app_id = ").push_bind(integer(app_id.value()));
        if let Some(file_id) = &wanted.file_id {
            builder.push(" AND file_id = ").push_bind(file_id.to_string());
        }
        if let Some(kind) = &wanted.kind {
            builder.push(" AND kind = ").push_bind(kind.clone());
        }
        if let Some(session_id) = &wanted.session_id {
            builder.push(" AND session_id = ").push_bind(session_id.to_string());
        }
        if let Some(before) = wanted.before {
            builder.push(" AND seq < ").push_bind(before);
        }
        builder.push(" ORDER BY seq DESC LIMIT ").push_bind(wanted.limit);
        let rows = builder.fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| {
                Ok(ListedAudit {
                    seq: row.try_get("seq")?,
                    at: row.try_get("at")?,
                    kind: row.try_get("kind")?,
                    file_id: row.try_get("file_id")?,
                    session_id: row.try_get("session_id")?,
                    detail: row.try_get("detail")?,
                    hash: row.try_get("hash")?,
                })
            })
            .collect()
    }

    /// Calls `each` with time and detail of a title's key releases, the newest `max` of them, and returns how many they were.
    pub async fn each_key_release(
        &self,
        file_id: &FileId,
        max: u32,
        mut each: impl FnMut(i64, &str) -> Result<(), StoreError>,
    ) -> Result<u32, StoreError> {
        let mut rows = query(
            "SELECT at, detail FROM audit WHERE file_id = ? AND kind IN ('session_started', 'keys_released')
             ORDER BY seq DESC LIMIT ?",
        )
        .bind(file_id.as_str())
        .bind(max)
        .fetch(&self.pool);
        let mut count = 0_u32;
        while let Some(row) = rows.try_next().await? {
            each(row.try_get("at")?, row.try_get("detail")?)?;
            count = count.saturating_add(1);
        }
        Ok(count)
    }
}
