//! Works for a key server: claims jobs, makes or re-encrypts titles, stores their files there. A client of the HTTP API
//! alone (docs/WORKFLOW.md, "Jobs").

mod api;
mod heartbeat;
mod job;
mod media;
mod reencrypt;
mod source;

use std::{num::NonZeroU32, time::Duration};

use futures_util::future::join_all;
use tokio::sync::watch;

use crate::{
    Run,
    client::ServerOptions,
    error::PackError,
    http::{Failure, Server},
    retry::Retry,
};

use api::{Claim, claim};
use job::Job;
pub(crate) use media::JobMedia;

/// How long a job's requests are repeated while the server is away; the job is then given up.
pub const AWAY_MAX: Duration = Duration::from_secs(65);
/// The worker's name is at most this long.
const NAME_BYTES_MAX: usize = 128;

/// Whom to work for, and with how much of this machine.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// Its API key is a worker key; its patience that of one job's requests.
    pub server: ServerOptions,
    /// For people.
    pub name: String,
    /// Jobs at a time.
    pub jobs: NonZeroU32,
    /// Encoder threads of one job.
    pub cpus: NonZeroU32,
}

/// Works until `stop` resolves with a signal's number; the jobs under way are then reported as failed, for another attempt.
/// Ends by itself only when the server does not take the key, or the options make no sense.
#[must_use]
pub fn work(options: WorkerOptions, stop: Run<'_, i32>) -> Run<'_, Result<(), PackError>> {
    Box::pin(async move {
        let name = &options.name;
        if !(1..=NAME_BYTES_MAX).contains(&name.len()) || name.chars().any(char::is_control) {
            return Err(PackError::OptionInvalid(format!("--name takes 1 to {NAME_BYTES_MAX} bytes of text")));
        }
        let server = options.server.server()?;
        let (stopping, stopped) = watch::channel(None);
        let stop = async move {
            let signal = stop.await;
            tracing::info!(signal, "stopping");
            stopping.send_replace(Some(signal));
            // A second signal has no other meaning; the slots end by themselves.
            std::future::pending::<()>().await;
        };
        tracing::info!(server = %server.url(), name, jobs = options.jobs, cpus = options.cpus, "working");
        let slots = join_all((0..options.jobs.get()).map(|_| slot(&server, &options, stopped.clone())));
        let results = tokio::select! {
            results = slots => results,
            () = stop => Vec::new(),
        };
        results.into_iter().collect()
    })
}

/// One job after the other.
async fn slot(
    server: &Server,
    options: &WorkerOptions,
    stopped: watch::Receiver<Option<i32>>,
) -> Result<(), PackError> {
    let mut retry = Retry::new(options.server.retry_max);
    loop {
        let claimed = tokio::select! {
            _ = stop(&stopped) => return Ok(()),
            claimed = claim(server, options) => claimed,
        };
        match claimed {
            Ok(Some(claim)) => {
                retry = Retry::new(options.server.retry_max);
                run(server, options, claim, &stopped).await;
            }
            Ok(None) => retry = Retry::new(options.server.retry_max),
            Err(failure) => {
                if let Failure::Refused(refusal) = &failure
                    && matches!(refusal.status.as_u16(), 401 | 403)
                {
                    return Err(PackError::WorkerTokenInvalid);
                }
                let wait = retry.endless_wait();
                tracing::warn!(reason = failure.reason(), waitMs = wait.as_millis() as u64, "claiming failed");
                tokio::select! {
                    _ = stop(&stopped) => return Ok(()),
                    () = tokio::time::sleep(wait) => {}
                }
            }
        }
    }
}

/// Does one job; what became of it is told to the server and to the log.
async fn run(server: &Server, options: &WorkerOptions, claim: Claim, stopped: &watch::Receiver<Option<i32>>) {
    let job = Job::new(server, options, claim);
    let outcome = tokio::select! {
        outcome = job.run() => outcome,
        signal = stop(stopped) => Err(PackError::Interrupted { signal }),
    };
    job.settle(outcome).await;
}

/// Resolves with the signal that ends the worker.
async fn stop(stopped: &watch::Receiver<Option<i32>>) -> i32 {
    let mut stopped = stopped.clone();
    let signal = stopped.wait_for(Option::is_some).await.ok().and_then(|signal| *signal);
    match signal {
        Some(signal) => signal,
        None => std::future::pending().await,
    }
}
