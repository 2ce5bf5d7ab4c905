//! `GET /readyz`: database, KMS and the storage of media, each really asked.

use keyveil_protocol::ErrorCode;

use super::kms::answers;
use crate::refusal::Refusal;
use crate::state::ServerState;

pub(crate) async fn readiness(state: &ServerState) -> Result<(), Refusal> {
    let installation = &state.installation;
    installation.store().ping().await?;
    answers(installation.kms()).await?;
    let media = installation.media();
    media.check().await.map_err(|error| Refusal::new(ErrorCode::Unavailable, format!("{media}: {error}")))
}
