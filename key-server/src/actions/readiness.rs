//! `GET /readyz`: database, KMS and media folder, each really asked.

use keyveil_protocol::ErrorCode;

use crate::kms::KmsContext;
use crate::refusal::Refusal;
use crate::state::ServerState;

const PROBE: &[u8] = b"ready?";

pub(crate) async fn readiness(state: &ServerState) -> Result<(), Refusal> {
    let installation = &state.installation;
    installation.store().ping().await?;
    let ciphertext = installation.kms().encrypt(PROBE, &KmsContext::Probe).await?;
    if installation.kms().decrypt(&ciphertext, &KmsContext::Probe).await?.as_slice() != PROBE {
        return Err(Refusal::new(ErrorCode::Unavailable, "the KMS returns something else"));
    }
    if !tokio::fs::metadata(state.config.media_dir()).await.is_ok_and(|metadata| metadata.is_dir()) {
        return Err(Refusal::new(ErrorCode::Unavailable, "the media folder is missing"));
    }
    Ok(())
}
