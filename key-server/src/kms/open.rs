//! Which engine wraps: `[kms] engine`.

use std::sync::Arc;

use super::meter::KmsMeter;
use super::{
    AwsKms, Cached, Engines, Existing, Guarded, Kms, LocalKeyring, LocalKmsError, Pkcs11Kms, RootKeySource, VaultKms,
    tag,
};
use crate::config::{Config, KmsConfig, KmsEngine};
use crate::metrics::Metrics;
use crate::store::{Store, StoreError};

/// The KMS can't be used as it is configured. Each message says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KmsOpenError {
    /// The local keyring.
    #[error(transparent)]
    Local(#[from] LocalKmsError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another engine's configuration, module or credentials: what and what to do.
    #[error("the KMS engine {engine} can't be used: {cause}")]
    Engine {
        /// As in the configuration.
        engine: &'static str,
        /// Never holds a secret.
        cause: String,
    },
}

/// Opens the engines of `config`, bare: [`protect`] comes before use. An engine that merely does not answer now is no
/// error here: it may answer later.
pub async fn open_kms(config: &Config, store: &Store) -> Result<Box<dyn Kms>, KmsOpenError> {
    let current = engine(config, config.kms.engine, store).await?;
    let Some(previous) = config.kms.previous_engine else { return Ok(current) };
    Ok(Box::new(Engines::new(current, Some(engine(config, previous, store).await?))))
}

/// Puts timeout, circuit breaker and cache around an engine. Calls past the cache are counted, where anybody asks.
#[must_use]
pub(crate) fn protect(engine: Box<dyn Kms>, config: &KmsConfig, metrics: Option<&Arc<Metrics>>) -> Box<dyn Kms> {
    let meter = metrics.map(|metrics| KmsMeter::new(Arc::clone(metrics), config.engine));
    Box::new(Cached::new(Box::new(Guarded::new(engine, config.timeout()).measured(meter)), config))
}

/// One arm an engine.
async fn engine(config: &Config, engine: KmsEngine, store: &Store) -> Result<Box<dyn Kms>, KmsOpenError> {
    let kms = &config.kms;
    // A little less than its guard waits: an engine that gives up by itself says why.
    let timeout = kms.timeout() * 9 / 10;
    let unfit = |engine| move |cause| KmsOpenError::Engine { engine, cause };
    match engine {
        KmsEngine::Local => Ok(Box::new(open_local(config, store).await?)),
        KmsEngine::Pkcs11 => Ok(Box::new(Pkcs11Kms::open(&kms.pkcs11, timeout).map_err(unfit("pkcs11"))?)),
        KmsEngine::Aws => Ok(Box::new(AwsKms::open(&kms.aws, timeout, variables()).map_err(unfit("aws"))?)),
        KmsEngine::Vault => Ok(Box::new(VaultKms::open(&kms.vault, timeout).map_err(unfit("vault"))?)),
    }
}

/// Of the environment, but for those that are no text.
fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// The local keyring, made at the first start.
pub async fn open_local(config: &Config, store: &Store) -> Result<LocalKeyring, KmsOpenError> {
    let (path, source) = (config.keyring_file(), RootKeySource::of(config));
    // Asked before the file is looked for again: a keyring that another process makes meanwhile is found then.
    let existing = if path.exists() {
        Existing::default()
    } else {
        Existing {
            under_root_key: store.count_ciphertexts_starting(&[tag::ROOT_KEY]).await? > 0,
            under_keyring: store.count_ciphertexts_starting(&[tag::LOCAL]).await? > 0,
        }
    };
    let opened = tokio::task::spawn_blocking(move || LocalKeyring::open(&path, &source, existing)).await;
    let stopped = |_| KmsOpenError::Engine { engine: "local", cause: "it was stopped while it opened".to_owned() };
    Ok(opened.map_err(stopped)??)
}
