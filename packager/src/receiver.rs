//! Receives ffmpeg's segments on loopback and hands each to the sealer once it is complete.
//!
//! Clear media exists in memory only: per rendition at most one segment that is being sealed and written and one that is
//! arriving. A PUT counts when its chunked body ended properly, so what a dying ffmpeg leaves half sent is never kept.

mod received;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::StatusCode,
    routing::put,
};
use futures_util::StreamExt;
use keyveil_protocol::{BLOCK_LEN, CIPHERTEXT_LEN_MAX, Segment};
use tokio::{
    net::TcpListener,
    sync::{Mutex, Notify, Semaphore, mpsc},
    task::JoinHandle,
    time::{Instant, timeout},
};

use crate::{
    codecs,
    error::PackError,
    output::PartialOutput,
    plan::{Plan, PlannedRendition},
    playlist,
    sealer::Sealer,
};

pub(crate) use received::{Received, segment_name};

const SEGMENT_BYTES_MAX: usize = CIPHERTEXT_LEN_MAX - BLOCK_LEN;
const INIT_BYTES_MAX: usize = 1024 * 1024;
const PLAYLIST_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bodies of one rendition that are held at a time: one being written, one arriving.
const BODIES_MAX: usize = 2;
/// After ffmpeg has ended well, its last bodies are in the socket buffers; one of them may take this long to be written.
const DRAIN_MAX: Duration = Duration::from_secs(60);
/// With nothing under way for this long, nothing more will come.
const IDLE_MAX: Duration = Duration::from_secs(2);

/// The receiver of one run.
#[derive(Debug)]
pub(crate) struct Receiver {
    base: String,
    shared: Arc<Shared>,
    failures: mpsc::Receiver<PackError>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    token: String,
    plan: Plan,
    sealer: Sealer,
    output: Arc<PartialOutput>,
    lanes: Vec<Lane>,
    failed: mpsc::Sender<PackError>,
    changed: Notify,
}

#[derive(Debug)]
struct Lane {
    places: Arc<Semaphore>,
    received: Mutex<Received>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Init,
    Playlist,
    Segment(Segment),
}

impl Receiver {
    /// Listens on a free loopback port.
    pub(crate) async fn start(plan: &Plan, sealer: Sealer, output: Arc<PartialOutput>) -> Result<Self, PackError> {
        let listening = |error: std::io::Error| PackError::Internal(format!("no loopback port: {error}"));
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.map_err(listening)?;
        let address = listener.local_addr().map_err(listening)?;
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| PackError::Internal(error.to_string()))?;
        let token = hex::encode(random);
        let (failed, failures) = mpsc::channel(1);
        let lane = || Lane { places: Arc::new(Semaphore::new(BODIES_MAX)), received: Mutex::default() };
        let shared = Arc::new(Shared {
            token: token.clone(),
            plan: plan.clone(),
            sealer,
            output,
            lanes: plan.renditions.iter().map(|_| lane()).collect(),
            failed,
            changed: Notify::new(),
        });
        let router = Router::new().route("/{token}/{folder}/{name}", put(receive)).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the receiver stopped");
            }
        });
        Ok(Self { base: format!("http://{address}/{token}"), shared, failures, server })
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
        let shared = Arc::clone(&self.shared);
        let mut last_change = Instant::now();
        loop {
            let changed = shared.changed.notified();
            let Some(what) = shared.missing().await else { break };
            tokio::select! {
                error = self.failure() => return Err(error),
                waited = timeout(IDLE_MAX, changed) => match waited {
                    Ok(()) => last_change = Instant::now(),
                    Err(_) if shared.is_busy() && last_change.elapsed() < DRAIN_MAX => {}
                    Err(_) => return Err(PackError::FfmpegFailed(format!("it ended well but {what}"))),
                },
            }
        }
        if let Ok(error) = self.failures.try_recv() {
            return Err(error);
        }
        let mut all = Vec::new();
        for lane in &self.shared.lanes {
            all.push(lane.received.lock().await.clone());
        }
        let sealer = self.shared.sealer.clone();
        Ok((all, sealer))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    Path((token, folder, name)): Path<(String, String, String)>,
    body: Body,
) -> StatusCode {
    let at = shared.plan.renditions.iter().position(|rendition| rendition.folder == folder);
    let (Some(at), true) = (at, token == shared.token) else { return StatusCode::NOT_FOUND };
    let Some(item) = shared.item(at, &name) else { return StatusCode::NOT_FOUND };
    // ffmpeg closes the connection as soon as it has sent the last byte, which ends this handler: the work goes on in a
    // task of its own.
    let work = tokio::spawn(async move {
        let taken = shared.take(at, item, body).await;
        let answer = if taken.is_ok() { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
        if let Err(Some(error)) = taken {
            // Only the first failure counts; the channel holds one.
            let _ = shared.failed.try_send(error);
        }
        shared.changed.notify_waiters();
        answer
    });
    work.await.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

impl Shared {
    async fn missing(&self) -> Option<String> {
        for (planned, lane) in self.plan.renditions.iter().zip(&self.lanes) {
            let extension = planned.extension(self.plan.choices.container);
            if let Some(what) = lane.received.lock().await.missing(extension) {
                return Some(format!("{} {what}", planned.folder));
            }
        }
        None
    }

    /// Whether any body is arriving or being written.
    fn is_busy(&self) -> bool {
        self.lanes.iter().any(|lane| lane.places.available_permits() < BODIES_MAX)
    }

    fn item(&self, at: usize, name: &str) -> Option<Item> {
        match name {
            "init.mp4" => return Some(Item::Init),
            "playlist.m3u8" => return Some(Item::Playlist),
            _ => {}
        }
        let extension = self.plan.renditions.get(at)?.extension(self.plan.choices.container);
        let digits = name.strip_prefix("seg-")?.strip_suffix(extension)?.strip_suffix('.')?;
        let number = digits.parse().ok()?;
        (segment_name(number, extension) == name).then_some(Item::Segment(Segment(number)))
    }

    /// `Err(None)` is a body that broke off: ffmpeg died or was stopped, which is reported elsewhere.
    async fn take(self: &Arc<Self>, at: usize, item: Item, body: Body) -> Result<(), Option<PackError>> {
        let (Some(lane), Some(planned)) = (self.lanes.get(at), self.plan.renditions.get(at)) else { return Err(None) };
        // Held until the body is written: ffmpeg is slowed down instead of memory filling up.
        let _place = Arc::clone(&lane.places).acquire_owned().await.map_err(|_| None)?;
        let limit = match item {
            Item::Init => INIT_BYTES_MAX,
            Item::Playlist => PLAYLIST_BYTES_MAX,
            Item::Segment(_) => SEGMENT_BYTES_MAX,
        };
        let bytes = read_whole(body, limit).await.map_err(|error| error.map(|what| too_large(planned, what)))?;
        match item {
            Item::Playlist => {
                let listed = playlist::read_listed(&bytes)?;
                lane.received.lock().await.listed = Some(listed);
            }
            Item::Init => {
                let init_codecs = codecs::of_init(&bytes);
                self.write(format!("{}/init.mp4", planned.folder), bytes, None).await?;
                let mut received = lane.received.lock().await;
                received.has_init = true;
                received.codecs = init_codecs;
            }
            Item::Segment(segment) => {
                let ts_codecs = if segment.0 == 0 { codecs::of_ts(&bytes) } else { None };
                let extension = planned.extension(self.plan.choices.container);
                let bytes = if extension == "vtt" { self.with_timestamp_map(bytes) } else { bytes };
                let path = format!("{}/{}", planned.folder, segment_name(segment.0, extension));
                let written = self.write(path, bytes, Some((at, segment))).await?;
                let mut received = lane.received.lock().await;
                received.codecs = received.codecs.take().or(ts_codecs);
                received.segments.insert(segment.0, written);
            }
        }
        Ok(())
    }

    /// Seals segments and writes; returns the number of bytes written.
    async fn write(
        self: &Arc<Self>,
        path: String,
        mut bytes: Vec<u8>,
        segment: Option<(usize, Segment)>,
    ) -> Result<u64, PackError> {
        let shared = Arc::clone(self);
        let work = move || {
            if let Some((at, segment)) = segment
                && let Some(planned) = shared.plan.renditions.get(at)
            {
                shared.sealer.seal(planned, segment, &mut bytes)?;
            }
            shared.output.write(&path, &bytes)?;
            Ok(bytes.len() as u64)
        };
        tokio::task::spawn_blocking(work).await?
    }

    /// RFC 8216, section 3.5: beside TS, a WebVTT file says which TS time its time 0 is.
    fn with_timestamp_map(&self, bytes: Vec<u8>) -> Vec<u8> {
        let head = b"WEBVTT\n";
        match bytes.strip_prefix(head) {
            Some(rest) if self.plan.choices.container == keyveil_protocol::Container::Ts => {
                let map = format!("X-TIMESTAMP-MAP=MPEGTS:{},LOCAL:00:00:00.000\n", crate::ffmpeg::TS_START_TICKS);
                [head, map.as_bytes(), rest].concat()
            }
            _ => bytes,
        }
    }
}

fn too_large(planned: &PlannedRendition, limit: usize) -> PackError {
    PackError::FfmpegFailed(format!(
        "a part of {} is over {limit} bytes; use --ladder auto or a shorter --segment-secs",
        planned.folder
    ))
}

/// The whole body; `Err(None)` when it broke off, `Err(Some(limit))` when it is too large.
async fn read_whole(body: Body, limit: usize) -> Result<Vec<u8>, Option<usize>> {
    let mut bytes = Vec::new();
    let mut stream = body.into_data_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| None)?;
        if bytes.len() + chunk.len() > limit {
            return Err(Some(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
