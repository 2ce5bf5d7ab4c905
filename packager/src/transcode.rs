//! Runs ffmpeg and watches it: its progress, its end, and the receiver's first failure.

use std::{os::unix::process::ExitStatusExt, process::Stdio, time::Duration};

use futures_util::FutureExt;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{ChildStdout, Command},
    time::timeout,
};

use crate::{
    error::PackError,
    ffmpeg,
    input::Input,
    plan::Plan,
    progress::{Event, Report},
    receiver::Receiver,
};

/// ffmpeg reports twice a second while it works; silence for this long means that it hangs.
const SILENCE_SECS_MAX: u64 = 300;
/// A line of the progress report is `key=value`; far longer ones are not ffmpeg's.
const LINES_MAX_BYTES: u64 = 1 << 30;

/// Runs ffmpeg from start to end. On return by error or by being dropped, ffmpeg is killed.
pub(crate) async fn run(
    plan: &Plan,
    input: &Input,
    duration_secs: Option<f64>,
    receiver: &mut Receiver,
    report: &dyn Report,
) -> Result<(), PackError> {
    let mut command = Command::new("ffmpeg");
    ffmpeg::harden(&mut command);
    command.args(ffmpeg::arguments(plan, input, receiver.base())?);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| ffmpeg::spawn_failure("ffmpeg", &error))?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(PackError::Internal("ffmpeg has no pipes".into()));
    };
    let complaint = tokio::spawn(ffmpeg::tail(stderr));
    let failed = tokio::select! {
        error = receiver.failure() => Some(error),
        error = input.failure() => Some(error),
        watched = watch(stdout, duration_secs, report) => watched.err(),
    };
    if let Some(error) = failed {
        let _ = child.kill().await;
        return Err(error);
    }
    let status = child.wait().await.map_err(|error| PackError::FfmpegFailed(error.to_string()))?;
    let complaint = complaint.await?;
    // What ffmpeg takes for the end of the film may be where its source broke off.
    if let Some(error) = input.failure().now_or_never() {
        return Err(error);
    }
    if status.success() {
        return Ok(());
    }
    // A refused PUT makes ffmpeg fail; then the receiver knows the cause.
    match timeout(Duration::from_millis(200), receiver.failure()).await {
        Ok(error) => Err(error),
        Err(_) => Err(match status.signal() {
            Some(signal) => PackError::FfmpegKilled(signal),
            None => reason(&input.scrub(&complaint), receiver.base()),
        }),
    }
}

/// Reads `-progress` to its end.
async fn watch(stdout: ChildStdout, duration_secs: Option<f64>, report: &dyn Report) -> Result<(), PackError> {
    let stdout = tokio::io::AsyncReadExt::take(stdout, LINES_MAX_BYTES);
    let mut lines = BufReader::new(stdout).lines();
    let (mut at_secs, mut speed) = (None, None);
    loop {
        let line = match timeout(Duration::from_secs(SILENCE_SECS_MAX), lines.next_line()).await {
            Ok(Ok(Some(line))) => line,
            Ok(_) => return Ok(()),
            Err(_) => {
                return Err(PackError::FfmpegFailed(format!("it has shown no progress for {SILENCE_SECS_MAX} s")));
            }
        };
        match line.split_once('=') {
            Some(("out_time_us", value)) => at_secs = value.trim().parse::<f64>().ok().map(|us| us / 1e6),
            Some(("speed", value)) => speed = value.trim().trim_end_matches('x').parse::<f64>().ok(),
            Some(("progress", _)) => report.report(&progress(at_secs, speed, duration_secs)),
            _ => {}
        }
    }
}

/// How far it is.
pub(crate) fn progress(at_secs: Option<f64>, speed: Option<f64>, duration_secs: Option<f64>) -> Event {
    let speed = speed.filter(|speed| speed.is_finite() && *speed > 0.0);
    let (Some(at_secs), Some(duration_secs)) = (at_secs, duration_secs) else {
        return Event::Progress { percent: None, speed, left_secs: None };
    };
    let percent = (at_secs / duration_secs * 1000.0).round() / 10.0;
    let left_secs = speed.map(|speed| ((duration_secs - at_secs).max(0.0) / speed).ceil() as u64);
    Event::Progress { percent: Some(percent.clamp(0.0, 100.0)), speed, left_secs }
}

/// ffmpeg's last complaints in one line, without the run's secret path.
fn reason(complaint: &str, base: &str) -> PackError {
    let lines: Vec<_> = complaint.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let from = lines.len().saturating_sub(3);
    let text = lines[from..].join("; ").replace(base, "receiver");
    let decoder =
        lines.iter().find_map(|line| line.split_once("Decoder (codec ")).and_then(|(_, rest)| rest.split_once(')'));
    match decoder {
        Some((codec, rest)) if rest.contains("not found") => {
            PackError::CodecUnknown { kind: "input", codec: codec.to_owned() }
        }
        _ if text.is_empty() => PackError::FfmpegFailed("it gave no reason".into()),
        _ => PackError::FfmpegFailed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_decoder_is_an_unknown_codec_and_the_secret_path_is_not_shown() {
        let error =
            reason("Decoder (codec vvc) not found for input stream #0:0\nConversion failed!", "http://x/secret");
        assert_eq!(error.code(), "codec_unknown");
        let error = reason("[hls] Failed to open http://x/secret/v360p/init.mp4", "http://x/secret");
        assert_eq!((error.code(), error.to_string().contains("secret")), ("ffmpeg_failed", false));
    }

    #[test]
    fn progress_is_a_share_of_the_duration() {
        let event = progress(Some(5.0), Some(2.0), Some(20.0));
        assert_eq!(event, Event::Progress { percent: Some(25.0), speed: Some(2.0), left_secs: Some(8) });
        let event = progress(Some(-0.1), None, Some(20.0));
        assert_eq!(event, Event::Progress { percent: Some(-0.0), speed: None, left_secs: None });
    }
}
