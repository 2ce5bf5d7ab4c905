use keyveil_protocol::{FileId, Mode, UploadId};

use super::engine::query;
use super::uploads::{Stretch, Upload, upload_from_row};
use super::{StoreError, WriteTransaction, integer, number, parsed};

impl WriteTransaction<'_> {
    /// One upload, as this transaction sees it.
    pub async fn upload(&mut self, upload_id: &UploadId) -> Result<Option<Upload>, StoreError> {
        let row = query("SELECT * FROM uploads WHERE upload_id = ?")
            .bind(upload_id.as_str())
            .fetch_optional(self.connection().await?)
            .await?;
        row.as_ref().map(upload_from_row).transpose()
    }

    /// Keeps a new upload, of which nothing is there yet.
    pub async fn insert_upload(&mut self, upload: &Upload) -> Result<(), StoreError> {
        query(
            "INSERT INTO uploads (upload_id, app_id, file_id, kind, state, length, metadata, sha256, url, key_ciphertext, created_at,
             updated_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(upload.upload_id.as_str())
        .bind(integer(upload.app_id.value()))
        .bind(upload.file_id.as_str())
        .bind(upload.kind.as_str())
        .bind(upload.state.as_str())
        .bind(upload.length.map(integer))
        .bind(&upload.metadata)
        .bind(upload.sha256.as_ref().map(<[u8; 32]>::as_slice))
        .bind(upload.url.as_deref())
        .bind(upload.key_ciphertext.as_deref())
        .bind(upload.created_at)
        .bind(upload.updated_at)
        .bind(upload.expires_at)
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    /// Notes what is known of a title's source.
    pub async fn set_title_source(&mut self, file_id: &FileId, mode: Mode, size_bytes: u64) -> Result<(), StoreError> {
        query("UPDATE titles SET mode = ?, size_bytes = ? WHERE file_id = ?")
            .bind(mode.as_str())
            .bind(integer(size_bytes))
            .bind(file_id.as_str())
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }

    /// Declares a source whole. False when bytes are missing or the upload is over.
    pub async fn complete_upload(&mut self, upload_id: &UploadId, now: i64) -> Result<bool, StoreError> {
        let result = query(
            "UPDATE uploads SET state = 'complete', url = NULL, updated_at = ?
             WHERE upload_id = ? AND state = 'receiving' AND \"offset\" = length",
        )
        .bind(now)
        .bind(upload_id.as_str())
        .execute(self.connection().await?)
        .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Moves the end of what is safe. False when it is not at `from` or the upload takes no more.
    pub async fn advance_upload(
        &mut self,
        upload_id: &UploadId,
        from: u64,
        to: u64,
        now: i64,
        expires_at: i64,
    ) -> Result<bool, StoreError> {
        let result = query(
            "UPDATE uploads SET \"offset\" = ?, updated_at = ?, expires_at = ?
             WHERE upload_id = ? AND \"offset\" = ? AND state = 'receiving'",
        )
        .bind(integer(to))
        .bind(now)
        .bind(expires_at)
        .bind(upload_id.as_str())
        .bind(integer(from))
        .execute(self.connection().await?)
        .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Begins a stretch at `start`, under a number that this source never had. Those behind it held nothing that counts.
    /// `None` when the source has `max` stretches already.
    pub async fn begin_stretch(
        &mut self,
        upload_id: &UploadId,
        start: u64,
        max: u32,
    ) -> Result<Option<Stretch>, StoreError> {
        let row = query("SELECT coalesce(max(number), 0) + 1 FROM source_stretches WHERE upload_id = ?")
            .bind(upload_id.as_str())
            .fetch_one(self.connection().await?)
            .await?;
        let stretch = Stretch { number: number(row.try_get(0)?, "stretch")?, start };
        query("DELETE FROM source_stretches WHERE upload_id = ? AND start >= ?")
            .bind(upload_id.as_str())
            .bind(integer(start))
            .execute(self.connection().await?)
            .await?;
        let row = query("SELECT count(*) FROM source_stretches WHERE upload_id = ?")
            .bind(upload_id.as_str())
            .fetch_one(self.connection().await?)
            .await?;
        if row.try_get::<i64, _>(0)? >= i64::from(max) {
            return Ok(None);
        }
        query("INSERT INTO source_stretches (upload_id, number, start) VALUES (?, ?, ?)")
            .bind(upload_id.as_str())
            .bind(stretch.number)
            .bind(integer(start))
            .execute(self.connection().await?)
            .await?;
        Ok(Some(stretch))
    }

    /// Ends every upload of a title and forgets their keys: the sources can't be read any more. The files named are to be
    /// removed after the commit.
    pub async fn forget_sources(&mut self, file_id: &FileId, now: i64) -> Result<Vec<UploadId>, StoreError> {
        let rows = query(
            "UPDATE uploads SET state = 'gone', key_ciphertext = NULL, url = NULL, updated_at = ? WHERE file_id = ? AND state <> 'gone'
             RETURNING upload_id",
        )
        .bind(now)
        .bind(file_id.as_str())
        .fetch_all(self.connection().await?)
        .await?;
        let mut forgotten = Vec::with_capacity(rows.len());
        for row in &rows {
            let upload_id: &str = row.try_get(0)?;
            query("DELETE FROM source_stretches WHERE upload_id = ?")
                .bind(upload_id)
                .execute(self.connection().await?)
                .await?;
            forgotten.push(parsed(upload_id, "upload id")?);
        }
        Ok(forgotten)
    }
}
