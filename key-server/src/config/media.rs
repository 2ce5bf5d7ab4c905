use std::path::PathBuf;

use serde::Deserialize;

use super::Config;

/// `[media]`: where packaged media lies.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MediaConfig {
    /// One folder per file id; `<data dir>/media` when absent.
    pub dir: Option<PathBuf>,
}

impl Config {
    /// The media folder.
    #[must_use]
    pub fn media_dir(&self) -> PathBuf {
        self.media.dir.clone().unwrap_or_else(|| self.data.dir.join("media"))
    }
}
