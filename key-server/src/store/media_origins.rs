//! Media origins: what stands in front of this server as CDN.

use keyveil_protocol::{AppId, MediaOriginId};

use super::engine::{Row, query};
use super::{Store, StoreError, WriteTransaction, app_id, integer, number, parsed};

/// A media origin of an application.
#[derive(Clone, Debug)]
pub struct MediaOriginRow {
    /// Its application.
    pub app_id: AppId,
    /// Its id.
    pub origin_id: MediaOriginId,
    /// Scheme, host and port, without a slash at the end.
    pub base_url: String,
    /// The name of its scheme.
    pub scheme: String,
    /// Its main key, wrapped; none with the installation's own scheme.
    pub key_ciphertext: Option<Vec<u8>>,
    /// Its backup key, wrapped.
    pub backup_key_ciphertext: Option<Vec<u8>>,
    /// How long its addresses hold.
    pub ttl_secs: u32,
    /// Whether playback gets addresses of it.
    pub is_default: bool,
    /// When it was made.
    pub created_at: i64,
    /// When it was last changed.
    pub updated_at: i64,
}

impl Store {
    /// An application's media origins, oldest first.
    pub async fn media_origins(&self, app_id: AppId) -> Result<Vec<MediaOriginRow>, StoreError> {
        let rows = query("SELECT * FROM media_origins WHERE app_id = ? ORDER BY created_at, origin_id")
            .bind(integer(app_id.value()))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(row).collect()
    }

    /// Base addresses of the media origins of all applications, each once and at most so many.
    pub async fn media_origin_urls(&self, most: usize) -> Result<Vec<String>, StoreError> {
        let rows = query("SELECT DISTINCT base_url FROM media_origins ORDER BY base_url LIMIT ?")
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }
}

impl WriteTransaction<'_> {
    /// An application's media origins, oldest first.
    pub async fn media_origins(&mut self, app_id: AppId) -> Result<Vec<MediaOriginRow>, StoreError> {
        let rows = query("SELECT * FROM media_origins WHERE app_id = ? ORDER BY created_at, origin_id")
            .bind(integer(app_id.value()))
            .fetch_all(self.connection().await?)
            .await?;
        rows.iter().map(row).collect()
    }

    /// Keeps a media origin, new or changed; where it is the default one, no other is.
    pub async fn put_media_origin(&mut self, origin: &MediaOriginRow) -> Result<(), StoreError> {
        if origin.is_default {
            query("UPDATE media_origins SET is_default = 0 WHERE app_id = ?1 AND origin_id <> ?2")
                .bind(integer(origin.app_id.value()))
                .bind(origin.origin_id.as_str())
                .execute(self.connection().await?)
                .await?;
        }
        query(
            "INSERT INTO media_origins (app_id, origin_id, base_url, scheme, key_ciphertext, backup_key_ciphertext,
                                        ttl_secs, is_default, created_at, updated_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (app_id, origin_id) DO UPDATE SET
                 base_url = excluded.base_url, scheme = excluded.scheme, key_ciphertext = excluded.key_ciphertext,
                 backup_key_ciphertext = excluded.backup_key_ciphertext, ttl_secs = excluded.ttl_secs,
                 is_default = excluded.is_default, updated_at = excluded.updated_at",
        )
        .bind(integer(origin.app_id.value()))
        .bind(origin.origin_id.as_str())
        .bind(&origin.base_url)
        .bind(&origin.scheme)
        .bind(origin.key_ciphertext.as_deref())
        .bind(origin.backup_key_ciphertext.as_deref())
        .bind(origin.ttl_secs)
        .bind(origin.is_default)
        .bind(origin.created_at)
        .bind(origin.updated_at)
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    /// Takes a media origin away. False when there is none.
    pub async fn delete_media_origin(&mut self, app_id: AppId, id: &MediaOriginId) -> Result<bool, StoreError> {
        let result = query("DELETE FROM media_origins WHERE app_id = ? AND origin_id = ?")
            .bind(integer(app_id.value()))
            .bind(id.as_str())
            .execute(self.connection().await?)
            .await?;
        Ok(result.rows_affected() == 1)
    }
}

fn row(row: &Row) -> Result<MediaOriginRow, StoreError> {
    Ok(MediaOriginRow {
        app_id: app_id(row.try_get("app_id")?)?,
        origin_id: parsed(row.try_get("origin_id")?, "media origin id")?,
        base_url: row.try_get("base_url")?,
        scheme: row.try_get("scheme")?,
        key_ciphertext: row.try_get("key_ciphertext")?,
        backup_key_ciphertext: row.try_get("backup_key_ciphertext")?,
        ttl_secs: number(row.try_get("ttl_secs")?, "time to live")?,
        is_default: row.try_get("is_default")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}
