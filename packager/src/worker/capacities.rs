//! What this machine has for a worker: memory, and the encoders that its ffmpeg has and that really work.

use std::{process::Stdio, time::Duration};

use futures_util::future::join_all;
use keyveil_protocol::worker::{SOFTWARE_ENCODER, WorkKind};
use tokio::{io::AsyncReadExt, process::Command, time::timeout};

use crate::ffmpeg;

/// Hardware encoders of H.264. None of them is normal.
const HARDWARE_ENCODERS: [&str; 5] = ["h264_nvenc", "h264_vaapi", "h264_qsv", "h264_videotoolbox", "h264_v4l2m2m"];
/// A driver that hangs is no encoder.
const TRIAL_MAX: Duration = Duration::from_secs(10);
const LIST_BYTES_MAX: u64 = 1 << 20;
/// The first GPU. Where there is another one, h264_vaapi is not found.
const VAAPI_DEVICE: &str = "/dev/dri/renderD128";

/// What is looked for once; what is missing may be looked for again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Capacities {
    pub memory_bytes: Option<u64>,
    /// Tried, each by a few frames.
    pub encoders: Vec<String>,
}

impl Capacities {
    pub(super) async fn look() -> Self {
        let listed = listed().await;
        let candidates = [SOFTWARE_ENCODER].into_iter().chain(HARDWARE_ENCODERS);
        let trials = candidates.filter(|name| listed.iter().any(|listed| listed == name));
        let trials = trials.map(|name| async move { works(name).await.then(|| name.to_owned()) });
        let encoders = join_all(trials).await.into_iter().flatten().collect();
        Self { memory_bytes: memory_bytes(), encoders }
    }

    /// Whether it can make whatever a workflow asks for.
    pub(super) fn is_complete(&self) -> bool {
        self.encoders.iter().any(|encoder| encoder == SOFTWARE_ENCODER)
    }

    /// To encrypt anew takes no ffmpeg.
    pub(super) fn kinds(&self) -> Vec<WorkKind> {
        if self.encoders.is_empty() { vec![WorkKind::Reencrypt] } else { vec![WorkKind::Package, WorkKind::Reencrypt] }
    }
}

/// Names of all video encoders that ffmpeg says it has; none without ffmpeg.
async fn listed() -> Vec<String> {
    let mut command = Command::new("ffmpeg");
    ffmpeg::harden(&mut command);
    command.args(["-hide_banner", "-nostdin", "-encoders"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let list = async {
        let mut child = command.spawn()?;
        let mut text = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            stdout.take(LIST_BYTES_MAX).read_to_end(&mut text).await?;
        }
        child.wait().await?;
        Ok::<_, std::io::Error>(text)
    };
    match timeout(TRIAL_MAX, list).await {
        Ok(Ok(text)) => names(&String::from_utf8_lossy(&text)),
        _ => Vec::new(),
    }
}

/// Lines are ` V....D libx264   libx264 H.264 …`.
fn names(list: &str) -> Vec<String> {
    let words = list.lines().map(|line| line.split_whitespace());
    words
        .filter_map(|mut words| match (words.next(), words.next()) {
            (Some(flags), Some(name)) if flags.starts_with('V') => Some(name.to_owned()),
            _ => None,
        })
        .collect()
}

/// Encodes a few black frames to nowhere.
async fn works(encoder: &str) -> bool {
    let mut command = Command::new("ffmpeg");
    ffmpeg::harden(&mut command);
    command.args(["-hide_banner", "-nostdin", "-loglevel", "quiet"]);
    let is_vaapi = encoder == "h264_vaapi";
    if is_vaapi {
        command.args(["-vaapi_device", VAAPI_DEVICE]);
    }
    command.args(["-f", "lavfi", "-i", "color=black:size=320x240:rate=25:duration=0.2"]);
    command.args(["-vf", if is_vaapi { "format=nv12,hwupload" } else { "format=nv12" }]);
    command.args(["-c:v", encoder, "-f", "null", "-"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let Ok(mut child) = command.spawn() else { return false };
    let ended = timeout(TRIAL_MAX, child.wait()).await;
    matches!(ended, Ok(Ok(status)) if status.success())
}

/// The machine's memory, or less where a control group allows less.
#[cfg(target_os = "linux")]
fn memory_bytes() -> Option<u64> {
    let info = rustix::system::sysinfo();
    let whole = u64::from(info.mem_unit).checked_mul(info.totalram)?;
    let allowed = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let allowed = allowed.and_then(|text| text.trim().parse().ok()).unwrap_or(u64::MAX);
    Some(whole.min(allowed))
}

#[cfg(not(target_os = "linux"))]
fn memory_bytes() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoders_are_read_from_ffmpegs_list() {
        let list = "Encoders:\n V..... = Video\n ------\n V....D libx264              libx264 H.264\n A....D aac   AAC\n\
                     \x20V....D h264_nvenc           NVIDIA NVENC\nV\n";
        assert_eq!(names(list), ["=", "libx264", "h264_nvenc"]);
        assert!(names("").is_empty());
    }

    #[tokio::test]
    async fn an_encoder_that_is_none_does_not_work() {
        assert!(!works("h264_nothing").await);
        assert!(works(SOFTWARE_ENCODER).await, "the control");
    }
}
