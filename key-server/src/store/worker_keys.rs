use keyveil_protocol::ApiKeyId;

use super::engine::query;
use super::{ApiKeyRow, Store, StoreError, WriteTransaction, parsed};

/// A worker key, without what proves it.
#[derive(Clone, Debug)]
pub struct WorkerKey {
    /// Its id.
    pub id: ApiKeyId,
    /// For people.
    pub name: String,
    /// When it was made.
    pub created_at: i64,
    /// When it stopped being accepted.
    pub retired_at: Option<i64>,
}

impl Store {
    /// All worker keys, oldest first.
    pub async fn worker_keys(&self) -> Result<Vec<WorkerKey>, StoreError> {
        let rows =
            query("SELECT id, name, created_at, retired_at FROM api_keys WHERE app_id IS NULL ORDER BY created_at, id")
                .fetch_all(&self.pool)
                .await?;
        rows.iter()
            .map(|row| {
                Ok(WorkerKey {
                    id: parsed(row.try_get("id")?, "api key id")?,
                    name: row.try_get("name")?,
                    created_at: row.try_get("created_at")?,
                    retired_at: row.try_get("retired_at")?,
                })
            })
            .collect()
    }
}

impl WriteTransaction<'_> {
    /// Keeps the key of the server's own worker: in place of what stood there, and in use again.
    pub async fn keep_worker_key(&mut self, key: &ApiKeyRow, now: i64) -> Result<bool, StoreError> {
        let accepted = self.is_worker_key(&key.id).await?;
        query(
            "INSERT INTO api_keys (id, app_id, name, scopes, secret_hash, psk_ciphertext, created_at) VALUES (?, NULL, ?, ?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET secret_hash = excluded.secret_hash, psk_ciphertext = excluded.psk_ciphertext,
             retired_at = NULL WHERE api_keys.app_id IS NULL",
        )
        .bind(key.id.as_str())
        .bind(&key.name)
        .bind(key.scopes.to_string())
        .bind(key.secret_hash.as_slice())
        .bind(key.psk_ciphertext.as_slice())
        .bind(now)
        .execute(self.connection().await?)
        .await?;
        Ok(!accepted)
    }

    /// Whether a worker key is still accepted.
    pub async fn is_worker_key(&mut self, id: &ApiKeyId) -> Result<bool, StoreError> {
        let row = query("SELECT 1 FROM api_keys WHERE id = ? AND app_id IS NULL AND retired_at IS NULL")
            .bind(id.as_str())
            .fetch_optional(self.connection().await?)
            .await?;
        Ok(row.is_some())
    }

    /// Stops accepting a worker key. False when there is no such key in use.
    pub async fn retire_worker_key(&mut self, id: &ApiKeyId, now: i64) -> Result<bool, StoreError> {
        let result = query("UPDATE api_keys SET retired_at = ? WHERE id = ? AND app_id IS NULL AND retired_at IS NULL")
            .bind(now)
            .bind(id.as_str())
            .execute(self.connection().await?)
            .await?;
        Ok(result.rows_affected() == 1)
    }
}
