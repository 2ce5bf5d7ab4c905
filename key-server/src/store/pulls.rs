use keyveil_protocol::UploadId;
use sqlx::Row;

use super::uploads::{Upload, upload_from_row};
use super::{Store, StoreError, WriteTransaction, integer, number};

impl Store {
    /// Whether a source waits to be fetched.
    pub async fn is_pull_due(&self, now: i64) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT EXISTS (SELECT 1 FROM uploads WHERE state = 'receiving' AND kind = 'url' AND expires_at <= ?)",
        )
        .bind(now)
        .fetch_one(&self.pool)
        .await?;
        Ok(row.try_get(0)?)
    }
}

impl WriteTransaction<'_> {
    /// Takes the oldest source that waits to be fetched, for as long as the lease holds.
    pub async fn claim_pull(&mut self, now: i64, lease_expires_at: i64) -> Result<Option<Upload>, StoreError> {
        let row = sqlx::query(
            "UPDATE uploads SET expires_at = ? WHERE upload_id = (
                SELECT upload_id FROM uploads WHERE state = 'receiving' AND kind = 'url' AND expires_at <= ?
                ORDER BY created_at, upload_id LIMIT 1
             ) RETURNING *",
        )
        .bind(lease_expires_at)
        .bind(now)
        .fetch_optional(self.connection())
        .await?;
        row.as_ref().map(upload_from_row).transpose()
    }

    /// Nobody takes the source before that. False when it is no longer to be fetched.
    pub async fn lease_pull(&mut self, upload_id: &UploadId, until: i64) -> Result<bool, StoreError> {
        let result = sqlx::query("UPDATE uploads SET expires_at = ? WHERE upload_id = ? AND state = 'receiving'")
            .bind(until)
            .bind(upload_id.as_str())
            .execute(self.connection())
            .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Notes what a server that is pulled from tells of a source's length.
    pub async fn set_upload_length(&mut self, upload: &Upload, length: Option<u64>) -> Result<(), StoreError> {
        for statement in [
            "UPDATE uploads SET length = ? WHERE file_id = ? AND state = 'receiving'",
            "UPDATE titles SET size_bytes = ? WHERE file_id = ? AND state = 'uploading'",
        ] {
            sqlx::query(statement)
                .bind(length.map(integer))
                .bind(upload.file_id.as_str())
                .execute(self.connection())
                .await?;
        }
        Ok(())
    }

    /// Counts a pull that failed; answers how many have.
    pub async fn count_failed_pull(&mut self, upload_id: &UploadId) -> Result<u32, StoreError> {
        let row = sqlx::query("UPDATE uploads SET attempt = attempt + 1 WHERE upload_id = ? RETURNING attempt")
            .bind(upload_id.as_str())
            .fetch_one(self.connection())
            .await?;
        number(row.try_get(0)?, "upload attempt")
    }
}
