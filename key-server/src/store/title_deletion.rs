//! What goes with a title when it is deleted, beside its own rows.

use keyveil_protocol::FileId;

use super::engine::query;
use super::{EndedBy, StoreError, WriteTransaction};

impl WriteTransaction<'_> {
    /// Removes a title's jobs and their logs. Whoever works on one finds that the job is not theirs any more.
    pub async fn delete_jobs_of_title(&mut self, file_id: &FileId) -> Result<(), StoreError> {
        for statement in [
            "DELETE FROM job_log WHERE job_id IN (SELECT job_id FROM jobs WHERE file_id = ?)",
            "DELETE FROM jobs WHERE file_id = ?",
        ] {
            query(statement).bind(file_id.as_str()).execute(self.connection().await?).await?;
        }
        Ok(())
    }

    /// Ends every session of a title and returns how many.
    pub async fn revoke_sessions_of_title(&mut self, file_id: &FileId, now: i64) -> Result<u64, StoreError> {
        let statement = "UPDATE sessions SET revoked_at = ?, ended_by = ? WHERE file_id = ? AND revoked_at IS NULL";
        let query = query(statement).bind(now).bind(EndedBy::Title.as_str()).bind(file_id.as_str());
        Ok(query.execute(self.connection().await?).await?.rows_affected())
    }
}
