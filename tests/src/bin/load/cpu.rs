//! Processor time, as the kernel counts it.

use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

/// What `sysconf(_SC_CLK_TCK)` is on every Linux.
const TICKS_PER_SEC: u64 = 100;

/// User and system time of a process and of all that it started.
pub(crate) fn of_process(pid: u32) -> Result<Duration> {
    let malformed = || Error::new(ErrorKind::InvalidData, "/proc/<pid>/stat");
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name before the last bracket may hold anything.
    let (_, fields) = stat.rsplit_once(')').ok_or_else(malformed)?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).ok_or_else(malformed);
    let own = Duration::from_millis((ticks(11)? + ticks(12)?) * 1000 / TICKS_PER_SEC);
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    children.split_ascii_whitespace().filter_map(|child| child.parse().ok()).map(of_process).try_fold(
        own,
        |sum, child| {
            // One that has just ended takes its time along.
            Ok(sum + child.unwrap_or_default())
        },
    )
}

/// Time on a processor of the calling thread.
pub(crate) fn of_thread() -> Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let first = text.split_ascii_whitespace().next().and_then(|nanos| nanos.parse().ok());
    first.map(Duration::from_nanos).ok_or_else(|| Error::new(ErrorKind::InvalidData, "/proc/thread-self/schedstat"))
}

/// Resident memory in KiB: now, and the most there was.
pub(crate) fn memory_kib(pid: u32) -> Result<(u64, u64)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_ascii_whitespace().next()).and_then(|value| value.parse().ok()).unwrap_or(0)
    };
    Ok((field("VmRSS:"), field("VmHWM:")))
}
