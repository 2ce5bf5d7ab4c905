use std::path::PathBuf;

use serde::Deserialize;

use super::Config;

/// `[data]`: the data folder and the root key.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// Holds the database and, unless named elsewhere, root key, media and this installation's SDK.
    pub dir: PathBuf,
    /// The local keyring's root key; `<dir>/root.key` when absent. Keep it out of the database's backups.
    pub root_key_file: Option<PathBuf>,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self { dir: PathBuf::from("./data"), root_key_file: None }
    }
}

impl Config {
    /// The SQLite database.
    #[must_use]
    pub fn database_file(&self) -> PathBuf {
        self.data.dir.join("keyveil.db")
    }

    /// The local keyring.
    #[must_use]
    pub fn keyring_file(&self) -> PathBuf {
        self.data.dir.join("keyring.json")
    }

    /// The local keyring's root key, where it is a file.
    #[must_use]
    pub fn root_key_file(&self) -> PathBuf {
        let named = self.kms.local.root_key_file.clone().or_else(|| self.data.root_key_file.clone());
        named.unwrap_or_else(|| self.data.dir.join("root.key"))
    }
}
