use super::engine::query;
use super::{Store, StoreError, WriteTransaction};

impl Store {
    /// The wrapped installation secret, once the installation has been made.
    pub async fn installation_secret(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let row = query("SELECT secret_ciphertext FROM installation").fetch_optional(&self.pool).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }
}

impl WriteTransaction<'_> {
    /// Keeps the wrapped installation secret. False when another process was first.
    pub async fn insert_installation_secret(&mut self, ciphertext: &[u8], now: i64) -> Result<bool, StoreError> {
        let result = query(
            "INSERT INTO installation (id, secret_ciphertext, created_at) VALUES (1, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(ciphertext)
        .bind(now)
        .execute(self.connection().await?)
        .await?;
        Ok(result.rows_affected() == 1)
    }
}
