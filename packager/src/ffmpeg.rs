//! ffmpeg's command line. One process decodes the input once and sends every rendition to the receiver by HTTP PUT, so
//! that no clear media is ever a file.

use std::{
    ffi::{OsStr, OsString},
    io,
};

use keyveil_protocol::Container;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
};

use crate::{
    error::PackError,
    input::Input,
    plan::{EncoderThreads, Making, Plan, PlannedRendition},
};

/// What is kept of a program's complaints.
const COMPLAINT_BYTES_MAX: usize = 8 * 1024;
/// TS timestamps start this much later, so that no frame before time 0 makes the muxer shift one rendition alone.
const TS_OFFSET_SECS: u32 = 1;
/// When the first frame of a TS rendition is shown, in 90 kHz ticks: the offset and the muxer's own 1.4 s.
pub(crate) const TS_START_TICKS: u32 = TS_OFFSET_SECS * 90_000 + 126_000;

/// The whole command line but the program's name. `base` is the receiver's address, with its secret path.
pub(crate) fn arguments(plan: &Plan, input: &Input, base: &str) -> Result<Vec<OsString>, PackError> {
    let mut arguments = Arguments::default();
    arguments.add(["-hide_banner", "-nostdin", "-nostats", "-loglevel", "warning", "-y"]);
    // One report to the pipe twice a second; see `run`.
    arguments.add(["-progress", "pipe:1", "-stats_period", "0.5"]);
    if let EncoderThreads::Shared(threads) = plan.choices.threads {
        // Decoder and filters keep to the budget too.
        let threads = threads.to_string();
        arguments.add(["-filter_complex_threads", &threads, "-threads", &threads]);
    }
    // What comes too late is not read: filters would fill the time before it.
    arguments.add(["-t", &plan.secs_max.to_string()]);
    arguments.0.extend(input.arguments()?);
    if let Some(graph) = filter_graph(plan) {
        arguments.add(["-filter_complex", &graph]);
    }
    for rendition in &plan.renditions {
        arguments.add_output(plan, rendition, base);
    }
    Ok(arguments.0)
}

/// Takes out of the environment what could send clear media elsewhere or write a report to disk, and what is a secret: a
/// decoder reads a stranger's file.
pub(crate) fn harden(command: &mut Command) {
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "FFREPORT"] {
        command.env_remove(name);
    }
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"KEYVEIL_")) {
        command.env_remove(name);
    }
    command.env("no_proxy", "127.0.0.1").env("AV_LOG_FORCE_NOCOLOR", "1");
    // Its own process group: a Ctrl-C on the terminal reaches the packager, which then ends it.
    command.process_group(0).kill_on_drop(true);
}

pub(crate) fn spawn_failure(program: &'static str, error: &io::Error) -> PackError {
    match error.kind() {
        io::ErrorKind::NotFound => PackError::FfmpegMissing(program),
        _ => PackError::FfmpegFailed(format!("{program} did not start: {error}")),
    }
}

/// Reads a program's complaints to their end and keeps the last of them.
pub(crate) async fn tail(mut stream: impl AsyncRead + Unpin) -> String {
    let (mut kept, mut chunk) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut chunk).await {
        kept.extend_from_slice(&chunk[..read]);
        if kept.len() > 2 * COMPLAINT_BYTES_MAX {
            kept.drain(..kept.len() - COMPLAINT_BYTES_MAX);
        }
    }
    let from = kept.len().saturating_sub(COMPLAINT_BYTES_MAX);
    String::from_utf8_lossy(&kept[from..]).into_owned()
}

/// Decode once, make the frame rate constant from time 0 on, then scale once per rung.
fn filter_graph(plan: &Plan) -> Option<String> {
    let rungs: Vec<_> = plan
        .renditions
        .iter()
        .filter_map(|rendition| match rendition.making {
            Making::EncodeVideo { width, height, .. } => Some((rendition, width, height)),
            _ => None,
        })
        .collect();
    let (first, ..) = rungs.first()?;
    let mut graph = format!("[0:{}]", first.stream_index);
    if plan.interlaced {
        graph.push_str("yadif=deint=interlaced,");
    }
    let (numerator, denominator) = (plan.rate.numerator, plan.rate.denominator);
    graph.push_str(&format!("fps={numerator}/{denominator}:start_time=0,split={}", rungs.len()));
    for (rendition, ..) in &rungs {
        graph.push_str(&format!("[in{}]", rendition.rendition));
    }
    for (rendition, width, height) in &rungs {
        let number = rendition.rendition;
        graph.push_str(&format!(
            ";[in{number}]scale={width}:{height}:flags=bicubic+accurate_rnd,setsar=1,format=yuv420p[out{number}]"
        ));
    }
    Some(graph)
}

/// Encoded streams are filled up from time 0; copied ones may start later.
fn starts_late(rendition: &PlannedRendition) -> bool {
    match rendition.making {
        Making::CopyVideo { is_late, .. } | Making::CopyAudio { is_late, .. } => is_late,
        _ => false,
    }
}

#[derive(Default)]
struct Arguments(Vec<OsString>);

impl Arguments {
    fn add<T: AsRef<OsStr>>(&mut self, texts: impl IntoIterator<Item = T>) {
        self.0.extend(texts.into_iter().map(|text| text.as_ref().to_owned()));
    }

    fn add_output(&mut self, plan: &Plan, rendition: &PlannedRendition, base: &str) {
        let map = match rendition.making {
            Making::EncodeVideo { .. } => format!("[out{}]", rendition.rendition),
            _ => format!("0:{}", rendition.stream_index),
        };
        // Here too, since a first frame that comes late is filled up from time 0.
        self.add(["-t", &plan.secs_max.to_string()]);
        self.add(["-map", &map, "-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact"]);
        match &rendition.making {
            Making::EncodeVideo { width, height, bit_rate } => {
                self.add_h264(plan, *bit_rate, plan.threads_of(*width, *height));
            }
            Making::CopyVideo { hevc, .. } => self.add_copied_video(plan, *hevc),
            Making::EncodeAudio { sample_rate, channels } => {
                self.add_aac(plan.choices.audio_bit_rate, *sample_rate, *channels);
            }
            Making::CopyAudio { .. } => self.add_copied_audio(plan),
            Making::Subtitles => {
                let target = format!("{base}/{}/seg-00000.vtt", rendition.folder);
                self.add(["-c:s", "webvtt", "-f", "webvtt", "-method", "PUT", &target]);
                return;
            }
        }
        self.add_hls(plan, rendition, base);
    }

    fn add_h264(&mut self, plan: &Plan, bit_rate: u32, threads: Option<u32>) {
        let seconds = plan.choices.segment_secs;
        self.add(["-c:v", "libx264", "-preset", plan.choices.preset.as_str(), "-profile:v", "high"]);
        // With a bit rate limit, x264's threads see each other's progress, and no two runs decide alike.
        if let Some(threads) = threads {
            self.add(["-threads", &threads.to_string()]);
        }
        self.add(["-b:v", &bit_rate.to_string(), "-maxrate", &(bit_rate / 10 * 11).to_string()]);
        self.add(["-bufsize", &(bit_rate * 2).to_string(), "-flags:v", "+bitexact+cgop"]);
        // Keyframes by time alone, so that they fall on the same frames in every rung.
        self.add(["-g", "100000", "-sc_threshold", "0", "-forced-idr", "1"]);
        self.add(["-force_key_frames", &format!("expr:gte(t,n_forced*{seconds})")]);
    }

    fn add_copied_video(&mut self, plan: &Plan, hevc: bool) {
        self.add(["-c:v", "copy"]);
        if hevc {
            self.add(["-tag:v", "hvc1"]);
        }
        if plan.choices.container == Container::Ts {
            self.add(["-bsf:v", "h264_mp4toannexb"]);
        }
    }

    fn add_aac(&mut self, bit_rate: u32, sample_rate: u32, channels: u32) {
        // Silence fills gaps and a late start: audio begins at time 0 like the video.
        self.add(["-af", "aresample=async=1:first_pts=0", "-c:a", "aac", "-flags:a", "+bitexact"]);
        self.add(["-b:a", &bit_rate.to_string(), "-ar", &sample_rate.to_string()]);
        self.add(["-ac", &channels.to_string()]);
    }

    fn add_copied_audio(&mut self, plan: &Plan) {
        self.add(["-c:a", "copy"]);
        if plan.choices.container == Container::Fmp4 {
            self.add(["-bsf:a", "aac_adtstoasc"]);
        }
    }

    fn add_hls(&mut self, plan: &Plan, rendition: &PlannedRendition, base: &str) {
        let container = plan.choices.container;
        let folder = format!("{base}/{}", rendition.folder);
        // Without persistent connections each PUT ends with its connection; with them ffmpeg 5.1 drops the last ones.
        self.add(["-f", "hls", "-method", "PUT", "-http_persistent", "0", "-hls_playlist_type", "vod"]);
        self.add(["-hls_list_size", "0", "-hls_time", &plan.choices.segment_secs.to_string()]);
        match container {
            // Each rendition keeps its own time 0 in its edit list instead of being shifted.
            Container::Fmp4 => {
                self.add(["-avoid_negative_ts", "disabled", "-hls_segment_type", "fmp4"]);
                self.add(["-hls_fmp4_init_filename", "init.mp4"]);
                if starts_late(rendition) {
                    // Else its start goes into an empty edit, which browsers ignore: put it into the fragments' times.
                    self.add(["-hls_segment_options", "movflags=+frag_discont"]);
                }
            }
            Container::Ts => {
                let offset = TS_OFFSET_SECS.to_string();
                self.add(["-avoid_negative_ts", "disabled", "-output_ts_offset", &offset]);
                self.add(["-hls_segment_type", "mpegts"]);
            }
        }
        let extension = rendition.extension(container);
        self.add(["-hls_segment_filename", &format!("{folder}/seg-%05d.{extension}")]);
        self.add([format!("{folder}/playlist.m3u8")]);
    }
}
