//! `PUT /v1/titles/{fileId}`: the KMS makes the title secret; it leaves sealed to the packager.

use keyveil_protocol::api::{PutTitleRequest, PutTitleResponse};
use keyveil_protocol::{Envelope, ErrorCode, FileId, Mode, RecipientPublicKey, Sealing, TitleSecret, seal_title};
use serde_json::json;

use super::api_keys::open_psk;
use super::{parse_json, rng};
use crate::clock::stored;
use crate::installation::Installation;
use crate::kms::{KmsContext, decrypt_32};
use crate::refusal::Refusal;
use crate::state::{ServerState, open_server_key};
use crate::store::{ApiKeyRow, AuditEvent, AuditKind, StoreError, Title, TitleState, WriteTransaction};

const NAME_LEN_MAX: usize = 256;

/// True when the title is new.
pub(crate) async fn put_title(
    state: &ServerState,
    api_key: &ApiKeyRow,
    file_id: FileId,
    body: &[u8],
) -> Result<(bool, PutTitleResponse), Refusal> {
    let request: PutTitleRequest = parse_json(body)?;
    if !(1..=NAME_LEN_MAX).contains(&request.name.len()) || request.name.chars().any(char::is_control) {
        return Err(Refusal::new(ErrorCode::MalformedRequest, "name is not 1 to 256 bytes of plain text"));
    }
    if request.file_id != file_id {
        return Err(Refusal::new(ErrorCode::MalformedRequest, "fileId in the body is not the path's"));
    }
    let recipient = RecipientPublicKey::parse(&request.public_key)?;
    let installation = &state.installation;
    let now = stored(state.clock.now());
    let candidate = new_title(installation, api_key, file_id, &request, now).await?;
    let mut write = installation.store().write().await?;
    let (created, title) = insert_or_repeat(&mut write, candidate).await?;
    let title_secret = match title.mode {
        Mode::Clear => None,
        Mode::Private => Some(seal(installation, api_key, &title, &recipient, body).await?),
    };
    let detail = json!({ "apiKeyId": api_key.id, "mode": title.mode, "created": created });
    let event = AuditEvent::new(AuditKind::TitleRegistered, detail).with_app(title.app_id).with_file(&title.file_id);
    write.append_audit(&event, now).await?;
    write.commit().await?;
    Ok((created, PutTitleResponse { app_id: title.app_id, file_id: title.file_id, title_secret }))
}

async fn new_title(
    installation: &Installation,
    api_key: &ApiKeyRow,
    file_id: FileId,
    request: &PutTitleRequest,
    now: i64,
) -> Result<Title, Refusal> {
    let app_id = api_key.app_id;
    let secret_ciphertext = match request.mode {
        Mode::Clear => None,
        Mode::Private => {
            let context = KmsContext::Title { app_id, file_id: &file_id };
            Some(installation.kms().generate_data_key(&context).await?.1)
        }
    };
    Ok(Title {
        file_id,
        app_id,
        name: request.name.clone(),
        mode: request.mode,
        state: TitleState::Packaging,
        secret_ciphertext,
        public_key: request.public_key.clone(),
        publication: None,
        duration_ms: None,
        created_at: now,
    })
}

/// A repetition by the same run gets the stored secret; another run gets a fresh one, because what it encrypts may differ.
async fn insert_or_repeat(write: &mut WriteTransaction<'_>, candidate: Title) -> Result<(bool, Title), Refusal> {
    let Some(existing) = write.title(&candidate.file_id).await? else {
        write.insert_title(&candidate).await?;
        return Ok((true, candidate));
    };
    let repeatable = existing.app_id == candidate.app_id
        && existing.state == TitleState::Packaging
        && existing.mode == candidate.mode;
    if !repeatable {
        return Err(Refusal::new(ErrorCode::TitleExists, "published, deleted, another app's or of another mode"));
    }
    if existing.public_key == candidate.public_key {
        return Ok((false, existing));
    }
    write.replace_title(&candidate).await?;
    Ok((false, Title { created_at: existing.created_at, ..candidate }))
}

async fn seal(
    installation: &Installation,
    api_key: &ApiKeyRow,
    title: &Title,
    recipient: &RecipientPublicKey,
    request_body: &[u8],
) -> Result<Envelope, Refusal> {
    let ciphertext = title.secret_ciphertext.as_ref().ok_or(StoreError::Corrupt("title secret"))?;
    let context = KmsContext::Title { app_id: title.app_id, file_id: &title.file_id };
    let secret = TitleSecret::from_bytes(*decrypt_32(installation.kms(), ciphertext, &context).await?);
    let row = installation.store().newest_server_key().await?.ok_or(StoreError::Corrupt("no server key"))?;
    let server_key = open_server_key(installation, &row).await?;
    let psk = open_psk(installation, api_key).await?;
    Ok(seal_title(&secret, &Sealing { request_body, recipient, server_key: &server_key, psk: &psk }, &mut rng())?)
}
