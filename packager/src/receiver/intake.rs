//! Takes finished bodies, seals segments and writes them.
//!
//! Clear media exists in memory only: per rendition at most two bodies under way and the last [`HELD`] segments, which
//! wait until it is known whether the very last one is too short to stand alone. A PUT counts when its chunked body ended
//! properly, so what a dying ffmpeg leaves half sent is never kept.

use std::sync::Arc;

use axum::body::Body;
use futures_util::StreamExt;
use keyveil_protocol::{BLOCK_LEN, CIPHERTEXT_LEN_MAX, Container, Segment};
use tokio::sync::{Mutex, Notify, Semaphore};

use super::received::{Received, segment_name};
use crate::{
    codecs,
    error::PackError,
    ffmpeg,
    plan::{Plan, PlannedRendition},
    playlist,
    sealer::Sealer,
    sink::Sink,
};

const SEGMENT_BYTES_MAX: usize = CIPHERTEXT_LEN_MAX - BLOCK_LEN;
const INIT_BYTES_MAX: usize = 1024 * 1024;
const PLAYLIST_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bodies of one rendition that are under way at a time: one being written, one arriving.
const BODIES_MAX: usize = 2;
/// Segments of one rendition that wait: the last two may become one.
const HELD: usize = 2;

/// Everything that arrives in one run.
#[derive(Debug)]
pub(super) struct Intake {
    /// Told whenever a body has been dealt with.
    pub(super) changed: Notify,
    plan: Plan,
    sealer: Sealer,
    sink: Sink,
    lanes: Vec<Lane>,
}

/// What arrives of one rendition.
#[derive(Debug)]
struct Lane {
    places: Arc<Semaphore>,
    received: Mutex<Received>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Init,
    Playlist,
    Segment(Segment),
}

impl Intake {
    pub(super) fn new(plan: &Plan, sealer: Sealer, sink: Sink) -> Self {
        let lane = || Lane { places: Arc::new(Semaphore::new(BODIES_MAX)), received: Mutex::default() };
        let lanes = plan.renditions.iter().map(|_| lane()).collect();
        Self { changed: Notify::new(), plan: plan.clone(), sealer, sink, lanes }
    }

    /// Which rendition and which of its files a path names.
    pub(super) fn place(&self, folder: &str, name: &str) -> Option<(usize, Item)> {
        let at = self.plan.renditions.iter().position(|rendition| rendition.folder == folder)?;
        let item = match name {
            "init.mp4" => Item::Init,
            "playlist.m3u8" => Item::Playlist,
            _ => {
                let extension = self.plan.renditions.get(at)?.extension(self.plan.choices.container);
                let digits = name.strip_prefix("seg-")?.strip_suffix(extension)?.strip_suffix('.')?;
                let number = digits.parse().ok()?;
                (segment_name(number, extension) == name).then_some(Item::Segment(Segment(number)))?
            }
        };
        Some((at, item))
    }

    /// `Err(None)` is a body that broke off: ffmpeg died or was stopped, which is reported elsewhere.
    pub(super) async fn take(self: &Arc<Self>, at: usize, item: Item, body: Body) -> Result<(), Option<PackError>> {
        let (Some(lane), Some(planned)) = (self.lanes.get(at), self.plan.renditions.get(at)) else { return Err(None) };
        // Kept until the body is dealt with: ffmpeg is slowed down instead of memory filling up.
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
                let codecs = codecs::of_init(&bytes);
                self.write(format!("{}/init.mp4", planned.folder), bytes, None).await?;
                let mut received = lane.received.lock().await;
                received.has_init = true;
                received.codecs = codecs;
            }
            Item::Segment(segment) => self.take_segment(lane, at, segment, bytes).await?,
        }
        Ok(())
    }

    /// What keeps the renditions from being whole, if anything.
    pub(super) async fn missing(&self) -> Option<String> {
        for (planned, lane) in self.plan.renditions.iter().zip(&self.lanes) {
            let extension = planned.extension(self.plan.choices.container);
            if let Some(what) = lane.received.lock().await.missing(extension) {
                return Some(format!("{} {what}", planned.folder));
            }
        }
        None
    }

    /// Whether any body is arriving or being written.
    pub(super) fn is_busy(&self) -> bool {
        self.lanes.iter().any(|lane| lane.places.available_permits() < BODIES_MAX)
    }

    /// Writes what still waits. Call when nothing is missing.
    pub(super) async fn finish(self: &Arc<Self>) -> Result<(Vec<Received>, Sealer), PackError> {
        let mut all = Vec::new();
        for (at, lane) in self.lanes.iter().enumerate() {
            let mut received = std::mem::take(&mut *lane.received.lock().await);
            received.join_short_end();
            while let Some((number, bytes)) = received.held.pop_first() {
                let written = self.write_segment(at, Segment(number), bytes).await?;
                received.segments.insert(number, written);
            }
            all.push(received);
        }
        Ok((all, self.sealer.clone()))
    }

    async fn take_segment(
        self: &Arc<Self>,
        lane: &Lane,
        at: usize,
        segment: Segment,
        bytes: Vec<u8>,
    ) -> Result<(), PackError> {
        let oldest = {
            let mut received = lane.received.lock().await;
            if !received.arrived.insert(segment.0) {
                return Err(PackError::FfmpegFailed(format!("it sent segment {} twice", segment.0)));
            }
            if segment.0 == 0 && received.codecs.is_none() {
                received.codecs = codecs::of_ts(&bytes);
            }
            received.held.insert(segment.0, self.with_timestamp_map(bytes));
            if received.held.len() > HELD { received.held.pop_first() } else { None }
        };
        if let Some((number, bytes)) = oldest {
            let written = self.write_segment(at, Segment(number), bytes).await?;
            lane.received.lock().await.segments.insert(number, written);
        }
        Ok(())
    }

    async fn write_segment(self: &Arc<Self>, at: usize, segment: Segment, bytes: Vec<u8>) -> Result<u64, PackError> {
        let Some(planned) = self.plan.renditions.get(at) else { return Ok(0) };
        let name = segment_name(segment.0, planned.extension(self.plan.choices.container));
        self.write(format!("{}/{name}", planned.folder), bytes, Some((at, segment))).await
    }

    /// Seals segments and writes; returns the number of bytes written.
    async fn write(
        self: &Arc<Self>,
        path: String,
        mut bytes: Vec<u8>,
        segment: Option<(usize, Segment)>,
    ) -> Result<u64, PackError> {
        if let Some((at, segment)) = segment {
            let intake = Arc::clone(self);
            let seal = move || {
                if let Some(planned) = intake.plan.renditions.get(at) {
                    intake.sealer.seal(planned, segment, &mut bytes)?;
                }
                Ok::<_, PackError>(bytes)
            };
            bytes = tokio::task::spawn_blocking(seal).await??;
        }
        let len = bytes.len() as u64;
        self.sink.write(&path, bytes).await?;
        Ok(len)
    }

    /// RFC 8216, section 3.5: beside TS, a WebVTT file says which TS time its time 0 is.
    fn with_timestamp_map(&self, bytes: Vec<u8>) -> Vec<u8> {
        let head = b"WEBVTT\n";
        match bytes.strip_prefix(head) {
            Some(rest) if self.plan.choices.container == Container::Ts => {
                let map = format!("X-TIMESTAMP-MAP=MPEGTS:{},LOCAL:00:00:00.000\n", ffmpeg::TS_START_TICKS);
                [head, map.as_bytes(), rest].concat()
            }
            _ => bytes,
        }
    }
}

fn too_large(planned: &PlannedRendition, limit: usize) -> PackError {
    PackError::FfmpegFailed(format!(
        "a part of {} is over {limit} bytes; use the ladder auto or shorter segments",
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
