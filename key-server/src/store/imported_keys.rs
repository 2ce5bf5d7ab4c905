//! Keys of titles that another vendor encrypted, each wrapped and bound to the text that names it.

use keyveil_protocol::{AppId, FileId};

use super::engine::query;
use super::{Store, StoreError, WriteTransaction, integer, number};

/// A key that another vendor's playlists name by a text.
#[derive(Clone, Debug)]
pub struct ImportedKey {
    /// SHA-256 of the text.
    pub text_hash: [u8; 32],
    /// The 16 bytes, wrapped.
    pub key_ciphertext: Vec<u8>,
}

impl Store {
    /// The wrapped key of a text, where title, media id and text belong together.
    pub async fn imported_key(
        &self,
        file_id: &FileId,
        media_id: &str,
        text_hash: &[u8; 32],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let row =
            query("SELECT key_ciphertext FROM imported_keys WHERE file_id = ? AND text_hash = ? AND media_id = ?")
                .bind(file_id.as_str())
                .bind(text_hash.as_slice())
                .bind(media_id)
                .fetch_optional(&self.pool)
                .await?;
        Ok(row.map(|row| row.try_get("key_ciphertext")).transpose()?)
    }

    /// How many keys were imported for a title.
    pub async fn count_imported_keys(&self, file_id: &FileId) -> Result<u32, StoreError> {
        let row = query("SELECT count(*) FROM imported_keys WHERE file_id = ?")
            .bind(file_id.as_str())
            .fetch_one(&self.pool)
            .await?;
        number(row.try_get(0)?, "count")
    }
}

impl WriteTransaction<'_> {
    /// Keeps these keys for a title, and none but these.
    pub async fn replace_imported_keys(
        &mut self,
        app_id: AppId,
        file_id: &FileId,
        media_id: &str,
        keys: &[ImportedKey],
        now: i64,
    ) -> Result<(), StoreError> {
        query("DELETE FROM imported_keys WHERE file_id = ?")
            .bind(file_id.as_str())
            .execute(self.connection().await?)
            .await?;
        for key in keys {
            query(
                "INSERT INTO imported_keys (app_id, file_id, text_hash, media_id, key_ciphertext, created_at)
                 VALUES (?, ?, ?, ?, ?, ?)",
            )
            .bind(integer(app_id.value()))
            .bind(file_id.as_str())
            .bind(key.text_hash.as_slice())
            .bind(media_id)
            .bind(key.key_ciphertext.as_slice())
            .bind(now)
            .execute(self.connection().await?)
            .await?;
        }
        Ok(())
    }
}
