use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use crate::pacing::{Rules, Threshold};

const POINTS_MAX: u32 = 100;
const SECS_MAX: u64 = 3600;

/// `[pacing]`: how fast keys are released, and what follows from what looks like theft (docs/PACING.md).
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PacingConfig {
    /// Whether anything is counted at all.
    pub mode: PacingMode,
    /// The score from which on a session is told of.
    pub log: Threshold,
    /// The score from which on new keys have to wait.
    pub throttle: Threshold,
    /// The score from which on the session ends.
    pub revoke: Threshold,
    /// Media time per wall time that nobody is asked about.
    pub speed: f64,
    /// What the SDK's player buffers.
    pub look_ahead_secs: u64,
    /// What players of standard titles buffer.
    pub standard_look_ahead_secs: u64,
    /// Media time beyond playing and buffering that seeks may take.
    pub seek_allowance_secs: u64,
}

/// Whether keys are paced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PacingMode {
    /// Nothing is counted, slowed or suspected, whatever the thresholds.
    Off,
    /// The thresholds hold. Players have to wait for `Retry-After`.
    #[default]
    On,
}

impl Default for PacingConfig {
    fn default() -> Self {
        Self {
            mode: PacingMode::On,
            log: Threshold::At(30),
            throttle: Threshold::At(60),
            revoke: Threshold::Off,
            speed: 2.25,
            look_ahead_secs: 60,
            standard_look_ahead_secs: 600,
            seek_allowance_secs: 1800,
        }
    }
}

impl PacingConfig {
    pub(super) fn check(&self) -> Result<(), String> {
        for (name, threshold) in [("log", self.log), ("throttle", self.throttle), ("revoke", self.revoke)] {
            if matches!(threshold, Threshold::At(points) if !(1..=POINTS_MAX).contains(&points)) {
                return Err(format!("pacing.{name} must be 1 … {POINTS_MAX}, or \"off\""));
            }
        }
        if !(1.0..=16.0).contains(&self.speed) {
            return Err("pacing.speed must be 1 … 16".to_owned());
        }
        for (name, secs) in [
            ("look_ahead_secs", self.look_ahead_secs),
            ("standard_look_ahead_secs", self.standard_look_ahead_secs),
            ("seek_allowance_secs", self.seek_allowance_secs),
        ] {
            if secs > SECS_MAX {
                return Err(format!("pacing.{name} must be 0 … {SECS_MAX}"));
            }
        }
        Ok(())
    }

    /// For private titles.
    pub(crate) fn rules(&self) -> Rules {
        Rules { limits_runs: true, ..self.with_look_ahead(self.look_ahead_secs) }
    }

    pub(crate) fn standard_rules(&self) -> Rules {
        self.with_look_ahead(self.standard_look_ahead_secs)
    }

    fn with_look_ahead(&self, secs: u64) -> Rules {
        // Checked to be 1 … 16.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1000 … 16000")]
        let speed = (self.speed * 1000.0).round() as u64;
        let [log, throttle, revoke] = match self.mode {
            PacingMode::Off => [Threshold::Off; 3],
            PacingMode::On => [self.log, self.throttle, self.revoke],
        };
        Rules {
            log,
            throttle,
            revoke,
            speed,
            look_ahead_ms: secs.saturating_mul(1000),
            seek_allowance_ms: self.seek_allowance_secs.saturating_mul(1000),
            limits_runs: false,
        }
    }
}

/// A number, `"off"`, or a number as text: variables have no other type.
impl<'de> Deserialize<'de> for Threshold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Points;
        impl Visitor<'_> for Points {
            type Value = Threshold;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("1 … 100, or \"off\"")
            }

            fn visit_i64<E: Error>(self, points: i64) -> Result<Threshold, E> {
                u32::try_from(points).map(Threshold::At).map_err(|_| E::custom("out of range"))
            }

            fn visit_u64<E: Error>(self, points: u64) -> Result<Threshold, E> {
                u32::try_from(points).map(Threshold::At).map_err(|_| E::custom("out of range"))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Threshold, E> {
                if text == "off" {
                    return Ok(Threshold::Off);
                }
                text.parse().map(Threshold::At).map_err(|_| E::custom("neither 1 … 100 nor \"off\""))
            }
        }
        deserializer.deserialize_any(Points)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn load(toml: &str, variables: &[(&str, &str)]) -> Option<PacingConfig> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key-server.toml");
        std::fs::write(&file, format!("[pacing]\n{toml}\n")).unwrap();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::load(Some(&file), variables).ok().map(|config| config.pacing)
    }

    #[test]
    fn a_threshold_is_a_number_or_off_in_the_file_and_in_variables() {
        let config = load("log = 20\nthrottle = \"off\"\nspeed = 3", &[("KEYVEIL_PACING_REVOKE", "90")]).unwrap();
        assert_eq!(
            (config.log, config.throttle, config.revoke),
            (Threshold::At(20), Threshold::Off, Threshold::At(90))
        );
        assert_eq!(config.rules().speed, 3000);
        assert_eq!(config.standard_rules().look_ahead_ms, 600_000);
        let all_off = ["LOG", "THROTTLE", "REVOKE"].map(|name| format!("KEYVEIL_PACING_{name}"));
        let all_off: Vec<_> = all_off.iter().map(|name| (name.as_str(), "off")).collect();
        assert!(load("mode = \"on\"", &all_off).unwrap().rules().are_off());
    }

    #[test]
    fn keys_are_paced_until_that_is_switched_off() {
        let are_off = |config: PacingConfig| config.rules().are_off() && config.standard_rules().are_off();
        assert!(are_off(load("", &[("KEYVEIL_PACING_MODE", "off")]).unwrap()));
        assert!(are_off(load("mode = \"off\"\nlog = 1\nthrottle = 1\nrevoke = 1", &[]).unwrap()));
        for config in [load("", &[]).unwrap(), load("mode = \"on\"", &[]).unwrap()] {
            let rules = config.rules();
            assert_eq!(
                (rules.log, rules.throttle, rules.revoke),
                (Threshold::At(30), Threshold::At(60), Threshold::Off)
            );
            assert_eq!((rules.look_ahead_ms, rules.seek_allowance_ms, rules.limits_runs), (60_000, 1_800_000, true));
            let standard = config.standard_rules();
            assert!(!standard.are_off());
            assert_eq!((standard.look_ahead_ms, standard.limits_runs), (600_000, false));
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for toml in [
            "mode = \"log\"",
            "mode = true",
            "log = 0",
            "log = 101",
            "log = -1",
            "log = \"on\"",
            "throttle = 1.5",
            "speed = 0.9",
            "speed = 17",
            "speed = nan",
            "look_ahead_secs = 3601",
            "standard_look_ahead_secs = 3601",
            "seek_allowance_secs = 3601",
            "lok = 1",
        ] {
            assert!(load(toml, &[]).is_none(), "{toml}");
        }
        assert!(load("log = 1\nspeed = 1\nlook_ahead_secs = 0\nseek_allowance_secs = 0", &[]).is_some());
    }
}
