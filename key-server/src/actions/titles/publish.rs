//! `POST /v1/titles/{fileId}/publish` and `/unpublish`: whether a complete title may be played.

use keyveil_protocol::{ErrorCode, FileId};
use serde_json::json;

use super::view::{self, TitleView};
use super::{audit, change_state, own_title};
use crate::clock::stored;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditKind, TitleState};

pub(crate) async fn publish(
    state: &ServerState,
    principal: &Principal,
    file_id: &FileId,
) -> Result<TitleView, Refusal> {
    change(state, principal, file_id, TitleState::Published).await
}

/// Sessions stay: what they ask for is refused until the title is published again.
pub(crate) async fn unpublish(
    state: &ServerState,
    principal: &Principal,
    file_id: &FileId,
) -> Result<TitleView, Refusal> {
    change(state, principal, file_id, TitleState::Ready).await
}

async fn change(
    state: &ServerState,
    principal: &Principal,
    file_id: &FileId,
    target: TitleState,
) -> Result<TitleView, Refusal> {
    let audit_kind = match target {
        TitleState::Published => AuditKind::TitlePublished,
        _ => AuditKind::TitleUnpublished,
    };
    let now = stored(state.clock.now());
    let mut write = state.installation.store().write().await?;
    let title = own_title(&mut write, principal, file_id).await?;
    if !matches!(title.state, TitleState::Ready | TitleState::Published) {
        return Err(Refusal::new(ErrorCode::TitleState, "only a complete title is published or unpublished"));
    }
    // A repetition changes nothing and is told of nowhere.
    if title.state == target {
        drop(write);
    } else {
        change_state(&mut write, file_id, target, None, None, now).await?;
        write.append_audit(&audit(audit_kind, principal, file_id, json!({})), now).await?;
        write.commit().await?;
    }
    view::title(state, principal, file_id).await
}
