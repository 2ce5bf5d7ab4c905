//! Workers that have registered, and what they hold.

use keyveil_protocol::worker::WorkKind;
use keyveil_protocol::{ApiKeyId, JobId, WorkerId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::engine::{Row, query};
use super::jobs::job_from_row;
use super::{Job, JobKind, Store, StoreError, WriteTransaction, integer, number, parsed};

const HELD_JOBS_MAX: u32 = 1000;

/// A worker as it has told of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Its id.
    pub worker_id: WorkerId,
    /// The key that it registered with last.
    pub api_key_id: ApiKeyId,
    /// For people.
    pub name: String,
    /// Of its program.
    pub version: String,
    /// What it and the server that it registered at speak.
    pub protocol_version: u32,
    /// Processors that it may use.
    pub cpus: u32,
    /// Memory that it may use.
    pub memory_bytes: Option<u64>,
    /// Jobs at a time.
    pub jobs_max: u32,
    /// Jobs that it can do.
    pub kinds: Vec<WorkKind>,
    /// ffmpeg's encoders that it has tried.
    pub encoders: Vec<String>,
    /// Somebody here wants it to take no more jobs.
    pub drain: bool,
    /// It wants no more jobs itself.
    pub leaving: bool,
    /// When its process began.
    pub started_at: i64,
    /// When it last registered.
    pub last_seen_at: i64,
}

impl Store {
    /// One worker.
    pub async fn worker(&self, id: &WorkerId) -> Result<Option<Worker>, StoreError> {
        let row = query(WORKER).bind(id.as_str()).fetch_optional(&self.pool).await?;
        row.as_ref().map(worker_from_row).transpose()
    }

    /// Every worker, by name.
    pub async fn workers(&self) -> Result<Vec<Worker>, StoreError> {
        let rows = query("SELECT * FROM workers ORDER BY name, worker_id").fetch_all(&self.pool).await?;
        rows.iter().map(worker_from_row).collect()
    }

    /// Jobs of these kinds that are to be claimed, in the order in which they are: highest priority first, then oldest.
    /// `skip` of them are left out.
    pub async fn due_jobs(&self, kinds: [JobKind; 2], now: i64, limit: u32, skip: u32) -> Result<Vec<Job>, StoreError> {
        let rows = query(
            "SELECT jobs.* FROM jobs JOIN titles USING (file_id)
             WHERE jobs.state = 'queued' AND jobs.run_after <= ? AND titles.state <> 'deleted' AND jobs.kind IN (?, ?)
             ORDER BY jobs.priority DESC, jobs.created_at, jobs.job_id LIMIT ? OFFSET ?",
        )
        .bind(now)
        .bind(kinds[0].as_str())
        .bind(kinds[1].as_str())
        .bind(limit)
        .bind(skip)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(job_from_row).collect()
    }

    /// Running jobs of workers that have registered, oldest first, at most 1000.
    pub async fn held_jobs(&self) -> Result<Vec<(WorkerId, Job)>, StoreError> {
        let rows = query(
            "SELECT * FROM jobs WHERE worker_id IS NOT NULL AND state = 'running' ORDER BY started_at, job_id LIMIT ?",
        )
        .bind(HELD_JOBS_MAX)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok((parsed(row.try_get("worker_id")?, "worker id")?, job_from_row(row)?))).collect()
    }

    /// How many jobs a worker holds that it has claimed since a time.
    pub async fn count_held_jobs(&self, id: &WorkerId, since: i64) -> Result<i64, StoreError> {
        let row = query(HELD_COUNT).bind(id.as_str()).bind(since).fetch_one(&self.pool).await?;
        Ok(row.try_get(0)?)
    }

    /// Forgets workers not seen since a time. Returns how many.
    pub async fn delete_workers_seen_before(&self, before: i64) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        let result =
            query("DELETE FROM workers WHERE last_seen_at < ?").bind(before).execute(write.connection().await?).await?;
        write.commit().await?;
        Ok(result.rows_affected())
    }
}

const WORKER: &str = "SELECT * FROM workers WHERE worker_id = ?";
const HELD_COUNT: &str = "SELECT count(*) FROM jobs WHERE worker_id = ? AND state = 'running' AND started_at >= ?";

impl WriteTransaction<'_> {
    /// One worker, as this transaction sees it.
    pub async fn worker(&mut self, id: &WorkerId) -> Result<Option<Worker>, StoreError> {
        let row = query(WORKER).bind(id.as_str()).fetch_optional(self.connection().await?).await?;
        row.as_ref().map(worker_from_row).transpose()
    }

    /// As [`Store::count_held_jobs`].
    pub async fn count_held_jobs(&mut self, id: &WorkerId, since: i64) -> Result<i64, StoreError> {
        let row = query(HELD_COUNT).bind(id.as_str()).bind(since).fetch_one(self.connection().await?).await?;
        Ok(row.try_get(0)?)
    }

    /// How many workers are known.
    pub async fn count_workers(&mut self) -> Result<i64, StoreError> {
        let row = query("SELECT count(*) FROM workers").fetch_one(self.connection().await?).await?;
        Ok(row.try_get(0)?)
    }

    /// Notes what a worker tells, in the place of what was known of it.
    pub async fn keep_worker(&mut self, worker: &Worker) -> Result<(), StoreError> {
        query(
            "INSERT INTO workers (worker_id, api_key_id, name, version, protocol_version, cpus, memory_bytes, jobs_max, kinds, encoders,
             drain, leaving, started_at, last_seen_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (worker_id) DO UPDATE SET api_key_id = excluded.api_key_id, name = excluded.name, version = excluded.version,
             protocol_version = excluded.protocol_version, cpus = excluded.cpus, memory_bytes = excluded.memory_bytes,
             jobs_max = excluded.jobs_max, kinds = excluded.kinds, encoders = excluded.encoders, drain = excluded.drain,
             leaving = excluded.leaving, started_at = excluded.started_at, last_seen_at = excluded.last_seen_at",
        )
        .bind(worker.worker_id.as_str())
        .bind(worker.api_key_id.as_str())
        .bind(&worker.name)
        .bind(&worker.version)
        .bind(worker.protocol_version)
        .bind(worker.cpus)
        .bind(worker.memory_bytes.map(integer))
        .bind(worker.jobs_max)
        .bind(list_text(&worker.kinds)?)
        .bind(list_text(&worker.encoders)?)
        .bind(i64::from(worker.drain))
        .bind(i64::from(worker.leaving))
        .bind(worker.started_at)
        .bind(worker.last_seen_at)
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    /// Has a worker take no more jobs, or take them again.
    pub async fn set_worker_drain(&mut self, id: &WorkerId, drain: bool) -> Result<(), StoreError> {
        query("UPDATE workers SET drain = ? WHERE worker_id = ?")
            .bind(i64::from(drain))
            .bind(id.as_str())
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }

    /// Forgets the workers that registered with a key.
    pub async fn delete_workers_of_key(&mut self, api_key_id: &ApiKeyId) -> Result<(), StoreError> {
        query("DELETE FROM workers WHERE api_key_id = ?")
            .bind(api_key_id.as_str())
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }

    /// Notes which registered worker has claimed a job; none where it has not registered.
    pub async fn set_worker_of_job(&mut self, id: &JobId, worker_id: Option<&WorkerId>) -> Result<(), StoreError> {
        query("UPDATE jobs SET worker_id = ? WHERE job_id = ?")
            .bind(worker_id.map(WorkerId::as_str))
            .bind(id.as_str())
            .execute(self.connection().await?)
            .await?;
        Ok(())
    }
}

fn list_text<T: Serialize>(list: &[T]) -> Result<String, StoreError> {
    serde_json::to_string(list).map_err(|_| StoreError::Corrupt("list of a worker"))
}

fn list_from<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Corrupt("list of a worker"))
}

fn worker_from_row(row: &Row) -> Result<Worker, StoreError> {
    let memory_bytes: Option<i64> = row.try_get("memory_bytes")?;
    Ok(Worker {
        worker_id: parsed(row.try_get("worker_id")?, "worker id")?,
        api_key_id: parsed(row.try_get("api_key_id")?, "api key id")?,
        name: row.try_get("name")?,
        version: row.try_get("version")?,
        protocol_version: number(row.try_get("protocol_version")?, "protocol version")?,
        cpus: number(row.try_get("cpus")?, "cpus")?,
        memory_bytes: memory_bytes.map(|bytes| number(bytes, "memory")).transpose()?,
        jobs_max: number(row.try_get("jobs_max")?, "jobs")?,
        kinds: list_from(row.try_get("kinds")?)?,
        encoders: list_from(row.try_get("encoders")?)?,
        drain: row.try_get::<i64, _>("drain")? != 0,
        leaving: row.try_get::<i64, _>("leaving")? != 0,
        started_at: row.try_get("started_at")?,
        last_seen_at: row.try_get("last_seen_at")?,
    })
}
