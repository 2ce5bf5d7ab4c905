//! `DELETE /v1/titles/{fileId}`. The media files stay where they are: they are the owner's to remove.

use keyveil_protocol::{ErrorCode, FileId};
use serde_json::json;

use crate::clock::stored;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditEvent, AuditKind, TitleState};

pub(crate) async fn delete_title(state: &ServerState, principal: &Principal, file_id: &FileId) -> Result<(), Refusal> {
    let now = stored(state.clock.now());
    let mut write = state.installation.store().write().await?;
    let title = write.title(file_id).await?;
    if !title.is_some_and(|title| title.app_id == principal.app_id && title.state != TitleState::Deleted) {
        return Err(Refusal::new(ErrorCode::TitleNotFound, "no such title in this app"));
    }
    write.delete_title(file_id, now).await?;
    let event = AuditEvent::new(AuditKind::TitleDeleted, json!({ "by": principal.by() }))
        .with_app(principal.app_id)
        .with_file(file_id);
    write.append_audit(&event, now).await?;
    Ok(write.commit().await?)
}
