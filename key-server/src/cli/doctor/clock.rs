//! This machine's clock: signatures, sessions and URL tokens expire by it.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::finding::Findings;
use super::peers::PeerTime;
use super::worker::said;

const CHECK: &str = "clock";
const WARN_SECS: f64 = 2.0;
/// S3 refuses requests at fifteen minutes; a player's signature may be good for one.
const PROBLEM_SECS: f64 = 30.0;
const SYNCHRONISE: &str = "synchronise this machine by NTP: systemd-timesyncd or chrony";

/// Both clocks of this machine as the doctor began.
pub(super) struct Watch {
    steady: Instant,
    wall: SystemTime,
}

impl Watch {
    pub(super) fn start() -> Self {
        Self { steady: Instant::now(), wall: SystemTime::now() }
    }

    /// How far the wall clock was moved meanwhile.
    fn moved(&self) -> Duration {
        let (steady, wall) = (self.steady.elapsed(), self.wall.elapsed());
        wall.map_or_else(|back| back.duration() + steady, |wall| wall.abs_diff(steady))
    }
}

pub(super) async fn look(watch: Watch, times: &[PeerTime], findings: &mut Findings) {
    for PeerTime { name, ahead_secs, unsure_secs } in times {
        let apart = (ahead_secs.abs() - unsure_secs).max(0.0);
        let what = format!(
            "this machine is {:.0} s {} {name}",
            ahead_secs.abs(),
            if *ahead_secs > 0.0 { "behind" } else { "ahead of" }
        );
        if apart > PROBLEM_SECS {
            findings.problem(CHECK, what, SYNCHRONISE);
        } else if apart > WARN_SECS {
            findings.warning(CHECK, what, SYNCHRONISE);
        } else {
            findings.ok(CHECK, format!("agrees with {name}, to {unsure_secs:.1} s"));
        }
    }
    let moved = watch.moved();
    if moved > Duration::from_secs(1) {
        let what = format!("it was moved by {} s while this looked", moved.as_secs());
        findings.warning(CHECK, what, "let NTP slew it, and look for who else sets it: a hypervisor for example");
    }
    match said(Path::new("timedatectl"), &["show", "-p", "NTPSynchronized", "--value"]).await.as_deref().map(str::trim)
    {
        Some("yes") => findings.ok(CHECK, "the system says that it is synchronised"),
        Some("no") => findings.warning(CHECK, "the system says that it is not synchronised", SYNCHRONISE),
        _ => findings.skipped(CHECK, "whether it is synchronised, the system does not tell here"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_moved_in_either_direction_is_noticed() {
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        let moved = |wall: SystemTime| Watch { steady: Instant::now(), wall }.moved();
        assert!(Watch::start().moved() < second);
        for wall in [SystemTime::now() - minute, SystemTime::now() + minute] {
            assert!(moved(wall).abs_diff(minute) < second);
        }
    }
}
