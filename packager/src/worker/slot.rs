//! One of the jobs that a worker does at a time.

use std::time::Duration;

use keyveil_protocol::{ErrorCode, WorkerId, job::CLAIM_WAIT_SECS_MAX};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep},
};

use super::{
    Orders, WorkerOptions,
    api::{Claim, claim},
    job::Job,
    registration::Standing,
};
use crate::{
    error::PackError,
    http::{Failure, Refusal, Server},
    retry::Retry,
};

/// A claim that found nothing much earlier than it would wait means that the server stops, or that this worker is drained.
const EARLY: Duration = Duration::from_secs(CLAIM_WAIT_SECS_MAX / 2);
const AFTER_EARLY: Duration = Duration::from_secs(1);
/// A claim that waits while the worker is told to end.
const LAST_ANSWER_MAX: Duration = Duration::from_secs(2);

/// Does one job after the other.
#[derive(Clone)]
pub(super) struct Slot<'a> {
    pub server: &'a Server,
    pub options: &'a WorkerOptions,
    pub id: &'a WorkerId,
    pub orders: watch::Receiver<Orders>,
    pub standing: watch::Receiver<Standing>,
    /// Wakes the registration.
    pub wanted: &'a Notify,
}

impl Slot<'_> {
    /// Until no more jobs are to be taken, or the server refuses for good.
    pub(super) async fn run(mut self) -> Result<(), PackError> {
        let mut retry = Retry::new(self.options.server.retry_max);
        while let Some(registered) = self.wanted_at_server().await {
            let begun = Instant::now();
            let claimed = tokio::select! {
                () = given_up(&mut self.orders) => return Ok(()),
                claimed = claim(self.server, self.options, registered.map(|version| (self.id, version))) => claimed,
            };
            let wait = match claimed {
                Ok(claimed) => {
                    retry = Retry::new(self.options.server.retry_max);
                    match claimed {
                        Some(claim) => {
                            self.work(claim).await;
                            Duration::ZERO
                        }
                        None if begun.elapsed() < EARLY => {
                            self.wanted.notify_one();
                            AFTER_EARLY
                        }
                        None => Duration::ZERO,
                    }
                }
                Err(failure) => {
                    let wait = retry.endless_wait();
                    tracing::warn!(reason = failure.reason(), waitMs = wait.as_millis() as u64, "claiming failed");
                    if let Failure::Refused(refusal) = failure {
                        self.refused(refusal)?;
                    }
                    wait
                }
            };
            tokio::select! {
                () = leaving(&mut self.orders) => return Ok(()),
                () = sleep(wait) => {}
            }
        }
        Ok(())
    }

    /// The protocol to claim by, none with a server of the release before; waits while the server wants no claims. None at all
    /// once this worker is to end.
    async fn wanted_at_server(&mut self) -> Option<Option<u32>> {
        loop {
            if self.orders.borrow_and_update().leaving {
                return None;
            }
            match *self.standing.borrow_and_update() {
                Standing::OldServer => return Some(None),
                Standing::Registered { protocol_version, drain: false } => return Some(Some(protocol_version)),
                Standing::Registered { drain: true, .. } if self.options.exit_when_drained => {
                    tracing::info!("drained");
                    return None;
                }
                Standing::Registered { drain: true, .. } | Standing::Unknown => {}
            }
            tokio::select! {
                _ = self.orders.changed() => {}
                _ = self.standing.changed() => {}
            }
        }
    }

    /// Does one job; what became of it is told to the server and to the log.
    async fn work(&mut self, claim: Claim) {
        let job = Job::new(self.server, self.options, claim);
        let outcome = tokio::select! {
            outcome = job.run() => outcome,
            signal = given_back(&mut self.orders) => Err(PackError::Interrupted { signal }),
        };
        let signal = self.orders.borrow().signal;
        let outcome = match (outcome, signal) {
            // Who ends a whole group of processes has ended ffmpeg too: nobody's failure.
            (Err(PackError::FfmpegFailed(_) | PackError::FfmpegKilled(_)), Some(signal)) => {
                Err(PackError::Interrupted { signal })
            }
            (outcome, _) => outcome,
        };
        job.settle(outcome).await;
    }

    /// Whether to claim again.
    fn refused(&self, refusal: Refusal) -> Result<(), PackError> {
        let is = |code: ErrorCode| refusal.code == code.as_str();
        if matches!(refusal.status.as_u16(), 401 | 403) {
            return Err(PackError::WorkerTokenInvalid);
        }
        if is(ErrorCode::WorkerTooOld) || is(ErrorCode::WorkerTooNew) {
            return Err(refusal.into_error());
        }
        if is(ErrorCode::WorkerUnknown) {
            self.wanted.notify_one();
        }
        Ok(())
    }
}

async fn leaving(orders: &mut watch::Receiver<Orders>) {
    if orders.wait_for(|orders| orders.leaving).await.is_err() {
        std::future::pending().await
    }
}

/// A server that hears of a leaving worker answers its claim at once, perhaps with a job that it has just given away.
async fn given_up(orders: &mut watch::Receiver<Orders>) {
    leaving(orders).await;
    sleep(LAST_ANSWER_MAX).await;
}

/// Resolves with the signal because of which jobs are to be given back.
async fn given_back(orders: &mut watch::Receiver<Orders>) -> i32 {
    let signal = orders.wait_for(|orders| orders.give_back.is_some()).await.ok().and_then(|orders| orders.give_back);
    match signal {
        Some(signal) => signal,
        None => std::future::pending().await,
    }
}
