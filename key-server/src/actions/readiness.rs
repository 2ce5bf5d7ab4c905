//! `GET /readyz`: database, KMS and media folder, each really asked.

use keyveil_protocol::ErrorCode;

use super::kms::answers;
use crate::refusal::Refusal;
use crate::state::ServerState;

pub(crate) async fn readiness(state: &ServerState) -> Result<(), Refusal> {
    let installation = &state.installation;
    installation.store().ping().await?;
    answers(installation.kms()).await?;
    if !tokio::fs::metadata(state.config.media_dir()).await.is_ok_and(|metadata| metadata.is_dir()) {
        return Err(Refusal::new(ErrorCode::Unavailable, "the media folder is missing"));
    }
    Ok(())
}
