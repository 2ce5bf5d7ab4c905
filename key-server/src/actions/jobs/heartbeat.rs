//! `POST /v1/jobs/{jobId}/heartbeat`: prolongs the lease and tells how far the work is.

use keyveil_protocol::ErrorCode;
use keyveil_protocol::job::{HeartbeatRequest, HeartbeatResponse, JobStage, LOG_LINE_LEN_MAX, LOG_LINES_MAX};

use super::super::parse_json;
use super::{Attempt, LEASE_SECS, live_title, move_title};
use crate::clock::stored;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{Job, JobKind, JobProgress, JobState, TitleState, WriteTransaction};

/// Ten years; a longer estimate says nothing.
const LEFT_SECS_MAX: u64 = 10 * 366 * 24 * 3600;
const SPEED_MAX: f64 = 1e6;

pub(crate) async fn heartbeat(
    state: &ServerState,
    attempt: &Attempt,
    body: &[u8],
) -> Result<HeartbeatResponse, Refusal> {
    let request: HeartbeatRequest = parse_json(body)?;
    let progress = checked(&request)?;
    let now = stored(state.clock.now());
    let mut write = state.installation.store().write().await?;
    let job = write.job(&attempt.job.job_id).await?;
    if job.is_some_and(|job| job.state == JobState::Cancelled && job.version == Some(attempt.version)) {
        return Ok(HeartbeatResponse { cancelled: true, lease_secs: 0 });
    }
    let job = attempt.fenced(&mut write).await?;
    write.beat_job(&job.job_id, &progress, now.saturating_add(stored(LEASE_SECS))).await?;
    let lines: Vec<String> = request.log.iter().map(|line| line.replace(char::is_control, " ")).collect();
    write.append_job_log(&job.job_id, &lines, now).await?;
    tell_title(&mut write, &job, progress.stage, now).await?;
    write.commit().await?;
    Ok(HeartbeatResponse { cancelled: false, lease_secs: LEASE_SECS })
}

fn checked(request: &HeartbeatRequest) -> Result<JobProgress, Refusal> {
    let wrong = |detail: &'static str| Err(Refusal::new(ErrorCode::MalformedRequest, detail).with_detail(detail));
    // A comparison that NaN fails.
    if request.percent.is_some_and(|percent| !(0.0..=100.0).contains(&percent)) {
        return wrong("percent: 0 to 100");
    }
    if request.speed.is_some_and(|speed| !(0.0..=SPEED_MAX).contains(&speed)) {
        return wrong("speed: 0 to 1000000");
    }
    if request.log.len() > LOG_LINES_MAX || request.log.iter().any(|line| line.len() > LOG_LINE_LEN_MAX) {
        return wrong("log: at most 50 lines of at most 500 bytes");
    }
    Ok(JobProgress {
        stage: request.stage,
        percent: request.percent,
        left_secs: request.left_secs.filter(|secs| *secs <= LEFT_SECS_MAX),
        speed: request.speed,
    })
}

/// A change of stage is told at once, progress at most once a second: each telling goes to everyone who watches.
async fn tell_title(write: &mut WriteTransaction<'_>, job: &Job, stage: JobStage, now: i64) -> Result<(), Refusal> {
    let Some(title) = live_title(write, &job.file_id).await? else { return Err(super::attempt::lost()) };
    let state = match stage {
        JobStage::Transcoding => TitleState::Transcoding,
        JobStage::Encrypting => TitleState::Encrypting,
    };
    if job.kind == JobKind::Package && title.state != state {
        return move_title(write, job, state, None, now).await;
    }
    if title.updated_at != now {
        write.touch_title(&job.file_id, now).await?;
    }
    Ok(())
}
