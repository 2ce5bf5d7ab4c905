//! `/v1/api-keys`, `/v1/signing-keys` and their commands: an application's keys. A key's text is told once, when it is made.

use keyveil_protocol::{ApiKey, ApiKeyId, AppId, ErrorCode, KeyId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::apps::{self, insert_api_key};
use super::query::{is_plain, malformed};
use crate::clock::{on_wire, stored};
use crate::installation::Installation;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditEvent, AuditKind, ListedApiKey, ListedSigningKey, Scope, Scopes};

/// API keys that an application may have in use.
const API_KEYS_MAX: u32 = 100;
const NAME_LEN_MAX: usize = 256;

/// What an API key is made from.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// For people.
    #[schema(min_length = 1, max_length = 256)]
    pub name: String,
    /// What its holder may do; all but `worker`.
    #[schema(min_items = 1)]
    pub scopes: Vec<Scope>,
}

/// An API key as it is shown.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiKey)]
pub struct ApiKeyView {
    api_key_id: ApiKeyId,
    name: String,
    scopes: Vec<Scope>,
    created_at: u64,
    /// To the minute.
    last_used_at: Option<u64>,
    retired_at: Option<u64>,
}

/// An API key with the text that is told once.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedApiKey)]
pub(crate) struct CreatedApiKeyView {
    #[serde(flatten)]
    api_key: ApiKeyView,
    text: String,
}

/// The only page of API keys, those in use first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiKeysPage {
    api_keys: Vec<ApiKeyView>,
    next: Option<String>,
}

/// A signing key as it is shown.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SigningKey)]
pub(crate) struct SigningKeyView {
    kid: KeyId,
    created_at: u64,
    retired_at: Option<u64>,
}

/// A signing key with the text that is told once.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedSigningKey)]
pub(crate) struct CreatedSigningKeyView {
    #[serde(flatten)]
    signing_key: SigningKeyView,
    text: String,
}

/// The only page of signing keys, those in use first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SigningKeysPage {
    signing_keys: Vec<SigningKeyView>,
    next: Option<String>,
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

/// `POST /v1/api-keys`.
pub(crate) async fn create_api_key_on_request(
    state: &ServerState,
    principal: &Principal,
    body: &[u8],
) -> Result<CreatedApiKeyView, Refusal> {
    let new: NewApiKey = super::parse_json(body)?;
    let now = stored(state.clock.now());
    let key = create_api_key(&state.installation, principal.app_id, &new, principal.by(), now).await?;
    let api_key = ApiKeyView {
        api_key_id: key.id().clone(),
        scopes: new.scopes()?.as_slice().to_vec(),
        name: new.name,
        created_at: on_wire(now),
        last_used_at: None,
        retired_at: None,
    };
    Ok(CreatedApiKeyView { api_key, text: key.expose_text() })
}

/// `POST /v1/signing-keys`.
pub(crate) async fn create_signing_key(
    state: &ServerState,
    principal: &Principal,
) -> Result<CreatedSigningKeyView, Refusal> {
    let now = stored(state.clock.now());
    let key = apps::create_signing_key(&state.installation, principal.app_id, principal.by(), now).await?;
    let text = key.expose_text().to_owned();
    let signing_key = SigningKeyView { kid: key.kid, created_at: on_wire(now), retired_at: None };
    Ok(CreatedSigningKeyView { signing_key, text })
}

/// An application's API keys; never their texts.
pub async fn list_api_keys(installation: &Installation, app_id: AppId) -> Result<Vec<ApiKeyView>, Refusal> {
    let keys = installation.store().list_api_keys(app_id).await?;
    Ok(keys.into_iter().map(ApiKeyView::from).collect())
}

/// `GET /v1/api-keys`.
pub(crate) async fn api_keys_page(installation: &Installation, app_id: AppId) -> Result<ApiKeysPage, Refusal> {
    Ok(ApiKeysPage { api_keys: list_api_keys(installation, app_id).await?, next: None })
}

/// An application's signing keys; never their texts.
pub(crate) async fn list_signing_keys(installation: &Installation, app_id: AppId) -> Result<SigningKeysPage, Refusal> {
    let keys = installation.store().list_signing_keys(app_id).await?;
    Ok(SigningKeysPage { signing_keys: keys.into_iter().map(SigningKeyView::from).collect(), next: None })
}

impl From<ListedApiKey> for ApiKeyView {
    fn from(key: ListedApiKey) -> Self {
        Self {
            api_key_id: key.id,
            name: key.name,
            scopes: key.scopes.as_slice().to_vec(),
            created_at: on_wire(key.created_at),
            last_used_at: key.last_used_at.map(on_wire),
            retired_at: key.retired_at.map(on_wire),
        }
    }
}

impl From<ListedSigningKey> for SigningKeyView {
    fn from(key: ListedSigningKey) -> Self {
        Self { kid: key.kid, created_at: on_wire(key.created_at), retired_at: key.retired_at.map(on_wire) }
    }
}
