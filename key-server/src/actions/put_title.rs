//! `PUT /v1/titles/{fileId}`: `packager pack` registers a title; its secret leaves sealed to that run.

use keyveil_protocol::api::{PutTitleRequest, PutTitleResponse};
use keyveil_protocol::{ErrorCode, FileId, RecipientPublicKey};
use serde_json::json;

use super::parse_json;
use super::title_secret::{self, Holder};
use crate::clock::stored;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditEvent, AuditKind, Title, TitleState, TitleVersion, WriteTransaction};

/// `packager pack` makes a title's first version and no other.
pub(super) const PACKED_VERSION: u32 = 1;
const NAME_LEN_MAX: usize = 256;

/// True when the title is new.
pub(crate) async fn put_title(
    state: &ServerState,
    principal: &Principal,
    file_id: FileId,
    body: &[u8],
) -> Result<(bool, PutTitleResponse), Refusal> {
    let request: PutTitleRequest = parse_json(body)?;
    let api_key = principal.api_key()?;
    if !(1..=NAME_LEN_MAX).contains(&request.name.len()) || request.name.chars().any(char::is_control) {
        return Err(Refusal::new(ErrorCode::MalformedRequest, "name is not 1 to 256 bytes of plain text"));
    }
    if request.file_id != file_id {
        return Err(Refusal::new(ErrorCode::MalformedRequest, "fileId in the body is not the path's"));
    }
    let recipient = RecipientPublicKey::parse(&request.public_key)?;
    let installation = &state.installation;
    let now = stored(state.clock.now());
    let app_id = principal.app_id;
    let version = TitleVersion {
        file_id: file_id.clone(),
        version: PACKED_VERSION,
        secret_ciphertext: title_secret::generate(installation, app_id, &file_id, request.mode).await?,
        public_key: request.public_key.clone(),
        publication: None,
        cover: None,
        sprites: None,
        stored_bytes: None,
        created_at: now,
        committed_at: None,
    };
    let mut write = installation.store().write().await?;
    let (created, version) = insert_or_repeat(&mut write, new_title(principal, &request, now), version).await?;
    let title_secret = match &version.secret_ciphertext {
        None => None,
        Some(ciphertext) => {
            let holder = Holder { api_key, recipient: &recipient, request_body: body };
            Some(title_secret::seal(installation, app_id, &file_id, ciphertext, &holder).await?)
        }
    };
    let detail = json!({ "by": principal.by(), "mode": request.mode, "created": created });
    let event = AuditEvent::new(AuditKind::TitleRegistered, detail).with_app(app_id).with_file(&file_id);
    write.append_audit(&event, now).await?;
    write.commit().await?;
    Ok((created, PutTitleResponse { app_id, file_id, title_secret }))
}

fn new_title(principal: &Principal, request: &PutTitleRequest, now: i64) -> Title {
    Title {
        last_version: PACKED_VERSION,
        ..Title::new(
            principal.app_id,
            request.file_id.clone(),
            request.name.clone(),
            (request.mode, TitleState::Transcoding),
            now,
        )
    }
}

/// A repetition by the same run gets the stored secret; another run gets a fresh one, because what it encrypts may differ.
async fn insert_or_repeat(
    write: &mut WriteTransaction<'_>,
    title: Title,
    candidate: TitleVersion,
) -> Result<(bool, TitleVersion), Refusal> {
    let Some(existing) = write.title(&title.file_id).await? else {
        write.insert_title(&title).await?;
        write.insert_title_version(&candidate).await?;
        return Ok((true, candidate));
    };
    let repeatable = existing.app_id == title.app_id
        && existing.state == TitleState::Transcoding
        && existing.workflow_id.is_none()
        && existing.mode == title.mode;
    if !repeatable {
        return Err(Refusal::new(
            ErrorCode::TitleExists,
            "published, deleted, another app's, a job's or of another mode",
        ));
    }
    let begun = write.title_version(&title.file_id, PACKED_VERSION).await?;
    if let Some(begun) = begun.filter(|begun| begun.public_key == candidate.public_key) {
        return Ok((false, begun));
    }
    write.delete_title_version(&title.file_id, PACKED_VERSION).await?;
    write.insert_title_version(&candidate).await?;
    write.describe_title(&title.file_id, &title.name, &existing.description, title.updated_at).await?;
    Ok((false, candidate))
}
