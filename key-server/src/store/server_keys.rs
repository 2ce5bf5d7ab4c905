use keyveil_protocol::ServerKeyId;

use super::engine::{Row, query};
use super::{Store, StoreError, WriteTransaction, parsed};

/// A static X25519 key of this server.
#[derive(Clone, Debug)]
pub struct ServerKeyRow {
    /// Its id.
    pub id: ServerKeyId,
    /// The public half.
    pub public_key: [u8; 32],
    /// The private half, wrapped.
    pub private_key_ciphertext: Vec<u8>,
    /// When it was made.
    pub created_at: i64,
    /// When it stopped being used.
    pub retired_at: Option<i64>,
}

impl ServerKeyRow {
    pub(super) fn from_row(row: &Row) -> Result<Self, StoreError> {
        let public_key: Vec<u8> = row.try_get("public_key")?;
        Ok(Self {
            id: parsed(row.try_get("id")?, "server key id")?,
            public_key: public_key.try_into().map_err(|_| StoreError::Corrupt("server public key"))?,
            private_key_ciphertext: row.try_get("private_key_ciphertext")?,
            created_at: row.try_get("created_at")?,
            retired_at: row.try_get("retired_at")?,
        })
    }
}

impl Store {
    /// All server keys, newest first.
    pub async fn server_keys(&self) -> Result<Vec<ServerKeyRow>, StoreError> {
        let rows = query("SELECT * FROM server_keys ORDER BY seq DESC").fetch_all(&self.pool).await?;
        rows.iter().map(ServerKeyRow::from_row).collect()
    }

    /// The newest server key in use.
    pub async fn newest_server_key(&self) -> Result<Option<ServerKeyRow>, StoreError> {
        let row = query("SELECT * FROM server_keys WHERE retired_at IS NULL ORDER BY seq DESC LIMIT 1")
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(ServerKeyRow::from_row).transpose()
    }
}

impl WriteTransaction<'_> {
    /// Keeps a new server key.
    pub async fn insert_server_key(&mut self, key: &ServerKeyRow) -> Result<(), StoreError> {
        query("INSERT INTO server_keys (id, public_key, private_key_ciphertext, created_at) VALUES (?, ?, ?, ?)")
            .bind(key.id.as_str())
            .bind(key.public_key.as_slice())
            .bind(key.private_key_ciphertext.as_slice())
            .bind(key.created_at)
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }

    /// Retires all server keys but the newest `keep`, and returns the ids of the retired ones.
    pub async fn retire_older_server_keys(&mut self, keep: u32, now: i64) -> Result<Vec<ServerKeyId>, StoreError> {
        let rows = query(
            "UPDATE server_keys SET retired_at = ?1 WHERE retired_at IS NULL AND seq NOT IN
             (SELECT seq FROM server_keys WHERE retired_at IS NULL ORDER BY seq DESC LIMIT ?2) RETURNING id",
        )
        .bind(now)
        .bind(keep)
        .fetch_all(self.connection().await?)
        .await?;
        rows.iter().map(|row| parsed(row.try_get("id")?, "server key id")).collect()
    }
}
