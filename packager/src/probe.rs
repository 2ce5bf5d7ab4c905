//! Asks ffprobe what a file holds, and refuses what can't be packed.

mod frame_rate;
mod raw;

use std::{path::Path, process::Stdio, time::Duration};

use tokio::{io::AsyncReadExt, process::Command};

use crate::{error::PackError, ffmpeg, input::Input, intact};

pub use frame_rate::FrameRate;
use frame_rate::fraction;
use raw::{RawFormat, RawProbe, RawStream, seconds};

/// ffprobe may think this long; a local file answers in well under a second, a source when its server is back.
const PROBE_SECS_MAX: u64 = 180;
/// A file with thousands of streams or tags is not a video worth describing.
const PROBE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Audio and subtitle tracks beyond this are left out.
pub(crate) const TRACKS_MAX: usize = 8;
/// No sensible video is larger on an edge; guards the arithmetic of the ladder.
const EDGE_MAX: u32 = 16_384;

/// The longest video. A small file can claim any length, and what is between two of its frames is made all the same.
const DURATION_SECS_MAX: f64 = 24.0 * 3600.0;
/// Lengths may be estimates; one beyond twice of what is claimed and this is none.
const CLAIM_SHARE_MAX: f64 = 2.0;
const CLAIM_SECS_MORE: f64 = 60.0;

/// A video file and those of its streams that are packed.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Seconds that the container claims, when it claims any.
    pub duration_secs: Option<f64>,
    /// The first real video stream (cover pictures don't count).
    pub video: VideoStream,
    /// The first eight audio streams.
    pub audio: Vec<AudioStream>,
    /// The first eight text subtitle streams.
    pub subtitles: Vec<SubtitleStream>,
}

impl Source {
    /// No more than this is made of it; what reaches it is not what was claimed.
    pub(crate) fn secs_max(&self) -> f64 {
        let claimed = [self.duration_secs, self.video.duration_secs].into_iter().flatten().reduce(f64::max);
        let most = claimed.map_or(DURATION_SECS_MAX, |secs| (secs * CLAIM_SHARE_MAX).min(DURATION_SECS_MAX));
        most + CLAIM_SECS_MORE
    }
}

/// The video stream, its size as it is displayed: rotation and pixel aspect applied.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoStream {
    pub index: u32,
    pub codec: String,
    pub width: u32,
    pub height: u32,
    /// Seconds of this stream, when the container says so.
    pub duration_secs: Option<f64>,
    pub rate: FrameRate,
    /// Whether another stream starts before this one.
    pub is_late: bool,
    pub interlaced: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioStream {
    pub index: u32,
    pub codec: String,
    pub profile: String,
    pub channels: u32,
    pub sample_rate: u32,
    /// Whether another stream starts before this one.
    pub is_late: bool,
    pub language: Option<String>,
    pub title: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubtitleStream {
    pub index: u32,
    pub codec: String,
    pub language: Option<String>,
    pub title: Option<String>,
}

/// Reads the file `input` with ffprobe. Nothing is written.
pub async fn probe(input: &Path) -> Result<Source, PackError> {
    look_at(&Input::file(input)).await
}

/// Reads `input` with ffprobe. Nothing is written.
pub(crate) async fn look_at(input: &Input) -> Result<Source, PackError> {
    let finding = {
        let input = input.clone();
        tokio::task::spawn_blocking(move || intact::inspect(&input)).await??
    };
    let raw = tokio::select! {
        raw = run_ffprobe(input) => raw,
        // What ffprobe makes of half a source says nothing.
        error = input.failure() => Err(error),
    };
    let raw = match raw {
        Err(PackError::InputNotVideo(name, why)) => {
            return Err(match finding {
                intact::Finding::Truncated(what) => PackError::InputTruncated(name, what),
                intact::Finding::Whole => PackError::InputNotVideo(name, why),
            });
        }
        other => other?,
    };
    let source = describe(&input.name(), raw)?;
    match finding {
        intact::Finding::Truncated(what) => Err(PackError::InputTruncated(input.name(), what)),
        intact::Finding::Whole => Ok(source),
    }
}

async fn run_ffprobe(input: &Input) -> Result<RawProbe, PackError> {
    let mut command = Command::new("ffprobe");
    ffmpeg::harden(&mut command);
    command
        .args(["-v", "error", "-print_format", "json", "-show_format", "-show_streams"])
        .args(input.arguments()?)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| ffmpeg::spawn_failure("ffprobe", &error))?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(PackError::Internal("ffprobe has no pipes".into()));
    };
    let name = input.name();
    let work = async {
        let mut json = Vec::new();
        let mut stdout = stdout.take(PROBE_BYTES_MAX + 1);
        let (read, complaint) = tokio::join!(stdout.read_to_end(&mut json), ffmpeg::tail(stderr));
        read.map_err(|error| PackError::FfmpegFailed(error.to_string()))?;
        let too_much = json.len() as u64 > PROBE_BYTES_MAX;
        if too_much {
            let _ = child.start_kill();
        }
        let status = child.wait().await.map_err(|error| PackError::FfmpegFailed(error.to_string()))?;
        if too_much || !status.success() {
            return Err(PackError::InputNotVideo(name.clone(), first_reason(&complaint, input)));
        }
        serde_json::from_slice(&json).map_err(|_| PackError::InputNotVideo(name.clone(), "no streams".into()))
    };
    match tokio::time::timeout(Duration::from_secs(PROBE_SECS_MAX), work).await {
        Ok(result) => result,
        Err(_) => Err(PackError::InputNotVideo(name, format!("ffprobe found no answer within {PROBE_SECS_MAX} s"))),
    }
}

fn first_reason(complaint: &str, input: &Input) -> String {
    let last = complaint.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("unknown format");
    input.scrub(last).trim().to_owned()
}

fn describe(name: &str, raw: RawProbe) -> Result<Source, PackError> {
    let secs = raw.secs();
    if secs > DURATION_SECS_MAX {
        let what = format!("it claims {:.1} hours", secs / 3600.0);
        return Err(PackError::InputTooLong(name.to_owned(), what));
    }
    let picture = raw
        .streams
        .iter()
        .find(|stream| stream.codec_type == "video" && stream.disposition.attached_pic == 0)
        .ok_or_else(|| PackError::InputNotVideo(name.to_owned(), "it has no video stream".into()))?;
    let video = video_stream(name, picture, &raw.format)?;
    let tracks = |kind: &'static str| raw.streams.iter().filter(move |stream| stream.codec_type == kind);
    let audio =
        tracks("audio").take(TRACKS_MAX).map(|stream| audio_stream(stream, &raw.format)).collect::<Result<_, _>>()?;
    let subtitles = tracks("subtitle").filter(|stream| stream.is_text()).take(TRACKS_MAX).map(subtitle_stream);
    Ok(Source {
        duration_secs: raw.format.duration.as_deref().and_then(seconds),
        video,
        audio,
        subtitles: subtitles.collect(),
    })
}

fn video_stream(name: &str, raw: &RawStream, format: &RawFormat) -> Result<VideoStream, PackError> {
    let codec = known_codec("video", raw)?;
    let (width, height) = (raw.width.unwrap_or(0), raw.height.unwrap_or(0));
    if !(1..=EDGE_MAX).contains(&width) || !(1..=EDGE_MAX).contains(&height) {
        return Err(PackError::InputNotVideo(name.to_owned(), format!("its picture is {width}x{height}")));
    }
    let (width, height) = displayed(raw, width, height);
    Ok(VideoStream {
        index: raw.index,
        codec,
        width,
        height,
        duration_secs: raw.duration_secs(),
        rate: FrameRate::choose(&raw.avg_frame_rate, &raw.r_frame_rate),
        is_late: raw.is_late(format),
        interlaced: matches!(raw.field_order.as_deref(), Some("tt" | "bb" | "tb" | "bt")),
    })
}

/// Applies the pixel aspect, then the rotation.
fn displayed(raw: &RawStream, width: u32, height: u32) -> (u32, u32) {
    let aspect = raw.sample_aspect_ratio.as_deref().and_then(|text| fraction(text, ':'));
    let width = match aspect {
        Some(ratio) if (0.1..10.0).contains(&ratio) => (f64::from(width) * ratio).round() as u32,
        _ => width,
    };
    let turned = raw.side_data_list.iter().find_map(|data| data.rotation).unwrap_or(0.0);
    let turned = raw.tags.rotate.as_deref().and_then(|text| text.parse().ok()).unwrap_or(turned);
    if (turned.abs() % 180.0 - 90.0).abs() < 1.0 { (height, width) } else { (width, height) }
}

fn audio_stream(raw: &RawStream, format: &RawFormat) -> Result<AudioStream, PackError> {
    Ok(AudioStream {
        index: raw.index,
        codec: known_codec("audio", raw)?,
        profile: raw.profile.clone().unwrap_or_default(),
        channels: raw.channels.unwrap_or(2),
        is_late: raw.is_late(format),
        sample_rate: raw.sample_rate.as_deref().and_then(|rate| rate.parse().ok()).unwrap_or(48_000),
        language: raw.tags.language(),
        title: raw.tags.title.clone(),
    })
}

fn subtitle_stream(raw: &RawStream) -> SubtitleStream {
    SubtitleStream {
        index: raw.index,
        codec: raw.codec_name.clone().unwrap_or_default(),
        language: raw.tags.language(),
        title: raw.tags.title.clone(),
    }
}

fn known_codec(kind: &'static str, raw: &RawStream) -> Result<String, PackError> {
    match raw.codec_name.as_deref() {
        Some(codec) if codec != "unknown" && codec != "none" => Ok(codec.to_owned()),
        _ => Err(PackError::CodecUnknown {
            kind,
            codec: raw.codec_tag_string.clone().unwrap_or_else(|| "unknown".into()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotation_and_pixel_aspect_change_the_displayed_size() {
        let mut raw = RawStream { sample_aspect_ratio: Some("64:45".into()), ..RawStream::default() };
        assert_eq!(displayed(&raw, 720, 576), (1024, 576));
        raw.sample_aspect_ratio = Some("0:1".into());
        raw.side_data_list = vec![raw::RawSideData { rotation: Some(-90.0) }];
        assert_eq!(displayed(&raw, 640, 360), (360, 640));
        raw.side_data_list = vec![raw::RawSideData { rotation: Some(180.0) }];
        assert_eq!(displayed(&raw, 640, 360), (640, 360));
    }
}
