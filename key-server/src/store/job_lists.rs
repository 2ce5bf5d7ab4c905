use keyveil_protocol::{AppId, FileId, JobId};
use sqlx::Row;

use super::jobs::job_from_row;
use super::{Job, JobState, Store, StoreError, integer};

/// Which jobs of an application are wanted.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Of this title only.
    pub file_id: Option<FileId>,
    /// In this state only.
    pub state: Option<JobState>,
    /// Behind this one: time and id of the last job of the page before.
    pub after: Option<(i64, JobId)>,
    /// At most so many.
    pub limit: u32,
}

/// A line of a job's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobLogLine {
    /// From 1, in order.
    pub seq: i64,
    /// When it arrived.
    pub at: i64,
    /// The worker's words.
    pub line: String,
}

impl Store {
    /// Jobs of an application, newest first.
    pub async fn jobs(&self, app_id: AppId, filter: &JobFilter) -> Result<Vec<Job>, StoreError> {
        let (created_at, job_id) = filter.after.as_ref().map(|(at, id)| (*at, id.as_str())).unzip();
        let rows = sqlx::query(
            "SELECT * FROM jobs WHERE app_id = ?1 AND (?2 IS NULL OR file_id = ?2) AND (?3 IS NULL OR state = ?3)
             AND (?4 IS NULL OR (created_at, job_id) < (?4, ?5)) ORDER BY created_at DESC, job_id DESC LIMIT ?6",
        )
        .bind(integer(app_id.value()))
        .bind(filter.file_id.as_ref().map(FileId::as_str))
        .bind(filter.state.map(JobState::as_str))
        .bind(created_at)
        .bind(job_id)
        .bind(filter.limit)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(job_from_row).collect()
    }

    /// The title's latest job of any state.
    pub async fn latest_job(&self, file_id: &FileId) -> Result<Option<Job>, StoreError> {
        let row = sqlx::query("SELECT * FROM jobs WHERE file_id = ? ORDER BY created_at DESC, job_id DESC LIMIT 1")
            .bind(file_id.as_str())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(job_from_row).transpose()
    }

    /// Lines of a job's log behind `after`, in order.
    pub async fn job_log(&self, id: &JobId, after: i64, limit: u32) -> Result<Vec<JobLogLine>, StoreError> {
        let rows = sqlx::query("SELECT seq, at, line FROM job_log WHERE job_id = ? AND seq > ? ORDER BY seq LIMIT ?")
            .bind(id.as_str())
            .bind(after)
            .bind(limit)
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| Ok(JobLogLine { seq: row.try_get("seq")?, at: row.try_get("at")?, line: row.try_get("line")? }))
            .collect()
    }
}
