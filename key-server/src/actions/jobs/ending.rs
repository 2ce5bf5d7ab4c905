//! How attempts fail: reported by the worker, or by its silence.

use keyveil_protocol::job::FailJobRequest;
use keyveil_protocol::{ApiKeyId, ErrorCode};
use serde_json::{Value, json};

use super::super::parse_json;
use super::{ATTEMPTS_MAX, Attempt, live_title, move_title};
use crate::clock::stored;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditEvent, AuditKind, Failure, Job, JobKind, JobState, TitleState, WriteTransaction};

const CODE_LEN_MAX: usize = 64;
const MESSAGE_LEN_MAX: usize = 1000;
const BACKOFF_SECS: i64 = 5;
/// A worker that is told to end gives its job back: that is nobody's failure and uses no attempt up.
const GIVEN_BACK: &str = "interrupted";

/// What follows an attempt that came to nothing.
enum Next {
    /// Another attempt, while there are some left. The lost one may still come back.
    Lapsed,
    /// Another attempt, while there are some left.
    Retry,
    /// Another attempt, now.
    GivenBack,
    /// None.
    Final,
}

/// `POST /v1/jobs/{jobId}/fail`.
pub(crate) async fn fail(state: &ServerState, attempt: &Attempt, body: &[u8]) -> Result<(), Refusal> {
    let FailJobRequest { code, message, retryable } = parse_json(body)?;
    let wrong = |detail: &'static str| Err(Refusal::new(ErrorCode::MalformedRequest, detail).with_detail(detail));
    let is_code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !(1..=CODE_LEN_MAX).contains(&code.len()) || !code.bytes().all(is_code) {
        return wrong("code: 1 to 64 of a-z 0-9 _");
    }
    if message.len() > MESSAGE_LEN_MAX {
        return wrong("message: at most 1000 bytes");
    }
    let next = match retryable {
        true if code == GIVEN_BACK => Next::GivenBack,
        true => Next::Retry,
        false => Next::Final,
    };
    let message = message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let now = stored(state.clock.now());
    let mut write = state.installation.store().write().await?;
    let job = attempt.fenced(&mut write).await?;
    end_attempt(&mut write, &job, Failure { code, message }, next, now).await?;
    write.commit().await?;
    state.announce_job();
    state.announce_sweep();
    Ok(())
}

/// Ends a queued job that can't be done.
pub(super) async fn give_up(state: &ServerState, job: &Job, failure: Failure) -> Result<(), Refusal> {
    let now = stored(state.clock.now());
    let mut write = state.installation.store().write().await?;
    if let Some(job) = write.job(&job.job_id).await?.filter(|job| job.state == JobState::Queued) {
        end_attempt(&mut write, &job, failure, Next::Final, now).await?;
        write.commit().await?;
    }
    Ok(())
}

/// Puts back jobs whose lease has run out, and gives up those out of attempts. Returns how many there were.
pub(crate) async fn reap(state: &ServerState) -> Result<usize, Refusal> {
    let now = stored(state.clock.now());
    let lapsed = state.installation.store().lapsed_jobs(now).await?;
    for job in &lapsed {
        let mut write = state.installation.store().write().await?;
        // A heartbeat may have come in between.
        let still = write.job(&job.job_id).await?.filter(|job| {
            job.state == JobState::Running && job.lease_expires_at.is_some_and(|expires_at| expires_at <= now)
        });
        let Some(job) = still else { continue };
        let message = "The worker was not heard of any more; look at the workers and their logs, then retry.";
        let failure = Failure { code: "worker_lost".to_owned(), message: message.to_owned() };
        end_attempt(&mut write, &job, failure, Next::Lapsed, now).await?;
        write.commit().await?;
        tracing::warn!(job = %job.job_id, attempt = job.attempt, worker = job.worker, "a job's lease ran out");
    }
    if !lapsed.is_empty() {
        state.announce_job();
        state.announce_sweep();
    }
    Ok(lapsed.len())
}

/// Takes the jobs of a worker key that was retired from its holder: from now on its attempts are lost. Waiting workers
/// find the jobs by themselves, because the key may be retired by another process.
pub(crate) async fn put_back_of_key(
    write: &mut WriteTransaction<'_>,
    api_key_id: &ApiKeyId,
    now: i64,
) -> Result<(), Refusal> {
    for job in write.jobs_held_by_key(api_key_id).await? {
        let message = "The worker's key was retired; another worker takes the job over.";
        let failure = Failure { code: GIVEN_BACK.to_owned(), message: message.to_owned() };
        end_attempt(write, &job, failure, Next::GivenBack, now).await?;
    }
    Ok(())
}

async fn end_attempt(
    write: &mut WriteTransaction<'_>,
    job: &Job,
    failure: Failure,
    next: Next,
    now: i64,
) -> Result<(), Refusal> {
    let again = match next {
        Next::Final => None,
        Next::GivenBack => Some((None, job.attempt.saturating_sub(1), now)),
        Next::Lapsed | Next::Retry if job.attempt >= ATTEMPTS_MAX => None,
        Next::Lapsed => Some((job.version, job.attempt, now.saturating_add(backoff_secs(job.attempt)))),
        Next::Retry => Some((None, job.attempt, now.saturating_add(backoff_secs(job.attempt)))),
    };
    let Some((version, attempt, run_after)) = again else {
        return end_job(write, job, JobState::Failed, failure, None, now).await;
    };
    write.put_back_job(&job.job_id, version, attempt, run_after, &failure).await?;
    tell_title(write, job, TitleState::Queued, None, now).await
}

/// Ends a job that was not done; the title of a package job waits for a person.
pub(super) async fn end_job(
    write: &mut WriteTransaction<'_>,
    job: &Job,
    state: JobState,
    failure: Failure,
    by: Option<Value>,
    now: i64,
) -> Result<(), Refusal> {
    write.finish_job(&job.job_id, state, Some(&failure), now).await?;
    tell_title(write, job, TitleState::Failed, Some(&failure), now).await?;
    let (code, attempt) = (failure.code, job.attempt);
    let detail = json!({ "jobId": job.job_id, "state": state.as_str(), "code": code, "attempt": attempt, "by": by });
    let event = AuditEvent::new(AuditKind::JobEnded, detail).with_app(job.app_id).with_file(&job.file_id);
    Ok(write.append_audit(&event, now).await?)
}

/// A re-encryption shows in its job only: its title can be played all the while.
async fn tell_title(
    write: &mut WriteTransaction<'_>,
    job: &Job,
    state: TitleState,
    failure: Option<&Failure>,
    now: i64,
) -> Result<(), Refusal> {
    let Some(title) = live_title(write, &job.file_id).await? else { return Ok(()) };
    match job.kind {
        JobKind::Package if title.state != state => move_title(write, job, state, failure, now).await,
        JobKind::Package | JobKind::Reencrypt => Ok(write.touch_title(&job.file_id, now).await?),
    }
}

/// 5 s · 4^(attempt − 1).
fn backoff_secs(attempt: u32) -> i64 {
    BACKOFF_SECS.saturating_mul(4_i64.saturating_pow(attempt.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_fourfold() {
        assert_eq!([1, 2, 3, 4].map(backoff_secs), [5, 20, 80, 320]);
        assert_eq!(backoff_secs(u32::MAX), i64::MAX);
    }
}
