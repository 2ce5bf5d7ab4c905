use std::path::PathBuf;

use serde::Deserialize;

/// `[workers]`: the worker that the server starts itself. Others start theirs with a key of `key-server worker create`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkersConfig {
    /// Whether there is one.
    pub local: bool,
    /// Encoder threads; 0 means all of this machine's processors.
    pub cpus: u32,
    /// The packager's binary; when absent, the one beside this program, else the one on the path.
    pub packager: Option<PathBuf>,
}

impl Default for WorkersConfig {
    fn default() -> Self {
        Self { local: true, cpus: 0, packager: None }
    }
}

impl WorkersConfig {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.cpus <= 512 { Ok(()) } else { Err("workers.cpus must be 0 … 512".to_owned()) }
    }
}
