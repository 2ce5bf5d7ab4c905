//! Worker keys: who may claim jobs.

use keyveil_protocol::{ApiKey, ApiKeyId, ApiKeySecret, ErrorCode};
use serde_json::json;

use super::super::{jobs, random, random_id};
use crate::installation::Installation;
use crate::kms::KmsContext;
use crate::refusal::Refusal;
use crate::store::{ApiKeyRow, AuditEvent, AuditKind, Scopes};

const LOCAL_ID: &str = "local-worker";
const NAME_LEN_MAX: usize = 256;

/// Makes a worker key; its text is told only now.
pub async fn create(installation: &Installation, name: &str, now: i64) -> Result<ApiKey, Refusal> {
    if !(1..=NAME_LEN_MAX).contains(&name.len()) || name.chars().any(char::is_control) {
        return Err(Refusal::new(ErrorCode::MalformedRequest, "a worker's name is 1 to 256 bytes of plain text"));
    }
    let key = ApiKey::new(random_id::<8, _>()?, ApiKeySecret::from_bytes(random()?));
    let row = row(installation, &key, name).await?;
    let mut write = installation.store().write().await?;
    write.insert_api_key(&row, now).await?;
    let detail = json!({ "apiKeyId": row.id, "name": name });
    write.append_audit(&AuditEvent::new(AuditKind::WorkerCreated, detail), now).await?;
    write.commit().await?;
    Ok(key)
}

/// Stops accepting a worker key, and puts back what its holder was working on. False when there is no such key in use.
pub async fn retire(installation: &Installation, id: &ApiKeyId, now: i64) -> Result<bool, Refusal> {
    let mut write = installation.store().write().await?;
    let retired = write.retire_worker_key(id, now).await?;
    if retired {
        jobs::put_back_of_key(&mut write, id, now).await?;
        write.delete_workers_of_key(id).await?;
        write.append_audit(&AuditEvent::new(AuditKind::WorkerRetired, json!({ "apiKeyId": id })), now).await?;
        write.commit().await?;
    }
    Ok(retired)
}

/// The key of the server's own worker: derived, so that no restart and no replica ever makes another one.
pub(crate) async fn local_key(installation: &Installation, now: i64) -> Result<ApiKey, Refusal> {
    let secret = ApiKeySecret::from_bytes(*installation.local_worker_secret());
    let key = ApiKey::new(LOCAL_ID.parse()?, secret);
    let row = row(installation, &key, "this server's own worker").await?;
    let mut write = installation.store().write().await?;
    if write.keep_worker_key(&row, now).await? {
        let detail = json!({ "apiKeyId": row.id, "name": row.name });
        write.append_audit(&AuditEvent::new(AuditKind::WorkerCreated, detail), now).await?;
    }
    write.commit().await?;
    Ok(key)
}

async fn row(installation: &Installation, key: &ApiKey, name: &str) -> Result<ApiKeyRow, Refusal> {
    let context = KmsContext::ApiKeyPsk(key.id());
    let psk_secret = key.psk_secret();
    Ok(ApiKeyRow {
        id: key.id().clone(),
        app_id: None,
        name: name.to_owned(),
        scopes: Scopes::worker(),
        secret_hash: key.secret_hash(),
        psk_ciphertext: installation.kms().encrypt(psk_secret.expose_secret(), &context).await?,
        last_used_at: None,
    })
}
