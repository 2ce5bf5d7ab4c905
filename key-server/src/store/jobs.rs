use keyveil_protocol::job::JobStage;
use keyveil_protocol::workflow::WorkflowSettings;
use keyveil_protocol::{AppId, FileId, JobId};

use super::engine::{Row, query};
use super::workflows::{settings_from, settings_text};
use super::{Failure, Store, StoreError, WriteTransaction, app_id, integer, number, parsed};

/// What a job does (docs/WORKFLOW.md, "Jobs").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// Transcodes and encrypts a source.
    Package,
    /// Encrypts the current version anew.
    Reencrypt,
}

impl JobKind {
    /// Its name in JSON and SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Package => "package",
            Self::Reencrypt => "reencrypt",
        }
    }
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Waits for a worker.
    Queued,
    /// A worker holds it under a lease.
    Running,
    /// Committed.
    Done,
    /// Given up.
    Failed,
    /// Stopped by someone.
    Cancelled,
}

impl JobState {
    const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Done, Self::Failed, Self::Cancelled];

    /// Its name in JSON and SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether there is still something to be done.
    #[must_use]
    pub const fn is_unfinished(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }
}

/// A job that is to wait for a worker.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// A fresh id.
    pub job_id: JobId,
    /// The title's application.
    pub app_id: AppId,
    /// The title.
    pub file_id: FileId,
    /// What to do.
    pub kind: JobKind,
    /// What to make of the source; none for a re-encryption.
    pub settings: Option<WorkflowSettings>,
    /// −100 … 100; the highest is claimed first.
    pub priority: i32,
    /// Now.
    pub created_at: i64,
}

/// A job of the queue.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its id.
    pub job_id: JobId,
    /// The title's application.
    pub app_id: AppId,
    /// The title.
    pub file_id: FileId,
    /// What it does.
    pub kind: JobKind,
    /// Where it stands.
    pub state: JobState,
    /// −100 … 100; the highest is claimed first.
    pub priority: i32,
    /// As they were when the job was made; none for a re-encryption.
    pub settings: Option<WorkflowSettings>,
    /// How often it was claimed.
    pub attempt: u32,
    /// The version that the latest attempt makes: the fence.
    pub version: Option<u32>,
    /// Who holds it, or held it last.
    pub worker: Option<String>,
    /// When the claim ends without a heartbeat.
    pub lease_expires_at: Option<i64>,
    /// Not claimed before this.
    pub run_after: i64,
    /// What the worker is at.
    pub stage: Option<JobStage>,
    /// 0 … 100.
    pub percent: Option<f64>,
    /// Estimated.
    pub left_secs: Option<u64>,
    /// Multiples of playing time.
    pub speed: Option<f64>,
    /// Why it failed, or why its latest attempt did.
    pub failure: Option<Failure>,
    /// When it was made.
    pub created_at: i64,
    /// When its latest attempt began.
    pub started_at: Option<i64>,
    /// When it ended.
    pub finished_at: Option<i64>,
}

impl Store {
    /// One job of any application.
    pub async fn job(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        let row = query("SELECT * FROM jobs WHERE job_id = ?").bind(id.as_str()).fetch_optional(&self.pool).await?;
        row.as_ref().map(job_from_row).transpose()
    }

    /// The title's latest job that is not finished.
    pub async fn unfinished_job(&self, file_id: &FileId) -> Result<Option<Job>, StoreError> {
        let row = query(UNFINISHED_JOB).bind(file_id.as_str()).fetch_optional(&self.pool).await?;
        row.as_ref().map(job_from_row).transpose()
    }
}

const UNFINISHED_JOB: &str =
    "SELECT * FROM jobs WHERE file_id = ? AND state IN ('queued', 'running') ORDER BY created_at DESC LIMIT 1";

impl WriteTransaction<'_> {
    /// Puts a job into the queue. For a package job the caller moves the title to `queued` in the same transaction, and
    /// tells waiting workers after the commit (`ServerState::announce_job`).
    pub async fn insert_job(&mut self, job: &NewJob) -> Result<(), StoreError> {
        query(
            "INSERT INTO jobs (job_id, app_id, file_id, kind, state, priority, settings, run_after, created_at)
             VALUES (?1, ?2, ?3, ?4, 'queued', ?5, ?6, ?7, ?7)",
        )
        .bind(job.job_id.as_str())
        .bind(integer(job.app_id.value()))
        .bind(job.file_id.as_str())
        .bind(job.kind.as_str())
        .bind(job.priority)
        .bind(job.settings.as_ref().map(settings_text).transpose()?)
        .bind(job.created_at)
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    /// One job, as this transaction sees it.
    pub async fn job(&mut self, id: &JobId) -> Result<Option<Job>, StoreError> {
        let row = query("SELECT * FROM jobs WHERE job_id = ?")
            .bind(id.as_str())
            .fetch_optional(self.connection().await?)
            .await?;
        row.as_ref().map(job_from_row).transpose()
    }

    /// The title's latest job that is not finished.
    pub async fn unfinished_job(&mut self, file_id: &FileId) -> Result<Option<Job>, StoreError> {
        let row = query(UNFINISHED_JOB).bind(file_id.as_str()).fetch_optional(self.connection().await?).await?;
        row.as_ref().map(job_from_row).transpose()
    }
}

/// A stage's name in JSON and SQL.
pub(super) const fn stage_name(stage: JobStage) -> &'static str {
    match stage {
        JobStage::Transcoding => "transcoding",
        JobStage::Encrypting => "encrypting",
    }
}

pub(super) fn job_from_row(row: &Row) -> Result<Job, StoreError> {
    let kind = match row.try_get("kind")? {
        "package" => JobKind::Package,
        "reencrypt" => JobKind::Reencrypt,
        _ => return Err(StoreError::Corrupt("job kind")),
    };
    let stage = match row.try_get::<Option<&str>, _>("stage")? {
        None => None,
        Some("transcoding") => Some(JobStage::Transcoding),
        Some("encrypting") => Some(JobStage::Encrypting),
        Some(_) => return Err(StoreError::Corrupt("job stage")),
    };
    let settings: Option<&str> = row.try_get("settings")?;
    let version: Option<i64> = row.try_get("version")?;
    let left_secs: Option<i64> = row.try_get("left_secs")?;
    let failure_code: Option<String> = row.try_get("failure_code")?;
    let failure_message: Option<String> = row.try_get("failure_message")?;
    Ok(Job {
        job_id: parsed(row.try_get("job_id")?, "job id")?,
        app_id: app_id(row.try_get("app_id")?)?,
        file_id: parsed(row.try_get("file_id")?, "file id")?,
        kind,
        state: JobState::from_name(row.try_get("state")?).ok_or(StoreError::Corrupt("job state"))?,
        priority: row.try_get("priority")?,
        settings: settings.map(settings_from).transpose()?,
        attempt: number(row.try_get("attempt")?, "attempt")?,
        version: version.map(|version| number(version, "version")).transpose()?,
        worker: row.try_get("worker")?,
        lease_expires_at: row.try_get("lease_expires_at")?,
        run_after: row.try_get("run_after")?,
        stage,
        percent: row.try_get("percent")?,
        left_secs: left_secs.map(|secs| number(secs, "left secs")).transpose()?,
        speed: row.try_get("speed")?,
        failure: failure_code.zip(failure_message).map(|(code, message)| Failure { code, message }),
        created_at: row.try_get("created_at")?,
        started_at: row.try_get("started_at")?,
        finished_at: row.try_get("finished_at")?,
    })
}
