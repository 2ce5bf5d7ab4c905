//! `/v1/api-keys`, `/v1/signing-keys` and their commands: an application's keys. A key's text is told once, when it is made.

use keyveil_protocol::{ApiKey, ApiKeyId, AppId, ErrorCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::apps::insert_api_key;
use super::query::{is_plain, malformed};
use crate::clock::on_wire;
use crate::installation::Installation;
use crate::refusal::Refusal;
use crate::store::{AuditEvent, AuditKind, ListedApiKey, ListedSigningKey, Scope, Scopes};

/// API keys that an application may have in use.
const API_KEYS_MAX: u32 = 100;
const NAME_LEN_MAX: usize = 256;

/// What an API key is made from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// For people.
    pub name: String,
    /// What its holder may do.
    pub scopes: Vec<Scope>,
}

impl NewApiKey {
    fn scopes(&self) -> Result<Scopes, Refusal> {
        if !is_plain(&self.name, NAME_LEN_MAX) {
            return Err(malformed("name is not 1 to 256 bytes of plain text"));
        }
        if self.scopes.is_empty() || self.scopes.contains(&Scope::Worker) {
            return Err(malformed("scopes are one or more of read, write, pack, sign, manage"));
        }
        Ok(Scopes::new(&self.scopes))
    }
}

/// Makes an API key. `by` is who does it, for the audit log.
pub async fn create_api_key(
    installation: &Installation,
    app_id: AppId,
    new: &NewApiKey,
    by: Value,
    now: i64,
) -> Result<ApiKey, Refusal> {
    let scopes = new.scopes()?;
    if installation.store().app(app_id).await?.is_none() {
        return Err(Refusal::new(ErrorCode::NotFound, "there is no such application"));
    }
    let mut write = installation.store().write().await?;
    if write.count_api_keys(app_id).await? >= API_KEYS_MAX {
        return Err(Refusal::new(ErrorCode::LimitReached, "100 API keys are in use: retire one first"));
    }
    let detail = json!({ "by": by, "name": new.name, "scopes": scopes.to_string() });
    let api_key = insert_api_key(installation, &mut write, app_id, (&new.name, scopes), now).await?;
    let mut event = AuditEvent::new(AuditKind::ApiKeyCreated, detail).with_app(app_id);
    event.detail["apiKeyId"] = json!(api_key.id());
    write.append_audit(&event, now).await?;
    write.commit().await?;
    Ok(api_key)
}

/// Stops accepting an API key. False when the application has no such key in use.
pub async fn retire_api_key(
    installation: &Installation,
    app_id: AppId,
    id: &ApiKeyId,
    by: Value,
    now: i64,
) -> Result<bool, Refusal> {
    let mut write = installation.store().write().await?;
    let retired = write.retire_api_key(app_id, id, now).await?;
    if retired {
        let detail = json!({ "by": by, "apiKeyId": id });
        write.append_audit(&AuditEvent::new(AuditKind::ApiKeyRetired, detail).with_app(app_id), now).await?;
        write.commit().await?;
    }
    Ok(retired)
}

/// An application's API keys, those in use first; never their texts.
pub async fn list_api_keys(installation: &Installation, app_id: AppId) -> Result<Value, Refusal> {
    let keys: Vec<Value> = installation.store().list_api_keys(app_id).await?.iter().map(api_key_view).collect();
    Ok(json!({ "apiKeys": keys, "next": null }))
}

/// An application's signing keys, those in use first; never their texts.
pub(crate) async fn list_signing_keys(installation: &Installation, app_id: AppId) -> Result<Value, Refusal> {
    let keys = installation.store().list_signing_keys(app_id).await?;
    let view = |key: &ListedSigningKey| {
        json!({
            "kid": key.kid, "createdAt": on_wire(key.created_at), "retiredAt": key.retired_at.map(on_wire),
        })
    };
    Ok(json!({ "signingKeys": keys.iter().map(view).collect::<Vec<_>>(), "next": null }))
}

fn api_key_view(key: &ListedApiKey) -> Value {
    json!({
        "apiKeyId": key.id, "name": key.name, "scopes": key.scopes.as_slice(), "createdAt": on_wire(key.created_at),
        "lastUsedAt": key.last_used_at.map(on_wire), "retiredAt": key.retired_at.map(on_wire),
    })
}
