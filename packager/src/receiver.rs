//! Receives ffmpeg's segments on loopback, under an unguessable path. [`Intake`] seals and writes them.

mod intake;
mod received;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Path, State},
    http::StatusCode,
    routing::put,
};
use tokio::{
    net::TcpListener,
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, timeout},
};

use crate::{error::PackError, peer, plan::Plan, sealer::Sealer, sink::Sink};

use intake::Intake;
pub(crate) use received::{Received, segment_name};

/// After ffmpeg has ended well, its last bodies are in the socket buffers; one of them may take this long to be written.
const DRAIN_MAX: Duration = Duration::from_secs(60);
/// With nothing under way for this long, nothing more will come.
const IDLE_MAX: Duration = Duration::from_secs(2);

/// The receiver of one run.
#[derive(Debug)]
pub(crate) struct Receiver {
    base: String,
    intake: Arc<Intake>,
    failures: mpsc::Receiver<PackError>,
    server: JoinHandle<()>,
}

impl Receiver {
    /// Listens on a free loopback port.
    pub(crate) async fn start(plan: &Plan, sealer: Sealer, sink: Sink) -> Result<Self, PackError> {
        let listening = |error: std::io::Error| PackError::Internal(format!("no loopback port: {error}"));
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.map_err(listening)?;
        let address = listener.local_addr().map_err(listening)?;
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| PackError::Internal(error.to_string()))?;
        let token = hex::encode(random);
        let (failed, failures) = mpsc::channel(1);
        let intake = Arc::new(Intake::new(plan, sealer, sink));
        let gate = Arc::new(Gate { token: token.clone(), address, intake: Arc::clone(&intake), failed });
        let router = Router::new().route("/{token}/{folder}/{name}", put(receive)).with_state(gate);
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, service).await {
                tracing::error!(%error, "the receiver stopped");
            }
        });
        // Given a name and a password, ffmpeg asks whether it may send before it does so. Else it could have sent a short
        // body and be gone before anybody looks who it is.
        Ok(Self { base: format!("http://ffmpeg:ask@{address}/{token}"), intake, failures, server })
    }

    /// Where ffmpeg sends to; holds the run's secret path.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Resolves with the first failure, and never when there is none.
    pub(crate) async fn failure(&mut self) -> PackError {
        match self.failures.recv().await {
            Some(error) => error,
            None => std::future::pending().await,
        }
    }

    /// Call after ffmpeg ended well: waits for what is still in flight, then checks that every listed segment of every
    /// rendition has arrived and no other.
    pub(crate) async fn finish(mut self) -> Result<(Vec<Received>, Sealer), PackError> {
        let intake = Arc::clone(&self.intake);
        let mut last_change = Instant::now();
        loop {
            let changed = intake.changed.notified();
            let Some(what) = intake.missing().await else { break };
            tokio::select! {
                error = self.failure() => return Err(error),
                waited = timeout(IDLE_MAX, changed) => match waited {
                    Ok(()) => last_change = Instant::now(),
                    Err(_) if intake.is_busy() && last_change.elapsed() < DRAIN_MAX => {}
                    Err(_) => return Err(PackError::FfmpegFailed(format!("it ended well but {what}"))),
                },
            }
        }
        if let Ok(error) = self.failures.try_recv() {
            return Err(error);
        }
        intake.finish().await
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Lets in who knows the run's secret path and is of this process' user.
#[derive(Debug)]
struct Gate {
    token: String,
    address: SocketAddr,
    intake: Arc<Intake>,
    failed: mpsc::Sender<PackError>,
}

async fn receive(
    State(gate): State<Arc<Gate>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path((token, folder, name)): Path<(String, String, String)>,
    body: Body,
) -> StatusCode {
    if token != gate.token || !peer::is_own(peer, gate.address).await {
        return StatusCode::NOT_FOUND;
    }
    let Some((at, item)) = gate.intake.place(&folder, &name) else { return StatusCode::NOT_FOUND };
    // ffmpeg closes the connection as soon as it has sent the last byte, which ends this handler: the work goes on in a
    // task of its own.
    let work = tokio::spawn(async move {
        let taken = gate.intake.take(at, item, body).await;
        let answer = if taken.is_ok() { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
        if let Err(Some(error)) = taken {
            // Only the first failure counts; the channel holds one.
            let _ = gate.failed.try_send(error);
        }
        gate.intake.changed.notify_waiters();
        answer
    });
    work.await.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests;
