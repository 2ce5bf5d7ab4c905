use std::collections::BTreeMap;

use serde::Serialize;

use crate::kms::{Kms, KmsContext, KmsError};
use crate::store::{CIPHERTEXT_COLUMNS, Store, StoreError};

const PAGE: u32 = 1024;

/// How the KMS stands.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Whether the engine wraps and opens.
    pub answers: bool,
    /// Every key that ciphertexts name, by name.
    pub keys: Vec<KeyCount>,
}

/// The ciphertexts under one key.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyCount {
    /// As the engine names it; `unknown` is of no engine that is configured.
    pub key: String,
    /// How many.
    pub secrets: u64,
}

/// Asks the engine, and counts the ciphertexts of the database by key.
pub async fn status(store: &Store, kms: &dyn Kms) -> Result<Status, StoreError> {
    let mut keys = BTreeMap::new();
    for column in CIPHERTEXT_COLUMNS {
        let mut after = None;
        loop {
            let rows = store.ciphertexts(column, after.as_ref(), PAGE).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.key().clone());
            for row in &rows {
                let key = kms.key_name(&row.ciphertext).unwrap_or_else(|| "unknown".to_owned());
                *keys.entry(key).or_insert(0) += 1;
            }
        }
    }
    let keys = keys.into_iter().map(|(key, secrets)| KeyCount { key, secrets }).collect();
    Ok(Status { answers: answers(kms).await.is_ok(), keys })
}

/// A round trip that leaves nothing behind.
pub(crate) async fn answers(kms: &dyn Kms) -> Result<(), KmsError> {
    const PROBE: &[u8] = b"ready?";
    let ciphertext = kms.encrypt(PROBE, &KmsContext::Probe).await?;
    if kms.decrypt(&ciphertext, &KmsContext::Probe).await?.as_slice() != PROBE {
        return Err(KmsError::UNAVAILABLE);
    }
    Ok(())
}
