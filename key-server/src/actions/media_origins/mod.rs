//! `/v1/media-origins` and their commands: what stands in front of this server as CDN, and how its addresses are signed.

mod addresses;
mod open;

pub(crate) use addresses::{MediaAddresses, Viewing};
use keyveil_protocol::{AppId, ErrorCode, MediaOriginId};
pub(crate) use open::{MediaOriginCache, OpenMediaOrigin, open_origins};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use url::Url;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::query::malformed;
use crate::clock::on_wire;
use crate::installation::Installation;
use crate::kms::KmsContext;
use crate::origin::{UrlAuthKey, UrlScheme};
use crate::refusal::Refusal;
use crate::store::{AuditEvent, AuditKind, MediaOriginRow};

/// Media origins of one application.
const MEDIA_ORIGINS_MAX: usize = 16;
const TTL_SECS: std::ops::RangeInclusive<u32> = 60..=2_592_000;
const TTL_SECS_DEFAULT: u32 = 14_400;
const BASE_URL_LEN_MAX: usize = 256;

/// Body of `POST /v1/media-origins`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewMediaOrigin {
    /// Chosen by whoever makes it.
    pub origin_id: MediaOriginId,
    /// Scheme, host and port.
    #[schema(max_length = 256)]
    pub base_url: String,
    /// `path-hmac`, `a`, `b`, `c-path`, `c-query`, `f`, `tencent-d` or `tencent-key`.
    pub scheme: String,
    /// 6–64 letters and digits; made when absent, and told then.
    #[schema(value_type = Option<String>, min_length = 6, max_length = 64)]
    pub key: Option<SecretText>,
    /// Validates besides the main key.
    #[schema(value_type = Option<String>, min_length = 6, max_length = 64)]
    pub backup_key: Option<SecretText>,
    /// 14400 when absent.
    #[schema(minimum = 60, maximum = 2_592_000)]
    pub ttl_secs: Option<u32>,
    /// Whether playback gets addresses of it; no other one does then.
    #[serde(default)]
    pub is_default: bool,
}

/// Body of `PATCH /v1/media-origins/{originId}`.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MediaOriginChange {
    #[schema(max_length = 256)]
    base_url: Option<String>,
    scheme: Option<String>,
    #[schema(value_type = Option<String>, min_length = 6, max_length = 64)]
    key: Option<SecretText>,
    /// null takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, min_length = 6, max_length = 64)]
    backup_key: Option<Option<SecretText>>,
    #[schema(minimum = 60, maximum = 2_592_000)]
    ttl_secs: Option<u32>,
    is_default: Option<bool>,
}

/// A secret of a request: wiped, and never printed.
#[derive(Deserialize)]
#[serde(from = "String")]
pub struct SecretText(Zeroizing<String>);

/// A media origin as it is shown, never its keys.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MediaOrigin)]
pub struct MediaOriginView {
    origin_id: MediaOriginId,
    base_url: String,
    scheme: String,
    ttl_secs: u32,
    is_default: bool,
    has_backup_key: bool,
    created_at: u64,
    updated_at: u64,
}

/// A media origin with the key that was made for it, told once.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedMediaOrigin)]
pub struct CreatedMediaOrigin {
    #[serde(flatten)]
    origin: MediaOriginView,
    /// null where none was made.
    key: Option<String>,
}

/// The only page of media origins, oldest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaOriginsPage {
    media_origins: Vec<MediaOriginView>,
    next: Option<String>,
}

impl SecretText {
    /// What was typed.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    fn key(&self) -> Result<UrlAuthKey, Refusal> {
        UrlAuthKey::new(self.0.clone()).ok_or_else(|| malformed("key, backupKey: 6 to 64 letters and digits"))
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl CreatedMediaOrigin {
    /// The key that was made for it.
    #[must_use]
    pub fn expose_key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

/// An application's media origins.
pub async fn list(installation: &Installation, app_id: AppId) -> Result<MediaOriginsPage, Refusal> {
    let rows = installation.store().media_origins(app_id).await?;
    Ok(MediaOriginsPage { media_origins: rows.iter().map(MediaOriginView::of).collect(), next: None })
}

pub(crate) async fn show(
    installation: &Installation,
    app_id: AppId,
    id: &MediaOriginId,
) -> Result<MediaOriginView, Refusal> {
    let rows = installation.store().media_origins(app_id).await?;
    rows.iter().find(|row| row.origin_id == *id).map(MediaOriginView::of).ok_or_else(unknown)
}

/// Adds a media origin. `by` is who does it, for the audit log.
pub async fn create(
    installation: &Installation,
    app_id: AppId,
    new: &NewMediaOrigin,
    by: Value,
    now: i64,
) -> Result<CreatedMediaOrigin, Refusal> {
    let scheme = scheme_of(&new.scheme)?;
    let mut row = MediaOriginRow {
        app_id,
        origin_id: new.origin_id.clone(),
        base_url: base_url(&new.base_url)?,
        scheme: scheme.as_str().to_owned(),
        key_ciphertext: None,
        backup_key_ciphertext: None,
        ttl_secs: ttl_secs(new.ttl_secs.unwrap_or(TTL_SECS_DEFAULT))?,
        is_default: new.is_default,
        created_at: now,
        updated_at: now,
    };
    let made = match (scheme, &new.key) {
        (UrlScheme::PathHmac, None) if new.backup_key.is_none() => None,
        (UrlScheme::PathHmac, _) => return Err(no_key_here()),
        (UrlScheme::Vendor(_), Some(_)) => None,
        (UrlScheme::Vendor(_), None) => Some(SecretText(made_key()?)),
    };
    row.key_ciphertext = wrapped(installation, &row, made.as_ref().or(new.key.as_ref())).await?;
    row.backup_key_ciphertext = wrapped(installation, &row, new.backup_key.as_ref()).await?;
    if installation.store().app(app_id).await?.is_none() {
        return Err(Refusal::new(ErrorCode::NotFound, "there is no such application"));
    }
    let mut write = installation.store().write().await?;
    let present = write.media_origins(app_id).await?;
    if present.iter().any(|other| other.origin_id == row.origin_id) {
        return Err(malformed("originId: taken; choose another one, or change that one by PATCH"));
    }
    if present.len() >= MEDIA_ORIGINS_MAX {
        return Err(Refusal::new(ErrorCode::LimitReached, "an application has at most 16 media origins"));
    }
    write.put_media_origin(&row).await?;
    write.append_audit(&audit(AuditKind::MediaOriginCreated, &row, by), now).await?;
    write.commit().await?;
    Ok(CreatedMediaOrigin { origin: MediaOriginView::of(&row), key: made.map(|text| text.0.to_string()) })
}

pub(crate) async fn change(
    installation: &Installation,
    app_id: AppId,
    id: &MediaOriginId,
    change: &MediaOriginChange,
    (by, now): (Value, i64),
) -> Result<MediaOriginView, Refusal> {
    let scheme = change.scheme.as_deref().map(scheme_of).transpose()?;
    let base_url = change.base_url.as_deref().map(base_url).transpose()?;
    let ttl_secs = change.ttl_secs.map(ttl_secs).transpose()?;
    let present = installation.store().media_origins(app_id).await?;
    let row = present.into_iter().find(|row| row.origin_id == *id).ok_or_else(unknown)?;
    // Wrapped before the write begins: the KMS may take its time.
    let key = wrapped(installation, &row, change.key.as_ref()).await?;
    let backup_key = match &change.backup_key {
        Some(text) => Some(wrapped(installation, &row, text.as_ref()).await?),
        None => None,
    };
    let mut write = installation.store().write().await?;
    let present = write.media_origins(app_id).await?;
    let mut row = present.into_iter().find(|row| row.origin_id == *id).ok_or_else(unknown)?;
    row.base_url = base_url.unwrap_or(row.base_url);
    row.ttl_secs = ttl_secs.unwrap_or(row.ttl_secs);
    row.is_default = change.is_default.unwrap_or(row.is_default);
    row.updated_at = now;
    if let Some(scheme) = scheme {
        scheme.as_str().clone_into(&mut row.scheme);
    }
    if row.scheme == UrlScheme::PathHmac.as_str() {
        if key.is_some() || matches!(backup_key, Some(Some(_))) {
            return Err(no_key_here());
        }
        (row.key_ciphertext, row.backup_key_ciphertext) = (None, None);
    } else {
        row.key_ciphertext = key.or(row.key_ciphertext);
        row.backup_key_ciphertext = backup_key.unwrap_or(row.backup_key_ciphertext);
        if row.key_ciphertext.is_none() {
            return Err(malformed("key: this scheme needs one"));
        }
    }
    write.put_media_origin(&row).await?;
    write.append_audit(&audit(AuditKind::MediaOriginChanged, &row, by), now).await?;
    write.commit().await?;
    Ok(MediaOriginView::of(&row))
}

/// Takes a media origin away: its addresses hold no more.
pub async fn delete(
    installation: &Installation,
    app_id: AppId,
    id: &MediaOriginId,
    by: Value,
    now: i64,
) -> Result<(), Refusal> {
    let mut write = installation.store().write().await?;
    if !write.delete_media_origin(app_id, id).await? {
        return Err(unknown());
    }
    let detail = json!({ "originId": id, "by": by });
    write.append_audit(&AuditEvent::new(AuditKind::MediaOriginDeleted, detail).with_app(app_id), now).await?;
    Ok(write.commit().await?)
}

impl MediaOriginView {
    fn of(row: &MediaOriginRow) -> Self {
        Self {
            origin_id: row.origin_id.clone(),
            base_url: row.base_url.clone(),
            scheme: row.scheme.clone(),
            ttl_secs: row.ttl_secs,
            is_default: row.is_default,
            has_backup_key: row.backup_key_ciphertext.is_some(),
            created_at: on_wire(row.created_at),
            updated_at: on_wire(row.updated_at),
        }
    }

    /// One line for people.
    #[must_use]
    pub fn line(&self) -> String {
        let default = if self.is_default { "  default" } else { "" };
        format!("{}  {}  {}  {} s{default}", self.origin_id, self.scheme, self.base_url, self.ttl_secs)
    }
}

impl MediaOriginsPage {
    /// One line each, for people.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.media_origins.iter().map(MediaOriginView::line)
    }
}

/// Absent and null differ.
#[expect(clippy::option_option, reason = "absent and null differ")]
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<SecretText>>, D::Error> {
    Option::<SecretText>::deserialize(deserializer).map(Some)
}

async fn wrapped(
    installation: &Installation,
    row: &MediaOriginRow,
    text: Option<&SecretText>,
) -> Result<Option<Vec<u8>>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let key = text.key()?;
    let context = KmsContext::MediaOrigin { app_id: row.app_id, origin_id: row.origin_id.as_str() };
    Ok(Some(installation.kms().encrypt(key.expose_text().as_bytes(), &context).await?))
}

/// 20 letters and digits, which is what every vendor takes: 119 bits.
fn made_key() -> Result<Zeroizing<String>, Refusal> {
    const LEN: usize = 20;
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut key = Zeroizing::new(String::with_capacity(LEN));
    while key.len() < LEN {
        let [byte] = super::random::<1>()?;
        // Of 64 values two stand for nothing, so that all letters are equally likely.
        key.extend(ALPHABET.get(usize::from(byte & 0x3f)).map(|letter| char::from(*letter)));
    }
    Ok(key)
}

fn scheme_of(name: &str) -> Result<UrlScheme, Refusal> {
    let cause = "scheme: path-hmac, a, b, c-path, c-query, f, tencent-d or tencent-key";
    UrlScheme::from_name(name).ok_or_else(|| malformed(cause))
}

/// Without its slash, so that a path goes behind it.
fn base_url(text: &str) -> Result<String, Refusal> {
    let wrong = || malformed("baseUrl: scheme, host and port only, such as https://cdn.example.com");
    let url = Url::parse(text).map_err(|_| wrong())?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let fits = matches!(url.scheme(), "http" | "https") && url.host().is_some() && url.password().is_none() && bare;
    if fits && text.len() <= BASE_URL_LEN_MAX {
        Ok(url.as_str().trim_end_matches('/').to_owned())
    } else {
        Err(wrong())
    }
}

fn ttl_secs(secs: u32) -> Result<u32, Refusal> {
    if TTL_SECS.contains(&secs) { Ok(secs) } else { Err(malformed("ttlSecs: 60 to 2592000")) }
}

fn audit(kind: AuditKind, row: &MediaOriginRow, by: Value) -> AuditEvent {
    let detail = json!({ "originId": row.origin_id, "scheme": row.scheme, "baseUrl": row.base_url, "by": by });
    AuditEvent::new(kind, detail).with_app(row.app_id)
}

fn no_key_here() -> Refusal {
    malformed("key, backupKey: path-hmac is signed by this server's own key and takes none")
}

fn unknown() -> Refusal {
    Refusal::new(ErrorCode::NotFound, "no such media origin")
}
