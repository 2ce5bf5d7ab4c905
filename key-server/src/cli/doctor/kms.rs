//! The KMS: whether it wraps and opens, and whether it is the one that this installation was made with.

use super::finding::Findings;
use crate::actions::kms::answers;
use crate::config::{Config, KmsEngine};
use crate::kms::{Kms, KmsContext, KmsOpenError, decrypt_32, open_kms, protect, tag};
use crate::store::{Store, StoreError};

pub(super) const CHECK: &str = "KMS";

pub(super) async fn look(config: &Config, store: &Store, findings: &mut Findings) {
    match open(config, store).await {
        Ok(Some(kms)) => ask(&*protect(kms, &config.kms, None), config, store, findings).await,
        Ok(None) => findings.skipped(CHECK, "there is no keyring yet: the server's next start makes it"),
        Err(error) => {
            findings.problem(CHECK, error.to_string(), "see docs/KMS.md; nothing can be played until it opens")
        }
    }
}

/// None where opening it would make a keyring.
async fn open(config: &Config, store: &Store) -> Result<Option<Box<dyn Kms>>, KmsOpenError> {
    let needs_keyring = config.kms.uses(KmsEngine::Local) && !config.keyring_file().exists();
    if needs_keyring && store.count_ciphertexts_starting(&[tag::LOCAL]).await? == 0 {
        return Ok(None);
    }
    open_kms(config, store).await.map(Some)
}

async fn ask(kms: &dyn Kms, config: &Config, store: &Store, findings: &mut Findings) {
    if let Err(error) = answers(kms).await {
        let next = "see standard error for its cause; is it reachable from here, and is what it is signed in with still valid?";
        findings.problem(CHECK, format!("a secret can't be wrapped and opened: {error}"), next);
        return;
    }
    match opens(kms, store).await {
        Ok(None) => findings.skipped(CHECK, "wraps and opens; there is no secret of an installation yet"),
        Ok(Some(Ok(()))) => findings.ok(CHECK, format!("{} wraps and opens, and opens this installation's secret", config.kms.engine.as_str())),
        Ok(Some(Err(error))) => findings.problem(
            CHECK,
            format!("it can't open this installation's secret: {error}"),
            "restore the root key or keyring that belongs to this database; if the engine was changed, name the one before as kms.previous_engine",
        ),
        Err(error) => findings.problem(CHECK, error.to_string(), "see what is said of the database"),
    }
}

async fn opens(kms: &dyn Kms, store: &Store) -> Result<Option<Result<(), crate::kms::KmsError>>, StoreError> {
    let Some(ciphertext) = store.installation_secret().await? else { return Ok(None) };
    Ok(Some(decrypt_32(kms, &ciphertext, &KmsContext::InstallationSecret).await.map(drop)))
}
