//! Copies an MP4 file's streams into segments without ffmpeg: one reading, one copy in memory, sealed and written.
//!
//! Only plain files are taken: an index of their own, H.264 and AAC-LC, nothing that starts late, edit lists that do no
//! more than say where time 0 is. For everything else, and wherever the index leaves a doubt, ffmpeg does the work; it
//! cuts at the same places.

mod fragments;
mod fuzzing;
mod movie;
mod packets;
mod reader;
mod spans;
mod tables;
mod transport;

use std::{io, path::Path, sync::Arc, time::Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use keyveil_protocol::{BLOCK_LEN, CIPHERTEXT_LEN_MAX, Container, Segment};

use crate::{
    codecs,
    error::PackError,
    input::Input,
    plan::Plan,
    playlist::Listed,
    progress::Report,
    receiver::{Received, segment_name},
    sealer::Sealer,
    sink::Sink,
    transcode,
};

pub(crate) use fuzzing::copied;
pub use fuzzing::{Copied, CopiedSegment};

use movie::Track;
use reader::Media;
use spans::Span;

/// Segments that are read, sealed and written at a time; each is in memory as a whole.
const AT_A_TIME: usize = 3;
const SEGMENT_BYTES_MAX: usize = CIPHERTEXT_LEN_MAX - BLOCK_LEN;

/// An input that can be copied here.
#[derive(Debug)]
pub(crate) struct Remux {
    media: Media,
    /// In the order of the plan's renditions.
    tracks: Vec<Track>,
    container: Container,
}

/// One segment to make: which rendition's, its number, and what is in it.
#[derive(Debug, Clone)]
struct Piece {
    track: usize,
    segment: Segment,
    span: Span,
}

impl Remux {
    /// Looks whether this plan can be carried out on this input; `None` leaves it to ffmpeg.
    pub(crate) async fn open(plan: &Plan, input: &Input) -> Option<Self> {
        let Input::File(path) = input else { return None };
        if !plan.copies() {
            return None;
        }
        let (plan, path) = (plan.clone(), path.clone());
        // The index is a stranger's: what the library can't bear leaves the work to ffmpeg as well.
        tokio::task::spawn_blocking(move || Self::of(&plan, &path)).await.unwrap_or_default()
    }

    fn of(plan: &Plan, path: &Path) -> Option<Self> {
        let media = Media::open(path).ok()?;
        let tracks = movie::tracks(&media, plan)?;
        let container = plan.choices.container;
        // What can be read can't always be written: the library knows limits then that it did not know before.
        let is_writable = container == Container::Ts || tracks.iter().all(|track| fragments::init(track).is_ok());
        is_writable.then_some(Self { media, tracks, container })
    }

    /// Makes, seals and writes every segment.
    pub(crate) async fn run(
        self,
        plan: &Plan,
        input: &Input,
        duration_secs: Option<f64>,
        sealer: &Sealer,
        sink: &Sink,
        report: &dyn Report,
    ) -> Result<Vec<Received>, PackError> {
        let mut all = self.begin(plan, sink).await?;
        let bytes_in_all: u64 = self.pieces().map(|piece| piece.span.bytes).sum();
        let remux = Arc::new(self);
        let pieces: Vec<_> = remux.pieces().collect();
        let made = stream::iter(pieces).map(|piece| remux.clone().make(plan, input, piece, sealer, sink));
        let mut made = made.buffered(AT_A_TIME);
        let (began, mut bytes_done) = (Instant::now(), 0);
        while let Some((piece, written, codecs)) = made.try_next().await? {
            let Some(received) = all.get_mut(piece.track) else { continue };
            received.segments.insert(piece.segment.0, written);
            received.codecs = received.codecs.take().or(codecs);
            bytes_done += piece.span.bytes;
            let at_secs = duration_secs.map(|secs| secs * bytes_done as f64 / bytes_in_all.max(1) as f64);
            let speed = at_secs.map(|secs| secs / began.elapsed().as_secs_f64());
            report.report(&transcode::progress(at_secs, speed, duration_secs));
        }
        Ok(all)
    }

    /// Writes the init segments, and lists what there will be.
    async fn begin(&self, plan: &Plan, sink: &Sink) -> Result<Vec<Received>, PackError> {
        let mut all = Vec::new();
        for (planned, track) in plan.renditions.iter().zip(&self.tracks) {
            let extension = planned.extension(self.container);
            let listed = (0..).zip(&track.spans).map(|(number, span)| Listed {
                uri: segment_name(number, extension),
                duration_secs: span.duration_secs,
            });
            let mut received = Received::expecting(listed.collect());
            if self.container == Container::Fmp4 {
                let init = fragments::init(track).map_err(|error| PackError::Internal(error.to_string()))?;
                received.codecs = codecs::of_init(&init);
                sink.write(&format!("{}/init.mp4", planned.folder), init).await?;
            }
            all.push(received);
        }
        Ok(all)
    }

    /// What comes early in time comes early, whatever its rendition: the file is read once from front to back.
    fn pieces(&self) -> impl Iterator<Item = Piece> {
        let most = self.tracks.iter().map(|track| track.spans.len()).max().unwrap_or(0);
        (0..most).flat_map(move |number| {
            self.tracks.iter().enumerate().filter_map(move |(at, track)| {
                let span = track.spans.get(number)?.clone();
                Some(Piece { track: at, segment: Segment(u32::try_from(number).ok()?), span })
            })
        })
    }

    async fn make(
        self: Arc<Self>,
        plan: &Plan,
        input: &Input,
        piece: Piece,
        sealer: &Sealer,
        sink: &Sink,
    ) -> Result<(Piece, u64, Option<String>), PackError> {
        let Some(planned) = plan.renditions.get(piece.track) else {
            return Err(PackError::Internal("a track without a rendition".into()));
        };
        let name = segment_name(piece.segment.0, planned.extension(self.container));
        let path = format!("{}/{name}", planned.folder);
        let (planned, input, sealer) = (planned.clone(), input.clone(), sealer.clone());
        let work = move || -> Result<_, PackError> {
            // Before all of it is in memory, and with what the container adds.
            check_len(piece.span.bytes, &planned.folder)?;
            let mut bytes = self.read(&piece, &input)?;
            check_len(bytes.len() as u64, &planned.folder)?;
            let is_first_ts = self.container == Container::Ts && piece.segment.0 == 0;
            let codecs = is_first_ts.then(|| codecs::of_ts(&bytes)).flatten();
            sealer.seal(&planned, piece.segment, &mut bytes)?;
            Ok((piece, bytes, codecs))
        };
        let (piece, bytes, codecs) = tokio::task::spawn_blocking(work).await??;
        let written = bytes.len() as u64;
        sink.write(&path, bytes).await?;
        Ok((piece, written, codecs))
    }

    fn read(&self, piece: &Piece, input: &Input) -> Result<Vec<u8>, PackError> {
        self.clear(piece).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                PackError::InputTruncated(input.name(), "it ended while it was read".into())
            }
            io::ErrorKind::InvalidData => PackError::InputNotVideo(input.name(), error.to_string()),
            _ => PackError::InputNotFound(input.name(), error.to_string()),
        })
    }

    /// One clear segment. Blocking.
    fn clear(&self, piece: &Piece) -> io::Result<Vec<u8>> {
        let Some(track) = self.tracks.get(piece.track) else { return Ok(Vec::new()) };
        match self.container {
            Container::Fmp4 => fragments::fragment(track, &piece.span, piece.segment.0, &self.media),
            Container::Ts => transport::segment(track, &piece.span, piece.segment.0, &self.media),
        }
    }
}

fn check_len(len: u64, folder: &str) -> Result<(), PackError> {
    if len <= SEGMENT_BYTES_MAX as u64 {
        return Ok(());
    }
    let what = format!("a part of {folder} is over {SEGMENT_BYTES_MAX} bytes");
    Err(PackError::FfmpegFailed(format!("{what}; use the ladder auto or shorter segments")))
}
