//! What viewers have taken of titles, and what that made of their sessions (docs/PACING.md).

use std::collections::BTreeSet;

use keyveil_protocol::{AppId, FileId, SessionId};

use super::engine::{Row, query};
use super::{Session, Store, StoreError, WriteTransaction, integer};
use crate::pacing::{Account, PeriodSet, Reason, Score};

pub(super) const PUT: &str =
    "INSERT INTO pacing_accounts (app_id, file_id, version, viewer, periods, account, last_seen_at) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (app_id, file_id, version, viewer) DO UPDATE SET periods = excluded.periods, account = excluded.account,
     last_seen_at = excluded.last_seen_at";

/// Whose account of what.
#[derive(Clone, Debug)]
pub(crate) struct AccountKey {
    app_id: AppId,
    file_id: FileId,
    version: u32,
    viewer: String,
}

impl AccountKey {
    /// That of the session's viewer, or its own where its signature names none.
    pub(crate) fn of(session: &Session) -> Self {
        let viewer = session.uid.as_ref().map_or_else(|| format!("session:{}", session.id), |uid| format!("uid:{uid}"));
        Self { app_id: session.app_id, file_id: session.file_id.clone(), version: session.version, viewer }
    }

    pub(super) fn into_viewer(self) -> String {
        self.viewer
    }
}

impl Store {
    /// Forgets accounts without a request since `before`, and returns how many.
    pub async fn delete_pacing_accounts_before(&self, before: i64) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        let result = query("DELETE FROM pacing_accounts WHERE last_seen_at < ?")
            .bind(before)
            .execute(write.connection().await?)
            .await?;
        write.commit().await?;
        Ok(result.rows_affected())
    }
}

impl WriteTransaction<'_> {
    /// Keeps an account as it is now.
    pub(crate) async fn put_pacing_account(
        &mut self,
        key: &AccountKey,
        account: &Account,
        now: i64,
    ) -> Result<(), StoreError> {
        let text = serde_json::to_string(account).map_err(|_| StoreError::Corrupt("pacing account"))?;
        self.later(PUT)
            .bind(integer(key.app_id.value()))
            .bind(key.file_id.as_str())
            .bind(key.version)
            .bind(key.viewer.as_str())
            .bind(account.periods.as_bytes())
            .bind(text)
            .bind(now);
        Ok(())
    }

    /// Adds to what a session was found to look like. Nothing happens to one that is unknown.
    pub(crate) async fn suspect_session(&mut self, id: &SessionId, score: &Score) -> Result<(), StoreError> {
        let row = query("SELECT reasons FROM sessions WHERE id = ?")
            .bind(id.as_bytes().as_slice())
            .fetch_optional(self.connection().await?)
            .await?;
        let Some(row) = row else { return Ok(()) };
        let mut reasons: BTreeSet<Reason> = reasons_column(row.try_get("reasons")?)?.into_iter().collect();
        reasons.extend(&score.reasons);
        let text = serde_json::to_string(&reasons).map_err(|_| StoreError::Corrupt("session reasons"))?;
        query("UPDATE sessions SET score = CASE WHEN score < ?1 THEN ?1 ELSE score END, reasons = ?2 WHERE id = ?3")
            .bind(integer(score.points))
            .bind(text)
            .bind(id.as_bytes().as_slice())
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }
}

/// From the columns `periods` and `account`; an empty one where there is none yet.
pub(super) fn account_columns(row: &Row) -> Result<Account, StoreError> {
    let Some(text) = row.try_get::<Option<&str>, _>("account")? else { return Ok(Account::default()) };
    let mut account: Account = serde_json::from_str(text).map_err(|_| StoreError::Corrupt("pacing account"))?;
    account.periods = PeriodSet::from_bytes(row.try_get("periods")?);
    Ok(account)
}

pub(super) fn reasons_column(text: &str) -> Result<Vec<Reason>, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Corrupt("session reasons"))
}
