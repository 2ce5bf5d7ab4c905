//! Which engine wraps: `[kms] engine`.

use super::{Kms, LocalKeyring, RootKeyError};
use crate::config::{Config, KmsEngine};

/// The KMS can't be used as it is configured. Each message says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KmsOpenError {
    /// The local keyring's root key.
    #[error(transparent)]
    RootKey(#[from] RootKeyError),
    /// Another engine's configuration, module or credentials: what and what to do.
    #[error("the KMS engine {engine} can't be used: {cause}")]
    Engine {
        /// As in the configuration.
        engine: &'static str,
        /// Never holds a secret.
        cause: String,
    },
}

/// Opens the engine of `config`. An engine that merely does not answer now is no error here: it may answer later.
pub async fn open_kms(config: &Config, database_exists: bool) -> Result<Box<dyn Kms>, KmsOpenError> {
    engine(config, config.kms.engine, database_exists).await
}

/// One arm an engine.
async fn engine(config: &Config, engine: KmsEngine, database_exists: bool) -> Result<Box<dyn Kms>, KmsOpenError> {
    let not_built_in = |engine| KmsOpenError::Engine { engine, cause: "it is not built in".to_owned() };
    match engine {
        KmsEngine::Local => Ok(Box::new(LocalKeyring::open_or_create(&config.root_key_file(), database_exists)?)),
        KmsEngine::Pkcs11 => Err(not_built_in("pkcs11")),
        KmsEngine::Aws => Err(not_built_in("aws")),
        KmsEngine::Vault => Err(not_built_in("vault")),
    }
}
