use std::path::PathBuf;

use serde::Deserialize;

use super::Config;

/// `[pages]`: where the console, the player page and the SDK lie.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PagesConfig {
    /// Served at `/`.
    pub www_dir: PathBuf,
    /// Served at `/sdk/`; the first folder that has a file wins. When absent: `<data dir>/sdk` (this installation's own
    /// wasm), then `player-wasm/dist`.
    pub sdk_dirs: Option<Vec<PathBuf>>,
}

impl Default for PagesConfig {
    fn default() -> Self {
        Self { www_dir: PathBuf::from("www/dist"), sdk_dirs: None }
    }
}

impl Config {
    /// The folders of `/sdk/`, in the order they are searched.
    #[must_use]
    pub fn sdk_dirs(&self) -> Vec<PathBuf> {
        match &self.pages.sdk_dirs {
            Some(dirs) => dirs.clone(),
            None => vec![self.data.dir.join("sdk"), PathBuf::from("player-wasm/dist")],
        }
    }
}
