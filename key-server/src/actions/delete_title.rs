//! `DELETE /v1/titles/{fileId}`. The media files stay where they are: they are the owner's to remove.

use keyveil_protocol::{ErrorCode, FileId};
use serde_json::json;

use crate::clock::stored;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{ApiKeyRow, AuditEvent, AuditKind, TitleState};

pub(crate) async fn delete_title(state: &ServerState, api_key: &ApiKeyRow, file_id: &FileId) -> Result<(), Refusal> {
    let now = stored(state.clock.now());
    let mut write = state.installation.store().write().await?;
    let title = write.title(file_id).await?;
    if !title.is_some_and(|title| title.app_id == api_key.app_id && title.state != TitleState::Deleted) {
        return Err(Refusal::new(ErrorCode::TitleNotFound, "no such title in this app"));
    }
    write.delete_title(file_id).await?;
    let event = AuditEvent::new(AuditKind::TitleDeleted, json!({ "apiKeyId": api_key.id }))
        .with_app(api_key.app_id)
        .with_file(file_id);
    write.append_audit(&event, now).await?;
    Ok(write.commit().await?)
}
