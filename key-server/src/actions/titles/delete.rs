//! `DELETE /v1/titles/{fileId}`: versions with their secrets, jobs, sources, sessions and media go; the audit log stays.

use keyveil_protocol::{ErrorCode, FileId};
use serde_json::json;

use super::{audit, delete_rows, own_title};
use crate::actions::put_title::PACKED_VERSION;
use crate::actions::sources;
use crate::clock::stored;
use crate::origin::MediaFolder;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditKind, Title, WriteTransaction};

/// `public_key`: only if this run of a packager still holds the title's secret.
pub(crate) async fn delete(
    state: &ServerState,
    principal: &Principal,
    file_id: &FileId,
    public_key: Option<&str>,
) -> Result<(), Refusal> {
    let now = stored(state.clock.now());
    let store = state.installation.store();
    let mut write = store.write().await?;
    let title = own_title(&mut write, principal, file_id).await?;
    if let Some(public_key) = public_key {
        check_run(&mut write, &title, public_key).await?;
    }
    delete_rows(&mut write, file_id, now).await?;
    write.delete_jobs_of_title(file_id).await?;
    let sources = write.forget_sources(file_id, now).await?;
    let sessions = write.revoke_sessions_of_title(file_id, now).await?;
    let event = audit(AuditKind::TitleDeleted, principal, file_id, json!({ "sessionsRevoked": sessions }));
    write.append_audit(&event, now).await?;
    write.commit().await?;
    if let Err(error) = store.empty_log().await {
        tracing::warn!(%error, "the database's log was not emptied; the next deletion does it");
    }
    sources::remove(state, &sources).await;
    remove_media(state, &title).await;
    Ok(())
}

async fn check_run(write: &mut WriteTransaction<'_>, title: &Title, public_key: &str) -> Result<(), Refusal> {
    let version = write.title_version(&title.file_id, PACKED_VERSION).await?;
    let holds = title.workflow_id.is_none() && version.is_some_and(|version| version.public_key == public_key);
    if holds { Ok(()) } else { Err(Refusal::new(ErrorCode::TitleExists, "another run holds the title's secret")) }
}

/// The title is gone already: what can't be removed now is swept later.
async fn remove_media(state: &ServerState, title: &Title) {
    // Every number that was ever given: an attempt that failed may have left its folder.
    for version in 1..=title.last_version {
        let folder = MediaFolder::new(title.file_id.clone(), version).to_string();
        if let Err(error) = state.installation.media().remove(&folder).await {
            tracing::error!(folder, %error, "a deleted title's media can't be removed");
        }
    }
}
