use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::Config;

/// `[uploads]`: sources on their way in. How large they may be is a matter of each application.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploadsConfig {
    /// A request that brings no byte for this long is taken as broken off; what it brought before is kept.
    pub idle_timeout_secs: u64,
    /// An upload that is left alone for this long is swept.
    pub expire_secs: u64,
}

impl Default for UploadsConfig {
    fn default() -> Self {
        Self { idle_timeout_secs: 30, expire_secs: 24 * 3600 }
    }
}

impl UploadsConfig {
    /// The longest silence inside a request.
    #[must_use]
    pub fn idle_timeout(&self) -> Duration {
        Duration::from_secs(self.idle_timeout_secs)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if !(1..=600).contains(&self.idle_timeout_secs) {
            return Err("uploads.idle_timeout_secs must be 1 … 600".to_owned());
        }
        if !(60..=30 * 24 * 3600).contains(&self.expire_secs) {
            return Err("uploads.expire_secs must be 60 … 2592000".to_owned());
        }
        Ok(())
    }
}

impl Config {
    /// Where sources lie, encrypted.
    #[must_use]
    pub fn uploads_dir(&self) -> PathBuf {
        self.data.dir.join("uploads")
    }
}
