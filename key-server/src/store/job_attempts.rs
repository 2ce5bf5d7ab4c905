//! What happens to a job between its queueing and its end.

use keyveil_protocol::job::JobStage;
use keyveil_protocol::{ApiKeyId, FileId, JobId};

use super::engine::query;
use super::jobs::{job_from_row, stage_name};
use super::{Failure, Job, JobState, Store, StoreError, WriteTransaction, integer};

/// Lines kept of one job; the oldest go first.
const LOG_LINES_KEPT: i64 = 2000;
const REAPED_AT_ONCE: u32 = 100;

/// What a heartbeat tells.
#[derive(Clone, Copy, Debug)]
pub struct JobProgress {
    /// What the worker is at.
    pub stage: JobStage,
    /// 0 … 100.
    pub percent: Option<f64>,
    /// Estimated.
    pub left_secs: Option<u64>,
    /// Multiples of playing time.
    pub speed: Option<f64>,
}

impl Store {
    /// The job that is to be claimed next: highest priority first, then oldest.
    pub async fn due_job(&self, now: i64) -> Result<Option<Job>, StoreError> {
        let row = query(
            "SELECT jobs.* FROM jobs JOIN titles USING (file_id)
             WHERE jobs.state = 'queued' AND jobs.run_after <= ? AND titles.state <> 'deleted'
             ORDER BY jobs.priority DESC, jobs.created_at, jobs.job_id LIMIT 1",
        )
        .bind(now)
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref().map(job_from_row).transpose()
    }

    /// Some jobs whose lease has run out.
    pub async fn lapsed_jobs(&self, now: i64) -> Result<Vec<Job>, StoreError> {
        let rows = query(
            "SELECT * FROM jobs WHERE state = 'running' AND lease_expires_at <= ? ORDER BY lease_expires_at LIMIT ?",
        )
        .bind(now)
        .bind(REAPED_AT_ONCE)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(job_from_row).collect()
    }
}

impl WriteTransaction<'_> {
    /// The jobs that were claimed with a worker's key and that its holder may still go on with, also those whose lease has
    /// run out.
    pub async fn jobs_held_by_key(&mut self, api_key_id: &ApiKeyId) -> Result<Vec<Job>, StoreError> {
        let rows =
            query("SELECT * FROM jobs WHERE api_key_id = ? AND state IN ('running', 'queued') AND version IS NOT NULL")
                .bind(api_key_id.as_str())
                .fetch_all(self.connection().await?)
                .await?;
        rows.iter().map(job_from_row).collect()
    }

    /// Gives a queued job to a worker. False when it is not to be had (any more).
    pub async fn start_attempt(
        &mut self,
        id: &JobId,
        version: u32,
        worker: &str,
        api_key_id: &ApiKeyId,
        lease_expires_at: i64,
        now: i64,
    ) -> Result<bool, StoreError> {
        let result = query(
            "UPDATE jobs SET state = 'running', attempt = attempt + 1, version = ?1, worker = ?2, api_key_id = ?6, lease_expires_at = ?3,
             started_at = ?5, stage = NULL, percent = NULL, left_secs = NULL, speed = NULL, failure_code = NULL, failure_message = NULL
             WHERE job_id = ?4 AND state = 'queued' AND run_after <= ?5",
        )
        .bind(version)
        .bind(worker)
        .bind(lease_expires_at)
        .bind(id.as_str())
        .bind(now)
        .bind(api_key_id.as_str())
        .execute(self.connection().await?)
        .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Notes a heartbeat. A job that was put back, but that nobody has claimed since, runs again.
    pub async fn beat_job(
        &mut self,
        id: &JobId,
        progress: &JobProgress,
        lease_expires_at: i64,
    ) -> Result<(), StoreError> {
        query(
            "UPDATE jobs SET state = 'running', stage = ?, percent = ?, left_secs = ?, speed = ?, lease_expires_at = ?,
             failure_code = NULL, failure_message = NULL WHERE job_id = ?",
        )
        .bind(stage_name(progress.stage))
        .bind(progress.percent)
        .bind(progress.left_secs.map(integer))
        .bind(progress.speed)
        .bind(lease_expires_at)
        .bind(id.as_str())
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    /// Puts a job back into the queue. While its `version` is kept, the attempt that made it may go on.
    pub async fn put_back_job(
        &mut self,
        id: &JobId,
        version: Option<u32>,
        attempt: u32,
        run_after: i64,
        failure: &Failure,
    ) -> Result<(), StoreError> {
        query(
            "UPDATE jobs SET state = 'queued', version = ?, attempt = ?, run_after = ?, failure_code = ?, failure_message = ?,
             lease_expires_at = NULL, stage = NULL, percent = NULL, left_secs = NULL, speed = NULL WHERE job_id = ?",
        )
        .bind(version)
        .bind(attempt)
        .bind(run_after)
        .bind(&failure.code)
        .bind(&failure.message)
        .bind(id.as_str())
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    /// Ends a job.
    pub async fn finish_job(
        &mut self,
        id: &JobId,
        state: JobState,
        failure: Option<&Failure>,
        now: i64,
    ) -> Result<(), StoreError> {
        query(
            "UPDATE jobs SET state = ?1, failure_code = ?2, failure_message = ?3, finished_at = ?4, lease_expires_at = NULL,
             left_secs = NULL, cancel_requested = CASE WHEN ?1 = 'cancelled' THEN 1 ELSE 0 END WHERE job_id = ?5",
        )
        .bind(state.as_str())
        .bind(failure.map(|failure| &failure.code))
        .bind(failure.map(|failure| &failure.message))
        .bind(now)
        .bind(id.as_str())
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    /// Stops whatever is to be done for a title.
    pub async fn cancel_jobs_of_title(&mut self, file_id: &FileId, now: i64) -> Result<(), StoreError> {
        query(
            "UPDATE jobs SET state = 'cancelled', cancel_requested = 1, finished_at = ?, lease_expires_at = NULL
             WHERE file_id = ? AND state IN ('queued', 'running')",
        )
        .bind(now)
        .bind(file_id.as_str())
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    /// Moves a job forward or back in the queue.
    pub async fn set_job_priority(&mut self, id: &JobId, priority: i32) -> Result<(), StoreError> {
        query("UPDATE jobs SET priority = ? WHERE job_id = ?")
            .bind(priority)
            .bind(id.as_str())
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }

    /// Adds lines to a job's log and forgets the oldest above [`LOG_LINES_KEPT`].
    pub async fn append_job_log(&mut self, id: &JobId, lines: &[String], now: i64) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        let row = query("SELECT coalesce(max(seq), 0) FROM job_log WHERE job_id = ?")
            .bind(id.as_str())
            .fetch_one(self.connection().await?)
            .await?;
        let mut seq: i64 = row.try_get(0)?;
        for line in lines {
            seq = seq.saturating_add(1);
            query("INSERT INTO job_log (job_id, seq, at, line) VALUES (?, ?, ?, ?)")
                .bind(id.as_str())
                .bind(seq)
                .bind(now)
                .bind(line)
                .execute(self.connection().await?)
                .await?;
        }
        query("DELETE FROM job_log WHERE job_id = ? AND seq <= ?")
            .bind(id.as_str())
            .bind(seq.saturating_sub(LOG_LINES_KEPT))
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }
}
