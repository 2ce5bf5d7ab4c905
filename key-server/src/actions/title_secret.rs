//! Title secrets: made by the KMS, kept wrapped, and sealed to whoever encrypts a version.

use keyveil_protocol::{AppId, Envelope, FileId, Mode, RecipientPublicKey, Sealing, TitleSecret, seal_title};

use super::api_keys::open_psk;
use super::rng;
use crate::installation::Installation;
use crate::kms::{KmsContext, decrypt_32};
use crate::refusal::Refusal;
use crate::state::open_server_key;
use crate::store::{ApiKeyRow, StoreError};

/// A fresh secret, wrapped; none for a clear title.
pub(super) async fn generate(
    installation: &Installation,
    app_id: AppId,
    file_id: &FileId,
    mode: Mode,
) -> Result<Option<Vec<u8>>, Refusal> {
    if !mode.is_encrypted() {
        return Ok(None);
    }
    let context = KmsContext::Title { app_id, file_id };
    Ok(Some(installation.kms().generate_data_key(&context).await?.1))
}

/// Whom a secret is sealed to: the holder of an API key who sent `request_body` with this public key.
pub(super) struct Holder<'a> {
    pub(super) api_key: &'a ApiKeyRow,
    pub(super) recipient: &'a RecipientPublicKey,
    pub(super) request_body: &'a [u8],
}

/// Unwraps a secret and seals it.
pub(super) async fn seal(
    installation: &Installation,
    app_id: AppId,
    file_id: &FileId,
    ciphertext: &[u8],
    holder: &Holder<'_>,
) -> Result<Envelope, Refusal> {
    let context = KmsContext::Title { app_id, file_id };
    let secret = TitleSecret::from_bytes(*decrypt_32(installation.kms(), ciphertext, &context).await?);
    let row = installation.store().newest_server_key().await?.ok_or(StoreError::Corrupt("no server key"))?;
    let server_key = open_server_key(installation, &row).await?;
    let psk = open_psk(installation, holder.api_key).await?;
    let Holder { recipient, request_body, .. } = *holder;
    Ok(seal_title(&secret, &Sealing { request_body, recipient, server_key: &server_key, psk: &psk }, &mut rng())?)
}
