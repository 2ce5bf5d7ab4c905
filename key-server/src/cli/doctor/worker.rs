//! What the server's own worker needs.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::finding::Findings;
use crate::config::Config;
use crate::local_worker::find_packager;

const CHECK: &str = "worker";
const TIMEOUT: Duration = Duration::from_secs(10);
/// What packaging encodes pictures and sound with.
const ENCODERS: [&str; 2] = [" libx264 ", " aac "];

pub(super) async fn look(config: &Config, findings: &mut Findings) {
    if !config.workers.local {
        findings.skipped(CHECK, "workers.local is off: others do the work");
        return;
    }
    match find_packager(config.workers.packager.as_deref()) {
        Some(packager) if said(&packager, &["--version"]).await.is_some() => {}
        Some(packager) => findings.problem(
            CHECK,
            format!("{} does not run", packager.display()),
            "install the packager of this release, and let the server's user run it",
        ),
        None => findings.problem(
            CHECK,
            "the packager was not found: uploads wait for ever",
            "put `packager` beside key-server or on the path, or set workers.packager; workers.local = false where other machines work",
        ),
    }
    if said(Path::new("ffprobe"), &["-version"]).await.is_none() {
        findings.problem(CHECK, "ffprobe is not on the path, or does not run", "apt-get install ffmpeg");
    }
    match said(Path::new("ffmpeg"), &["-hide_banner", "-encoders"]).await {
        None => findings.problem(CHECK, "ffmpeg is not on the path, or does not run", "apt-get install ffmpeg"),
        Some(encoders) => {
            for encoder in ENCODERS.iter().filter(|encoder| !encoders.contains(**encoder)) {
                let what = format!("ffmpeg has no encoder{}", encoder.trim_end());
                findings.problem(CHECK, what, "install an ffmpeg that has it, as Debian's does");
            }
        }
    }
    if findings.is_fine(CHECK) {
        findings.ok(CHECK, "packager, ffmpeg and ffprobe run, with the encoders that are needed");
    }
}

/// What a program wrote to standard output; none where it does not run, or not to a good end.
pub(super) async fn said(program: &Path, args: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(TIMEOUT, command.output()).await.ok()?.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
