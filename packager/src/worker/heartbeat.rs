//! Keeps a job's lease, and tells the server what happens.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use keyveil_protocol::job::{HeartbeatRequest, HeartbeatResponse, JobStage, LOG_LINE_LEN_MAX, LOG_LINES_MAX};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout},
};
use tracing::{info, warn};

use super::api::JobApi;
use crate::{
    error::PackError,
    http::Failure,
    progress::{Event, Report},
};

/// Between heartbeats, unless the lease is shorter than three of them.
const INTERVAL: Duration = Duration::from_secs(5);
const INTERVAL_MIN: Duration = Duration::from_millis(200);
/// After one that failed.
const AGAIN: Duration = Duration::from_secs(1);
const ANSWER_SECS_MAX: u64 = 10;
/// Lines that wait for a server that is away; the oldest go first.
const WAITING_LINES_MAX: usize = 500;

/// What a job has to tell.
#[derive(Debug)]
pub(super) struct JobReport {
    state: Mutex<HeartbeatRequest>,
    lines: Mutex<VecDeque<String>>,
    changed: Notify,
    /// The server decides now what becomes of the job, and its answer alone counts.
    completing: AtomicBool,
    job: String,
}

impl JobReport {
    pub(super) fn new(job: String, stage: JobStage) -> Self {
        let state = HeartbeatRequest { stage, percent: None, left_secs: None, speed: None, log: Vec::new() };
        Self {
            state: Mutex::new(state),
            lines: Mutex::default(),
            changed: Notify::new(),
            completing: AtomicBool::new(false),
            job,
        }
    }

    /// Adds a line to the job's log.
    pub(super) fn log(&self, mut line: String) {
        line.truncate(line.floor_char_boundary(LOG_LINE_LEN_MAX));
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == WAITING_LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    pub(super) fn complete(&self) {
        self.completing.store(true, Ordering::Release);
    }

    fn is_completing(&self) -> bool {
        self.completing.load(Ordering::Acquire)
    }

    fn request(&self) -> HeartbeatRequest {
        let mut request = self.state.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        request.log = lines.iter().take(LOG_LINES_MAX).cloned().collect();
        request
    }

    /// These lines have arrived. While they were under way, older ones may have been dropped to make room.
    fn arrived(&self, sent: &[String]) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        for line in sent {
            if lines.front() == Some(line) {
                lines.pop_front();
            }
        }
    }
}

impl Report for JobReport {
    fn report(&self, event: &Event) {
        let job = &self.job;
        match event {
            Event::Progress { percent, speed, left_secs } => {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                (state.percent, state.speed, state.left_secs) = (*percent, *speed, *left_secs);
            }
            Event::Started { renditions, .. } => {
                info!(job, renditions = renditions.join(", "), "started");
                self.log(format!("making {}", renditions.join(", ")));
            }
            Event::Retry { what, reason, wait_ms } => {
                warn!(job, what, reason, waitMs = wait_ms, "retry");
                self.log(format!("{what} failed ({reason}); trying again"));
            }
            Event::Warning { message } => {
                warn!(job, message, "warning");
                self.log(format!("warning: {message}"));
            }
            _ => {}
        }
    }

    fn stage(&self, stage: JobStage) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.stage != stage {
            info!(job = self.job, ?stage, "stage");
            state.stage = stage;
            self.changed.notify_one();
        }
    }
}

/// Beats until the job is over for this attempt, and says why: cancelled, lost, or the server stays away.
pub(super) async fn beat(api: &JobApi, report: &JobReport, lease_secs: u64) -> PackError {
    let interval = |lease_secs| (Duration::from_secs(lease_secs) / 3).clamp(INTERVAL_MIN, INTERVAL);
    let (mut usual, mut answered) = (interval(lease_secs), Instant::now());
    loop {
        let request = report.request();
        let sent = timeout(Duration::from_secs(ANSWER_SECS_MAX), api.post("heartbeat", &request)).await;
        let sent = sent.unwrap_or_else(|_| Err(Failure::Unreachable("no answer in time".into())));
        let outcome = sent.and_then(|answer| answer.json::<HeartbeatResponse>().map_err(Failure::Final));
        let (wait, over) = match outcome {
            Ok(response) => {
                report.arrived(&request.log);
                (usual, answered) = (interval(response.lease_secs), Instant::now());
                (usual, response.cancelled.then_some(PackError::JobCancelled))
            }
            Err(failure) => (usual.min(AGAIN), over(failure, answered.elapsed(), api, &report.job)),
        };
        match over {
            Some(error) if !report.is_completing() => return error,
            _ => {}
        }
        tokio::select! {
            () = sleep(wait) => {}
            () = report.changed.notified() => {}
        }
    }
}

/// What a heartbeat that failed means, once it means the end.
fn over(failure: Failure, away: Duration, api: &JobApi, job: &str) -> Option<PackError> {
    if let Failure::Refused(refusal) = &failure
        // Whoever holds no lease, or whose job is gone with its title.
        && matches!(refusal.status.as_u16(), 401 | 403 | 404 | 409 | 410)
    {
        return Some(PackError::LeaseLost);
    }
    warn!(job, reason = failure.reason(), "heartbeat failed");
    (away > api.server().patience()).then(|| failure.into_error(api.server().url()))
}
