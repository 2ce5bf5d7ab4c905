//! One run of ffmpeg that writes JPEGs to a pipe.

use std::{os::unix::process::ExitStatusExt, process::Stdio, time::Duration};

use futures_util::FutureExt;
use tokio::{
    io::AsyncReadExt,
    process::{ChildStdout, Command},
    time::timeout,
};

use super::jpeg::{NotJpeg, Splitter};
use crate::{error::PackError, ffmpeg, input::Input, probe::VideoStream};

const CHUNK_LEN: usize = 64 * 1024;
/// A run that takes far longer than the film hangs.
const SECS_MAX: f64 = 600.0;
const SHARE_MAX: f64 = 2.0;

/// What a run reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) input: &'a Input,
    pub(super) video: &'a VideoStream,
    pub(super) limit: Duration,
    /// Decodes nothing else.
    pub(super) keyframes_only: bool,
}

impl<'a> Run<'a> {
    pub(super) fn new(input: &'a Input, video: &'a VideoStream, secs: f64) -> Self {
        let limit = Duration::from_secs_f64(SECS_MAX + SHARE_MAX * secs.clamp(0.0, 1e6));
        Self { input, video, limit, keyframes_only: false }
    }

    /// The first filter, where one is needed.
    pub(super) fn deinterlace(&self) -> &'static str {
        if self.video.interlaced { "yadif=deint=interlaced," } else { "" }
    }

    /// Hands each JPEG to `keep`. On return by error or by being dropped, ffmpeg is killed.
    pub(super) async fn jpegs(
        &self,
        before_input: &[&str],
        filters: &str,
        more: &[&str],
        keep: impl AsyncFnMut(Vec<u8>) -> Result<(), PackError>,
    ) -> Result<(), PackError> {
        let mut command = Command::new("ffmpeg");
        ffmpeg::harden(&mut command);
        // One thread: it runs beside the encoder.
        command.args(["-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-threads", "1"]);
        command.args(["-filter_threads", "1"]);
        if self.keyframes_only {
            command.args(["-skip_frame", "nokey"]);
        }
        command.args(before_input).args(self.input.arguments()?);
        command.args(["-map", &format!("0:{}", self.video.index), "-vf", filters]).args(more);
        command.args(["-vsync", "passthrough", "-c:v", "mjpeg", "-q:v", "4", "-map_metadata", "-1"]);
        command.args(["-fflags", "+bitexact", "-flags:v", "+bitexact", "-f", "image2pipe", "pipe:1"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| ffmpeg::spawn_failure("ffmpeg", &error))?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(PackError::Internal("ffmpeg has no pipes".into()));
        };
        let work = async { tokio::join!(read(stdout, keep), ffmpeg::tail(stderr), child.wait()) };
        let (read, complaint, status) = timeout(self.limit, work)
            .await
            .map_err(|_| PackError::FfmpegFailed("it does not come to an end with the pictures".into()))?;
        let status = status.map_err(|error| PackError::FfmpegFailed(error.to_string()))?;
        // What ffmpeg takes for the end of the film may be where its source broke off.
        if let Some(error) = self.input.failure().now_or_never() {
            return Err(error);
        }
        match (read, status.signal()) {
            // A half image is what a killed ffmpeg leaves.
            (Ok(()) | Err(PackError::FfmpegFailed(_)), Some(signal)) => Err(PackError::FfmpegKilled(signal)),
            // What went wrong here made ffmpeg stop.
            (Err(error), _) => Err(error),
            (Ok(()), None) if status.success() => Ok(()),
            (Ok(()), None) => {
                let last = complaint.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it gave no reason");
                Err(PackError::FfmpegFailed(self.input.scrub(last).trim().to_owned()))
            }
        }
    }
}

/// Takes the pipe over, so that it is closed at the first error: ffmpeg then ends.
async fn read(
    mut stdout: ChildStdout,
    mut keep: impl AsyncFnMut(Vec<u8>) -> Result<(), PackError>,
) -> Result<(), PackError> {
    let broken = |_: NotJpeg| PackError::FfmpegFailed("it sent something else than JPEGs".into());
    let (mut splitter, mut chunk) = (Splitter::default(), vec![0; CHUNK_LEN]);
    while let Ok(read @ 1..) = stdout.read(&mut chunk).await {
        splitter.push(&chunk[..read]);
        while let Some(jpeg) = splitter.next().map_err(broken)? {
            keep(jpeg).await?;
        }
    }
    if splitter.is_at_end() { Ok(()) } else { Err(broken(NotJpeg)) }
}
