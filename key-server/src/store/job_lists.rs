use keyveil_protocol::{AppId, FileId, JobId};

use super::engine::query;
use super::jobs::job_from_row;
use super::{Job, JobState, Store, StoreError, integer};

/// Which jobs of an application are wanted.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Of this title only.
    pub file_id: Option<FileId>,
    /// In one of these states; none means any.
    pub states: Vec<JobState>,
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
        let mut builder = query("SELECT * FROM jobs WHERE app_id = ");
        builder.push_bind(integer(app_id.value()));
        if let Some(file_id) = &filter.file_id {
            builder.push(" AND file_id = ").push_bind(file_id.to_string());
        }
        if !filter.states.is_empty() {
            builder.push(" AND state IN (").push_all(filter.states.iter().map(|state| state.as_str())).push(")");
        }
        if let Some((created_at, job_id)) = &filter.after {
            builder.push(" AND (created_at, job_id) < (").push_bind(*created_at);
            builder.push(", ").push_bind(job_id.to_string()).push(")");
        }
        builder.push(" ORDER BY created_at DESC, job_id DESC LIMIT ").push_bind(filter.limit);
        let rows = builder.fetch_all(&self.pool).await?;
        rows.iter().map(job_from_row).collect()
    }

    /// The title's latest job of any state.
    pub async fn latest_job(&self, file_id: &FileId) -> Result<Option<Job>, StoreError> {
        let row = query("SELECT * FROM jobs WHERE file_id = ? ORDER BY created_at DESC, job_id DESC LIMIT 1")
            .bind(file_id.as_str())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(job_from_row).transpose()
    }

    /// Lines of a job's log behind `after`, in order.
    pub async fn job_log(&self, id: &JobId, after: i64, limit: u32) -> Result<Vec<JobLogLine>, StoreError> {
        let rows = query("SELECT seq, at, line FROM job_log WHERE job_id = ? AND seq > ? ORDER BY seq LIMIT ?")
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
