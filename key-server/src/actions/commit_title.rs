//! `POST /v1/titles/{fileId}/commit`: what `packager pack` made can be played.

use keyveil_protocol::api::{CommitTitleRequest, TitleInfo};
use keyveil_protocol::{ErrorCode, FileId};
use serde_json::json;

use super::published_title::PublishedTitle;
use super::put_title::PACKED_VERSION;
use super::titles::change_state;
use super::{media_info, parse_json};
use crate::clock::stored;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditEvent, AuditKind, Publication, TitleState};

pub(crate) async fn commit_title(
    state: &ServerState,
    principal: &Principal,
    file_id: &FileId,
    body: &[u8],
) -> Result<TitleInfo, Refusal> {
    let CommitTitleRequest { public_key, media } = parse_json(body)?;
    let now = stored(state.clock.now());
    let mut write = state.installation.store().write().await?;
    let not_found = || Refusal::new(ErrorCode::TitleNotFound, "no such title in this app");
    let title = write
        .title(file_id)
        .await?
        .filter(|title| title.app_id == principal.app_id && title.state != TitleState::Deleted)
        .ok_or_else(not_found)?;
    let mut version = write.title_version(file_id, PACKED_VERSION).await?.ok_or_else(not_found)?;
    if title.workflow_id.is_some() || public_key != version.public_key {
        return Err(Refusal::new(ErrorCode::TitleExists, "another run holds the title's secret"));
    }
    media_info::check(&media, title.mode)?;
    let publication =
        serde_json::to_string(&media).map_err(|_| Refusal::new(ErrorCode::Internal, "publication can't be written"))?;
    if version.publication.is_some() {
        if version.publication.as_ref() != Some(&publication) {
            return Err(Refusal::new(ErrorCode::TitleExists, "committed with another body"));
        }
        return Ok(PublishedTitle::from_rows(&title, &version)?.info);
    }
    let committed = Publication { media: publication.clone(), cover: None, sprites: None, stored_bytes: None };
    write.commit_title_version(file_id, PACKED_VERSION, &committed, now).await?;
    write.set_current_version(file_id, PACKED_VERSION, media.duration_ms, None, now).await?;
    change_state(&mut write, file_id, TitleState::Published, None, None, now).await?;
    let detail = json!({ "by": principal.by(), "renditions": media.renditions.len() });
    let event = AuditEvent::new(AuditKind::TitlePublished, detail).with_app(title.app_id).with_file(file_id);
    write.append_audit(&event, now).await?;
    write.commit().await?;
    version.publication = Some(publication);
    Ok(PublishedTitle::from_rows(&title, &version)?.info)
}
