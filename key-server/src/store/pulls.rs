use keyveil_protocol::{AppId, UploadId};

use super::engine::{Query, query};
use super::uploads::{Upload, upload_from_row};
use super::{Store, StoreError, WriteTransaction, integer, number};

impl Store {
    /// Whether a source waits to be fetched, of an application that is not among `busy`.
    pub async fn is_pull_due(&self, busy: &[AppId], now: i64) -> Result<bool, StoreError> {
        let mut due = query("SELECT 1 FROM uploads WHERE state = 'receiving' AND kind = 'url' AND expires_at <= ");
        due.push_bind(now);
        push_not_busy(&mut due, busy);
        due.push(" LIMIT 1");
        Ok(due.fetch_optional(&self.pool).await?.is_some())
    }
}

impl WriteTransaction<'_> {
    /// Takes a source that waits to be fetched, for as long as the lease holds: the oldest of an application of which the
    /// fewest are being fetched, so that none keeps the others from it, and of none that is `busy`.
    pub async fn claim_pull(
        &mut self,
        busy: &[AppId],
        now: i64,
        lease_expires_at: i64,
    ) -> Result<Option<Upload>, StoreError> {
        let mut claim = query(
            "UPDATE uploads SET expires_at = ?1 WHERE upload_id = (
                SELECT upload_id FROM uploads LEFT JOIN (
                    SELECT app_id, count(*) AS leased FROM uploads
                    WHERE state = 'receiving' AND kind = 'url' AND expires_at > ?2 GROUP BY app_id
                ) AS busy USING (app_id)
                WHERE state = 'receiving' AND kind = 'url' AND expires_at <= ?2",
        )
        .bind(lease_expires_at)
        .bind(now);
        push_not_busy(&mut claim, busy);
        claim.push(" ORDER BY coalesce(leased, 0), created_at, upload_id LIMIT 1) RETURNING *");
        let row = claim.fetch_optional(self.connection().await?).await?;
        row.as_ref().map(upload_from_row).transpose()
    }

    /// Nobody takes the source before that. False when it is no longer to be fetched.
    pub async fn lease_pull(&mut self, upload_id: &UploadId, until: i64) -> Result<bool, StoreError> {
        let result = query("UPDATE uploads SET expires_at = ? WHERE upload_id = ? AND state = 'receiving'")
            .bind(until)
            .bind(upload_id.as_str())
            .execute(self.connection().await?)
            .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Notes what a server that is pulled from tells of a source's length.
    pub async fn set_upload_length(&mut self, upload: &Upload, length: Option<u64>) -> Result<(), StoreError> {
        for statement in [
            "UPDATE uploads SET length = ? WHERE file_id = ? AND state = 'receiving'",
            "UPDATE titles SET size_bytes = ? WHERE file_id = ? AND state = 'uploading'",
        ] {
            query(statement)
                .bind(length.map(integer))
                .bind(upload.file_id.as_str())
                .execute(self.connection().await?)
                .await?;
        }
        Ok(())
    }

    /// Counts a pull that failed; answers how many have.
    pub async fn count_failed_pull(&mut self, upload_id: &UploadId) -> Result<u32, StoreError> {
        let row = query("UPDATE uploads SET attempt = attempt + 1 WHERE upload_id = ? RETURNING attempt")
            .bind(upload_id.as_str())
            .fetch_one(self.connection().await?)
            .await?;
        number(row.try_get(0)?, "upload attempt")
    }
}

fn push_not_busy(statement: &mut Query, busy: &[AppId]) {
    if !busy.is_empty() {
        let busy = busy.iter().map(|app_id| integer(app_id.value()));
        statement.push(" AND app_id NOT IN (").push_all(busy).push(")");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_application_that_is_being_fetched_for_comes_behind_the_others() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("keyveil.db")).await.unwrap();
        let mut write = store.write().await.unwrap();
        for (created_at, app, id) in [(1, "a", "a1"), (2, "a", "a2"), (3, "a", "a3"), (4, "b", "b1"), (5, "b", "b2")] {
            for statement in [
                "INSERT INTO apps (app_id, name, max_age_secs, created_at) VALUES (unicode(?2), ?2, 60, 1) ON CONFLICT DO NOTHING",
                "INSERT INTO titles (file_id, app_id, name, mode, state, created_at, updated_at, change_seq)
                 VALUES (?3, unicode(?2), '', 'private', 'uploading', ?1, ?1, ?1)",
                "INSERT INTO uploads (upload_id, app_id, file_id, kind, state, url, key_ciphertext, created_at, updated_at, expires_at)
                 VALUES (?3, unicode(?2), ?3, 'url', 'receiving', 'http://public.test/', x'01', ?1, ?1, ?1)",
            ] {
                query(statement).bind(created_at).bind(app).bind(id).execute(write.connection().await.unwrap()).await.unwrap();
            }
        }
        let mut claimed = Vec::new();
        while let Some(upload) = write.claim_pull(&[], 10, 70).await.unwrap() {
            claimed.push(upload.upload_id.to_string());
        }
        assert_eq!(claimed, ["a1", "b1", "a2", "b2", "a3"]);
        write.commit().await.unwrap();
        let [a, b] = ['a', 'b'].map(|app| AppId::try_from(u64::from(app)).unwrap());
        for (busy, due) in [(&[a, b][..], false), (&[b], true), (&[], true)] {
            assert_eq!(store.is_pull_due(busy, 70).await.unwrap(), due, "{busy:?}");
        }
        let mut write = store.write().await.unwrap();
        assert!(write.claim_pull(&[a, b], 70, 130).await.unwrap().is_none(), "both are busy");
        let claimed = write.claim_pull(&[a], 70, 130).await.unwrap();
        assert_eq!(claimed.unwrap().upload_id.as_str(), "b1", "a lease that ran out is nobody's");
    }
}
