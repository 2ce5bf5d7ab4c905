//! Tells the server who this worker is, for as long as it runs, and hears whether it is to take jobs.

use std::{cell::RefCell, time::Duration};

use keyveil_protocol::{
    WorkerId,
    worker::{ProtocolVersions, RegisterWorkerRequest, RegisteredWorker},
};
use reqwest::{Method, StatusCode, header};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, timeout},
};

use super::{Orders, WorkerOptions, capacities::Capacities};
use crate::{
    error::PackError,
    http::{Failure, Server, answer, to_body},
    retry::Retry,
};

/// A server of the release before knows of no registration; it may be upgraded meanwhile.
const OLD_SERVER_AGAIN: Duration = Duration::from_secs(60);
const AGAIN_MAX: Duration = Duration::from_secs(15);
/// What is missing here may be installed meanwhile.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// A worker that ends waits no longer for its last word.
const FAREWELL_MAX: Duration = Duration::from_secs(1);

/// What the server has said of this worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing yet.
    Unknown,
    /// It is of the release before: it takes claims without registration.
    OldServer,
    /// It knows the worker.
    Registered { protocol_version: u32, drain: bool },
}

/// Who registers.
pub(super) struct Registration<'a> {
    pub server: &'a Server,
    pub options: &'a WorkerOptions,
    pub id: &'a WorkerId,
    pub standing: watch::Sender<Standing>,
    /// Somebody needs a fresh answer.
    pub wanted: &'a Notify,
    /// As they were told last.
    pub capacities: RefCell<Option<Capacities>>,
}

impl Registration<'_> {
    /// Goes on until the server will not have this worker at all.
    pub(super) async fn keep(&self, mut orders: watch::Receiver<Orders>) -> PackError {
        let (mut capacities, mut looked) = (self.look().await, Instant::now());
        let (mut retry, mut starting) = (self.retry(), true);
        loop {
            if !capacities.is_complete() && looked.elapsed() > LOOK_AGAIN {
                (capacities, looked) = (self.look().await, Instant::now());
            }
            let leaving = orders.borrow_and_update().leaving;
            let wait = match self.register(&capacities, starting, leaving).await {
                Ok(answer) => {
                    starting = false;
                    retry = self.retry();
                    self.heard(Standing::Registered { protocol_version: answer.protocol_version, drain: answer.drain });
                    Duration::from_secs(answer.again_secs).clamp(Duration::from_secs(1), AGAIN_MAX)
                }
                Err(Failure::Refused(refusal)) if is_old_server(refusal.status) => {
                    self.heard(Standing::OldServer);
                    OLD_SERVER_AGAIN
                }
                Err(Failure::Refused(refusal)) => {
                    return match refusal.status.as_u16() {
                        401 | 403 => PackError::WorkerTokenInvalid,
                        _ => refusal.into_error(),
                    };
                }
                Err(failure) => {
                    let wait = retry.endless_wait();
                    tracing::warn!(reason = failure.reason(), waitMs = wait.as_millis() as u64, "registering failed");
                    wait
                }
            };
            tokio::select! {
                () = sleep(wait) => {}
                () = self.wanted.notified() => {}
                _ = orders.wait_for(|orders| orders.leaving && !leaving) => {}
            }
        }
    }

    /// The last word of a worker that ends.
    pub(super) async fn farewell(&self) {
        let capacities = self.capacities.borrow().clone();
        let is_registered = matches!(*self.standing.borrow(), Standing::Registered { .. });
        if let Some(capacities) = capacities.filter(|_| is_registered) {
            let _ = timeout(FAREWELL_MAX, self.register(&capacities, false, true)).await;
        }
    }

    async fn look(&self) -> Capacities {
        let found = Capacities::look().await;
        let known = self.capacities.replace(Some(found.clone()));
        if known.as_ref() != Some(&found) {
            tell(&found);
        }
        found
    }

    fn heard(&self, standing: Standing) {
        let changed = self.standing.send_if_modified(|known| std::mem::replace(known, standing) != standing);
        if changed {
            tracing::info!(?standing, "registration");
        }
    }

    fn retry(&self) -> Retry {
        Retry::new(self.options.server.retry_max)
    }

    async fn register(
        &self,
        capacities: &Capacities,
        starting: bool,
        leaving: bool,
    ) -> Result<RegisteredWorker, Failure> {
        let options = self.options;
        let request = RegisterWorkerRequest {
            protocol_versions: ProtocolVersions::OWN,
            name: options.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cpus: options.jobs.saturating_mul(options.cpus).get(),
            memory_bytes: capacities.memory_bytes,
            jobs: options.jobs.get(),
            kinds: capacities.kinds(),
            encoders: capacities.encoders.clone(),
            starting,
            leaving,
        };
        let body = to_body(&request).map_err(Failure::Final)?;
        let request = self.server.request(Method::PUT, &format!("v1/workers/{}", self.id));
        let request = request.bearer_auth(options.server.api_key.expose_text());
        let answer = answer(request.header(header::CONTENT_TYPE, "application/json").body(body)).await?;
        answer.json().map_err(Failure::Final)
    }
}

/// It has nothing at the address, or takes no PUT there.
fn is_old_server(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)
}

fn tell(capacities: &Capacities) {
    let encoders = capacities.encoders.join(", ");
    if capacities.is_complete() {
        tracing::info!(encoders, "ffmpeg");
    } else {
        tracing::warn!(
            encoders,
            "ffmpeg is missing or can't encode by libx264: jobs that need it are left to other workers"
        );
    }
}
