//! Applications and their keys.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use keyveil_protocol::{ApiKey, ApiKeyId, ApiKeySecret, AppId, ErrorCode, KeyId};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::psign::SigningKeyText;
use super::query::{is_plain, malformed};
use super::{random, random_id};
use crate::installation::Installation;
use crate::kms::KmsContext;
use crate::page_origin::{DOMAINS_MAX, DomainPattern};
use crate::refusal::Refusal;
use crate::store::{
    ApiKeyRow, AuditEvent, AuditKind, Event, EventType, SIGNING_KEYS_MAX, Scopes, SigningKeyRow, WriteTransaction,
};

const NAME_LEN_MAX: usize = 256;
pub(super) const MAX_AGE_SECS_MAX: u64 = 366 * 24 * 3600;

/// What an application is made from.
#[derive(Clone, Debug)]
pub struct NewApp {
    /// What people call it.
    pub name: String,
    /// The pages that may play its titles.
    pub domains: Vec<DomainPattern>,
    /// The longest life of a player signature.
    pub max_age_secs: u64,
}

/// A new application with the secrets that are told once.
pub struct CreatedApp {
    /// Its number.
    pub app_id: AppId,
    /// Its signing key.
    pub signing_key: CreatedSigningKey,
    /// Its API key.
    pub api_key: ApiKey,
}

/// A new signing key, told once.
pub struct CreatedSigningKey {
    /// Its id.
    pub kid: KeyId,
    text: SigningKeyText,
}

impl CreatedSigningKey {
    /// The bare text. Never log what this returns.
    #[must_use]
    pub fn expose_text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for CreatedSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CreatedSigningKey({}, [redacted])", self.kid)
    }
}

impl fmt::Debug for CreatedApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CreatedApp({}, [redacted])", self.app_id)
    }
}

/// Makes an application with one signing key and one API key.
pub async fn create(installation: &Installation, new_app: &NewApp, now: i64) -> Result<CreatedApp, Refusal> {
    create_by(installation, new_app, Value::Null, now).await
}

/// As [`create`]; `by` is who does it, for the audit log.
pub(super) async fn create_by(
    installation: &Installation,
    new_app: &NewApp,
    by: Value,
    now: i64,
) -> Result<CreatedApp, Refusal> {
    check_name(&new_app.name)?;
    check_domains(&new_app.domains)?;
    check_max_age(new_app.max_age_secs)?;
    let domains: Vec<String> = new_app.domains.iter().map(ToString::to_string).collect();
    let mut write = installation.store().write().await?;
    let app_id = write.insert_app(&new_app.name, &domains, new_app.max_age_secs, now).await?;
    let signing_key = insert_signing_key(installation, &mut write, app_id, now).await?;
    let api_key = insert_api_key(installation, &mut write, app_id, ("first", Scopes::all_of_an_app()), now).await?;
    let detail = json!({
        "by": by, "name": new_app.name, "domains": domains, "maxAgeSecs": new_app.max_age_secs,
        "kid": signing_key.kid, "apiKeyId": api_key.id(),
    });
    write.append_audit(&AuditEvent::new(AuditKind::AppCreated, detail).with_app(app_id), now).await?;
    write.commit().await?;
    Ok(CreatedApp { app_id, signing_key, api_key })
}

pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    if is_plain(name, NAME_LEN_MAX) { Ok(()) } else { Err(malformed("the name must be 1 to 256 bytes of plain text")) }
}

pub(super) fn check_domains(domains: &[DomainPattern]) -> Result<(), Refusal> {
    if domains.len() <= DOMAINS_MAX { Ok(()) } else { Err(malformed("an application has at most 64 domains")) }
}

pub(super) fn check_max_age(secs: u64) -> Result<(), Refusal> {
    let fits = (1..=MAX_AGE_SECS_MAX).contains(&secs);
    if fits { Ok(()) } else { Err(malformed("the maximum age must be 1 second to 366 days")) }
}

/// Adds a signing key beside the ones in use: the way to rotate without refusing anybody. `by` is who does it, for the
/// audit log.
pub async fn create_signing_key(
    installation: &Installation,
    app_id: AppId,
    by: Value,
    now: i64,
) -> Result<CreatedSigningKey, Refusal> {
    if installation.store().app(app_id).await?.is_none() {
        return Err(Refusal::new(ErrorCode::MalformedRequest, "there is no such application"));
    }
    let mut write = installation.store().write().await?;
    if write.count_signing_keys(app_id).await? >= SIGNING_KEYS_MAX {
        return Err(Refusal::new(ErrorCode::LimitReached, "four signing keys are in use: retire one first"));
    }
    let signing_key = insert_signing_key(installation, &mut write, app_id, now).await?;
    let event =
        AuditEvent::new(AuditKind::SigningKeyCreated, json!({ "by": by, "kid": signing_key.kid })).with_app(app_id);
    write.append_audit(&event, now).await?;
    write.commit().await?;
    Ok(signing_key)
}

/// Stops accepting a signing key, and ends the sessions that stand on it. False when there is no such key in use.
pub async fn retire_signing_key(
    installation: &Installation,
    app_id: AppId,
    kid: &KeyId,
    by: Value,
    now: i64,
) -> Result<bool, Refusal> {
    let mut write = installation.store().write().await?;
    let retired = write.retire_signing_key(app_id, kid, now).await?;
    if retired {
        let count = write.revoke_signed_by(app_id, kid, now).await?;
        let detail = json!({ "by": by, "kid": kid, "sessionsRevoked": count });
        write.append_audit(&AuditEvent::new(AuditKind::SigningKeyRetired, detail).with_app(app_id), now).await?;
        if count > 0 {
            let data = json!({ "kid": kid, "count": count });
            let event = Event { kind: EventType::SessionRevoked, app_id, file_id: None, data };
            write.append_event(&event, now).await?;
        }
        write.commit().await?;
    }
    Ok(retired)
}

async fn insert_signing_key(
    installation: &Installation,
    write: &mut WriteTransaction<'_>,
    app_id: AppId,
    now: i64,
) -> Result<CreatedSigningKey, Refusal> {
    let kid: KeyId = random_id::<4, _>()?;
    let secret = Zeroizing::new(random::<32>()?);
    let text = Zeroizing::new(Base64UrlUnpadded::encode_string(secret.as_ref()));
    let context = KmsContext::SigningKey { app_id, kid: &kid };
    let text_ciphertext = installation.kms().encrypt(text.as_bytes(), &context).await?;
    write.insert_signing_key(app_id, &SigningKeyRow { kid: kid.clone(), text_ciphertext }, now).await?;
    Ok(CreatedSigningKey { kid, text })
}

pub(super) async fn insert_api_key(
    installation: &Installation,
    write: &mut WriteTransaction<'_>,
    app_id: AppId,
    (name, scopes): (&str, Scopes),
    now: i64,
) -> Result<ApiKey, Refusal> {
    let id: ApiKeyId = random_id::<6, _>()?;
    let api_key = ApiKey::new(id.clone(), ApiKeySecret::from_bytes(random()?));
    let context = KmsContext::ApiKeyPsk(&id);
    let psk_ciphertext = installation.kms().encrypt(api_key.psk_secret().expose_secret(), &context).await?;
    let row = ApiKeyRow {
        id,
        app_id: Some(app_id),
        name: name.to_owned(),
        scopes,
        secret_hash: api_key.secret_hash(),
        psk_ciphertext,
        last_used_at: None,
    };
    write.insert_api_key(&row, now).await?;
    Ok(api_key)
}
