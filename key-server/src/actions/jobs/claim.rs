//! `POST /v1/jobs/claim`: a worker takes a job under a lease, and receives the new version's secret.

use std::pin::pin;
use std::time::Duration;

use keyveil_protocol::job::{CLAIM_WAIT_SECS_MAX, ClaimedJob, JobWork};
use keyveil_protocol::{Envelope, ErrorCode, RecipientPublicKey};
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::super::title_secret::{self, Holder};
use super::super::workers::{Claimant, Due};
use super::{FIRST_LEASE_SECS, ending, live_title, move_title, source};
use crate::clock::stored;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{
    ApiKeyRow, AuditEvent, AuditKind, Failure, Job, JobKind, StoreError, Title, TitleState, TitleVersion,
};

const WORKER_LEN_MAX: usize = 128;

/// Who claims, as it said.
struct By<'a> {
    claimant: Claimant,
    name: &'a str,
    public_key: &'a str,
}

/// What has to be asked of the KMS before the database is locked.
struct Prepared {
    secret_ciphertext: Option<Vec<u8>>,
    title_secret: Option<Envelope>,
    work: JobWork,
}

/// The next job, or none within the time that the worker is ready to wait.
pub(crate) async fn claim(
    state: &ServerState,
    api_key: &ApiKeyRow,
    body: &[u8],
) -> Result<Option<ClaimedJob>, Refusal> {
    let (claimant, request) = Claimant::parse(body)?;
    let wrong = |detail: &'static str| Refusal::new(ErrorCode::MalformedRequest, detail).with_detail(detail);
    if !(1..=WORKER_LEN_MAX).contains(&request.worker.len()) || request.worker.chars().any(char::is_control) {
        return Err(wrong("worker: 1 to 128 bytes of plain text"));
    }
    if request.wait_secs > CLAIM_WAIT_SECS_MAX {
        return Err(wrong("waitSecs: 0 to 20"));
    }
    let recipient = RecipientPublicKey::parse(&request.public_key)?;
    let holder = Holder { api_key, recipient: &recipient, request_body: body };
    let by = By { claimant, name: &request.worker, public_key: &request.public_key };
    let deadline = Instant::now() + Duration::from_secs(request.wait_secs);
    loop {
        let mut announced = pin!(state.job_announced());
        // Before the look into the queue, so that no announcement falls between the two.
        announced.as_mut().enable();
        loop {
            match by.claimant.due(state, api_key, stored(state.clock.now())).await? {
                Due::Job(job) => {
                    if let Some(claimed) = claim_job(state, *job, &by, &holder).await? {
                        return Ok(Some(claimed));
                    }
                }
                Due::Nothing => break,
                Due::NotWanted => return Ok(None),
            }
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || state.is_stopping() {
            return Ok(None);
        }
        // Another replica may have queued a job without this one hearing of it.
        let _ = timeout(left.min(state.config.database.looks.jobs), announced).await;
    }
}

/// None when someone else was first, when the worker has no room any more, or when the job can't be done at all: then it is no longer due.
async fn claim_job(
    state: &ServerState,
    job: Job,
    by: &By<'_>,
    holder: &Holder<'_>,
) -> Result<Option<ClaimedJob>, Refusal> {
    let title = state.installation.store().title(&job.file_id).await?.ok_or(StoreError::Corrupt("title of a job"))?;
    let prepared = match prepare(state, &job, &title, holder).await {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(failure)) => return ending::give_up(state, &job, failure).await.map(|()| None),
        // One title that can't be opened must not keep every worker from every job.
        Err(refusal) if refusal.code() == ErrorCode::Internal => {
            tracing::error!(job = %job.job_id, cause = refusal.cause(), "a job can't be prepared");
            let code = refusal.code();
            let failure = Failure { code: code.as_str().to_owned(), message: code.message().to_owned() };
            return ending::give_up(state, &job, failure).await.map(|()| None);
        }
        Err(refusal) => return Err(refusal),
    };
    let now = stored(state.clock.now());
    let mut write = state.installation.store().write().await?;
    // A claim may have waited for long.
    if !write.is_worker_key(&holder.api_key.id).await? {
        return Err(Refusal::new(ErrorCode::ApiKeyInvalid, "the worker's key was retired while its claim waited"));
    }
    if !by.claimant.may_take_one(&mut write, holder.api_key).await? {
        return Ok(None);
    }
    let Some(title) = live_title(&mut write, &job.file_id).await? else { return Ok(None) };
    let version = title.last_version.checked_add(1).ok_or(StoreError::Corrupt("version"))?;
    let lease_expires_at = now.saturating_add(stored(FIRST_LEASE_SECS));
    let key_id = &holder.api_key.id;
    if !write.start_attempt(&job.job_id, version, by.name, key_id, lease_expires_at, now).await? {
        return Ok(None);
    }
    write.set_worker_of_job(&job.job_id, by.claimant.worker_id()).await?;
    let Prepared { secret_ciphertext, title_secret, work } = prepared;
    write.insert_title_version(&new_version(&job, version, secret_ciphertext, by.public_key, now)).await?;
    match job.kind {
        JobKind::Package => move_title(&mut write, &job, TitleState::Transcoding, None, now).await?,
        JobKind::Reencrypt => write.touch_title(&job.file_id, now).await?,
    }
    let attempt = job.attempt.saturating_add(1);
    let (key_id, worker_id) = (&holder.api_key.id, by.claimant.worker_id());
    let detail = json!({ "jobId": job.job_id, "attempt": attempt, "version": version, "apiKeyId": key_id, "workerId": worker_id });
    let event = AuditEvent::new(AuditKind::JobClaimed, detail).with_app(job.app_id).with_file(&job.file_id);
    write.append_audit(&event, now).await?;
    write.commit().await?;
    Ok(Some(ClaimedJob {
        token: state.installation.job_token_key().token(&job.job_id, version),
        job_id: job.job_id,
        attempt,
        lease_secs: FIRST_LEASE_SECS,
        app_id: job.app_id,
        file_id: job.file_id,
        version,
        name: title.name,
        mode: title.mode,
        title_secret,
        work,
    }))
}

fn new_version(
    job: &Job,
    version: u32,
    secret_ciphertext: Option<Vec<u8>>,
    public_key: &str,
    now: i64,
) -> TitleVersion {
    TitleVersion {
        file_id: job.file_id.clone(),
        version,
        secret_ciphertext,
        public_key: public_key.to_owned(),
        publication: None,
        cover: None,
        sprites: None,
        stored_bytes: None,
        created_at: now,
        committed_at: None,
    }
}

/// The inner error is the job's, and final.
async fn prepare(
    state: &ServerState,
    job: &Job,
    title: &Title,
    holder: &Holder<'_>,
) -> Result<Result<Prepared, Failure>, Refusal> {
    let installation = &state.installation;
    let work = match job.kind {
        JobKind::Package => {
            let Some(source) = source::source_of(state, &job.file_id).await? else {
                let message = "The title's source is gone; upload it again.";
                return Ok(Err(Failure { code: "upload_gone".to_owned(), message: message.to_owned() }));
            };
            let settings = job.settings.clone().ok_or(StoreError::Corrupt("settings of a job"))?;
            JobWork::Package { file_name: source.file_name, source_len: source.len, settings }
        }
        JobKind::Reencrypt => {
            let current = title.version.ok_or(StoreError::Corrupt("current version"))?;
            let row = installation.store().title_version(&title.file_id, current).await?;
            let row = row.ok_or(StoreError::Corrupt("current version"))?;
            let ciphertext = row.secret_ciphertext.as_deref().ok_or(StoreError::Corrupt("title secret"))?;
            let publication = row.publication.as_deref().ok_or(StoreError::Corrupt("publication"))?;
            JobWork::Reencrypt {
                previous_secret: title_secret::seal(installation, job.app_id, &job.file_id, ciphertext, holder).await?,
                media: serde_json::from_str(publication).map_err(|_| StoreError::Corrupt("publication"))?,
                cover: row.cover,
                sprites: row.sprites,
            }
        }
    };
    let secret_ciphertext = title_secret::generate(installation, job.app_id, &job.file_id, title.mode).await?;
    let title_secret = match &secret_ciphertext {
        None => None,
        Some(ciphertext) => Some(title_secret::seal(installation, job.app_id, &job.file_id, ciphertext, holder).await?),
    };
    Ok(Ok(Prepared { secret_ciphertext, title_secret, work }))
}
