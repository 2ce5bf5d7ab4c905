//! Lists of an application's keys, and what happens to an API key in its life.

use keyveil_protocol::{ApiKeyId, AppId, KeyId};

use super::engine::query;
use super::{Scopes, Store, StoreError, WriteTransaction, integer, number, parsed};

/// Keys in one list, newest first; the ones beyond it are long retired.
const LIST_MAX: u32 = 200;
/// The time of a key's last use is kept this coarsely, so that reading costs no write.
const USE_SECS: i64 = 60;

/// A signing key as a list shows it.
#[derive(Clone, Debug)]
pub struct ListedSigningKey {
    /// Its id.
    pub kid: KeyId,
    /// When it was made.
    pub created_at: i64,
    /// When it was retired.
    pub retired_at: Option<i64>,
}

/// An API key as a list shows it.
#[derive(Clone, Debug)]
pub struct ListedApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// For people.
    pub name: String,
    /// What its holder may do.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: i64,
    /// When it was last used, to the minute.
    pub last_used_at: Option<i64>,
    /// When it was retired.
    pub retired_at: Option<i64>,
}

impl Store {
    /// An application's signing keys, retired ones too.
    pub async fn list_signing_keys(&self, app_id: AppId) -> Result<Vec<ListedSigningKey>, StoreError> {
        let rows = query(
            "SELECT kid, created_at, retired_at FROM signing_keys WHERE app_id = ? ORDER BY retired_at IS NOT NULL, seq DESC LIMIT ?",
        )
        .bind(integer(app_id.value()))
        .bind(LIST_MAX)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(ListedSigningKey {
                    kid: parsed(row.try_get("kid")?, "kid")?,
                    created_at: row.try_get("created_at")?,
                    retired_at: row.try_get("retired_at")?,
                })
            })
            .collect()
    }

    /// An application's API keys, retired ones too.
    pub async fn list_api_keys(&self, app_id: AppId) -> Result<Vec<ListedApiKey>, StoreError> {
        let rows = query(
            "SELECT id, name, scopes, created_at, last_used_at, retired_at FROM api_keys WHERE app_id = ?
             ORDER BY retired_at IS NOT NULL, created_at DESC, id LIMIT ?",
        )
        .bind(integer(app_id.value()))
        .bind(LIST_MAX)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(ListedApiKey {
                    id: parsed(row.try_get("id")?, "api key id")?,
                    name: row.try_get("name")?,
                    scopes: parsed(row.try_get("scopes")?, "scopes")?,
                    created_at: row.try_get("created_at")?,
                    last_used_at: row.try_get("last_used_at")?,
                    retired_at: row.try_get("retired_at")?,
                })
            })
            .collect()
    }

    /// Remembers that a key is in use, at most once a minute, and not now if someone else writes: nothing waits for this.
    pub async fn note_api_key_use(&self, id: &ApiKeyId, last: Option<i64>, now: i64) -> Result<(), StoreError> {
        if last.is_some_and(|last| now.saturating_sub(last) < USE_SECS) {
            return Ok(());
        }
        let Some(mut turn) = self.writer.idle() else { return Ok(()) };
        query(
            "UPDATE api_keys SET last_used_at = ?1 WHERE id = ?2 AND (last_used_at IS NULL OR last_used_at <= ?1 - ?3)",
        )
        .bind(now)
        .bind(id.as_str())
        .bind(USE_SECS)
        .execute(turn.connection()?)
        .await?;
        Ok(())
    }
}

impl WriteTransaction<'_> {
    /// How many API keys an application has in use.
    pub async fn count_api_keys(&mut self, app_id: AppId) -> Result<u32, StoreError> {
        let row = query("SELECT count(*) FROM api_keys WHERE app_id = ? AND retired_at IS NULL")
            .bind(integer(app_id.value()))
            .fetch_one(self.connection().await?)
            .await?;
        number(row.try_get(0)?, "count")
    }

    /// Stops accepting an API key. False when the application has no such key in use.
    pub async fn retire_api_key(&mut self, app_id: AppId, id: &ApiKeyId, now: i64) -> Result<bool, StoreError> {
        let result = query("UPDATE api_keys SET retired_at = ? WHERE app_id = ? AND id = ? AND retired_at IS NULL")
            .bind(now)
            .bind(integer(app_id.value()))
            .bind(id.as_str())
            .execute(self.connection().await?)
            .await?;
        Ok(result.rows_affected() == 1)
    }
}
