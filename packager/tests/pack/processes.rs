//! Processes that are watched and ended from outside.

use std::{
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::packager::entries;

/// Waits, and fails after a time in which anything must have happened.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "no {what} within 60 s");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Sends a signal by its name, for example `TERM`.
pub(crate) fn signal(process: u32, name: &str) {
    let status = Command::new("kill").args([format!("-{name}"), process.to_string()]).status().unwrap();
    assert!(status.success());
}

/// Process ids of the ffmpegs that read from this source server or this process started.
pub(crate) fn ffmpegs_of(parent: u32) -> Vec<u32> {
    let is_child = |name: &String| {
        let stat = fs::read_to_string(format!("/proc/{name}/stat")).unwrap_or_default();
        // pid (name) state parent: the name may hold blanks.
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        stat.contains("(ffmpeg)") && rest.split_whitespace().nth(1) == Some(parent.to_string().as_str())
    };
    let processes = entries(Path::new("/proc"));
    processes.iter().filter(|name| is_child(name)).filter_map(|name| name.parse().ok()).collect()
}

/// Whether a process still runs; one that ended and was not waited for does not.
pub(crate) fn runs(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    rest.split_whitespace().next().is_some_and(|state| state != "Z")
}
