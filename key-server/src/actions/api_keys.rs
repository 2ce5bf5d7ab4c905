use keyveil_protocol::{ApiKey, ErrorCode, Psk, PskSecret};
use subtle::ConstantTimeEq;

use crate::installation::Installation;
use crate::kms::{KmsContext, decrypt_32};
use crate::refusal::Refusal;
use crate::store::ApiKeyRow;

/// The API key that an `Authorization` header proves.
pub(crate) async fn authenticate(
    installation: &Installation,
    authorization: Option<&str>,
    now: i64,
) -> Result<ApiKeyRow, Refusal> {
    let invalid = |cause: &'static str| Refusal::new(ErrorCode::ApiKeyInvalid, cause);
    let header = authorization.ok_or_else(|| invalid("no Authorization header"))?;
    let (scheme, text) = header.split_once(' ').ok_or_else(|| invalid("no scheme"))?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(invalid("scheme is not Bearer"));
    }
    let api_key: ApiKey = text.trim().parse()?;
    let row = installation.store().api_key(api_key.id()).await?.ok_or_else(|| invalid("unknown API key"))?;
    if !bool::from(row.secret_hash.ct_eq(&api_key.secret_hash())) {
        return Err(invalid("secret differs"));
    }
    if let Err(error) = installation.store().note_api_key_use(&row.id, row.last_used_at, now).await {
        tracing::warn!(%error, "an API key's use was not noted");
    }
    Ok(row)
}

/// The pre-shared key of envelopes to the holder of an API key.
pub(super) async fn open_psk(installation: &Installation, row: &ApiKeyRow) -> Result<Psk, Refusal> {
    let context = KmsContext::ApiKeyPsk(&row.id);
    let secret = decrypt_32(installation.kms(), &row.psk_ciphertext, &context).await?;
    Ok(Psk::new(row.id.as_str(), PskSecret::from_bytes(*secret)))
}
