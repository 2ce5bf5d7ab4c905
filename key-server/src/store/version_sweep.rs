//! Which versions nobody needs any more.

use keyveil_protocol::FileId;

use super::engine::query;
use super::{Store, StoreError, WriteTransaction, number, parsed};

/// One statement for the look and for the deed, so that both mean the same. What `packager pack` is making by hand (no
/// workflow, no current version) is not for the server to judge.
macro_rules! unneeded {
    ($head:literal, $tail:literal) => {
        concat!(
            $head,
            " FROM title_versions WHERE EXISTS (SELECT 1 FROM titles WHERE titles.file_id = title_versions.file_id
               AND title_versions.version IS DISTINCT FROM titles.version AND (titles.version IS NOT NULL OR titles.workflow_id IS NOT NULL))
             AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.file_id = title_versions.file_id
               AND jobs.version = title_versions.version AND jobs.state IN ('queued', 'running'))
             AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.file_id = title_versions.file_id
               AND sessions.version = title_versions.version AND sessions.expires_at > ? AND sessions.revoked_at IS NULL)",
            $tail
        )
    };
}

impl Store {
    /// Some versions that are not played, not being made, and that no session in use was opened for.
    pub async fn unneeded_versions(&self, now: i64, limit: u32) -> Result<Vec<(FileId, u32)>, StoreError> {
        let rows =
            query(unneeded!("SELECT file_id, version", " LIMIT ?")).bind(now).bind(limit).fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok((parsed(row.try_get(0)?, "file id")?, number(row.try_get(1)?, "version")?))).collect()
    }
}

impl WriteTransaction<'_> {
    /// Forgets a version and its secret, if still nobody needs it.
    pub async fn delete_unneeded_version(
        &mut self,
        file_id: &FileId,
        version: u32,
        now: i64,
    ) -> Result<bool, StoreError> {
        let result = query(unneeded!("DELETE", " AND file_id = ? AND version = ?"))
            .bind(now)
            .bind(file_id.as_str())
            .bind(version)
            .execute(self.connection().await?)
            .await?;
        Ok(result.rows_affected() == 1)
    }
}
