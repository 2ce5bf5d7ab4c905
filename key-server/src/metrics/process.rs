//! What the system knows of this process.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in whole seconds since 1970: metrics are made when a server starts.
pub(super) fn started_at() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// In bytes; none where the system does not tell it as Linux does.
pub(super) fn resident_memory() -> Option<i64> {
    resident_in(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn resident_in(status: &str) -> Option<i64> {
    let told = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = told.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_in_use_is_read_and_nothing_is_made_up() {
        assert_eq!(resident_in("VmPeak:\t 9 kB\nVmRSS:\t    1234 kB\nThreads:\t1\n"), Some(1_263_616));
        for none in ["", "VmRSS:", "VmRSS:\t12 MB", "VmRSS:\tx kB", "VmRSS: 9223372036854775807 kB"] {
            assert_eq!(resident_in(none), None, "{none}");
        }
        #[cfg(target_os = "linux")]
        assert!(resident_memory().is_some_and(|bytes| bytes > 1 << 20));
    }
}
