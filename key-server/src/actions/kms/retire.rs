use serde_json::json;

use crate::kms::{KeyringError, LocalKeyring, LocalKmsError, RootKeySource, tag};
use crate::store::{AuditEvent, AuditKind, Store, StoreError};

/// A key of the local keyring stays as it is. Each message says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Without it they would be lost.
    #[error("{count} secrets are still under {key}: run `key-server kms rotate` first")]
    InUse {
        /// Which key.
        key: String,
        /// How many secrets.
        count: u64,
    },
    /// The keyring or its root key.
    #[error(transparent)]
    Local(#[from] LocalKmsError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<KeyringError> for KeyError {
    fn from(error: KeyringError) -> Self {
        Self::Local(error.into())
    }
}

/// Forgets a version of the local keyring that no ciphertext is under.
pub async fn retire(store: &Store, keyring: &LocalKeyring, version: u32, now: u64) -> Result<(), KeyError> {
    keyring.check_retirable(version, now)?;
    // Held until it is done: nothing is written under the version in between.
    let mut write = store.write().await?;
    let prefix = LocalKeyring::prefix(version);
    refuse_while_used(store, &prefix, format!("version {version}")).await?;
    let event = AuditEvent::new(AuditKind::KmsKeyRetired, json!({ "by": by(), "version": version }));
    // Before the keyring, which no transaction takes back: a log that can't be written keeps it as it is.
    write.append_audit(&event, crate::clock::stored(now)).await?;
    keyring.retire(version, now)?;
    Ok(write.commit().await?)
}

/// Wraps the local keyring under another root key. The configuration has to name it from then on.
pub async fn change_root_key(
    store: &Store,
    keyring: &LocalKeyring,
    new: &RootKeySource,
    now: i64,
) -> Result<(), KeyError> {
    let mut write = store.write().await?;
    refuse_while_used(store, &[tag::ROOT_KEY], "the root key itself".to_owned()).await?;
    write.append_audit(&AuditEvent::new(AuditKind::RootKeyChanged, json!({ "by": by() })), now).await?;
    keyring.change_root_key(new)?;
    Ok(write.commit().await?)
}

async fn refuse_while_used(store: &Store, prefix: &[u8], key: String) -> Result<(), KeyError> {
    match store.count_ciphertexts_starting(prefix).await? {
        0 => Ok(()),
        count => Err(KeyError::InUse { key, count }),
    }
}

pub(super) fn by() -> serde_json::Value {
    json!({ "commandLine": true })
}
