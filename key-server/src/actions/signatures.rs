//! `POST /v1/player-signatures` and `key-server sign`: a player signature made by this server.

use keyveil_protocol::psign::{
    self, ContentInfo, GhostWatermarkInfo, KeyveilClaims, PlayerSignatureClaims, ResolutionName, UrlAccessInfo,
};
use keyveil_protocol::{AddressRange, AppId, BelowMinLevel, ErrorCode, FileId, KeyId, PlaybackLevel, TrackClass};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::psign::open_signing_key;
use super::{parse_json, random};
use crate::clock::stored;
use crate::installation::Installation;
use crate::page_origin::DomainPattern;
use crate::refusal::Refusal;
use crate::store::{AuditEvent, AuditKind, SigningKeyRow, TitleState};

const EXPIRES_IN_SECS_DEFAULT: u64 = 24 * 3600;
const EXPIRES_IN_SECS_MAX: u64 = 366 * 24 * 3600;
const UID_LEN_MAX: usize = 128;

/// What a signature is to allow.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignatureRequest {
    /// The title.
    pub file_id: FileId,
    /// How long from now; a day when absent. The app's maximum age caps it.
    #[schema(minimum = 1, maximum = 31_622_400)]
    pub expires_in_secs: Option<u64>,
    /// The viewer.
    #[schema(min_length = 1, max_length = 128)]
    pub uid: Option<String>,
    /// The highest track class.
    pub max_track: Option<TrackClass>,
    /// The least playback level.
    pub min_level: Option<PlaybackLevel>,
    /// What a lower level gets; only with a least level.
    pub below_min_level: Option<BelowMinLevel>,
    /// A preview of so many seconds; 0 for the whole title.
    #[schema(maximum = 2_147_483_648_i64)]
    pub preview_secs: Option<u64>,
    /// So many client addresses may use it; 0 for any number.
    #[schema(maximum = 9)]
    pub address_limit: Option<u64>,
    /// Every request comes from one of these.
    #[schema(min_items = 1, max_items = 16)]
    pub ip: Option<Vec<AddressRange>>,
    /// Domains of the pages that may use it, besides the application's own.
    #[serde(default)]
    #[schema(max_items = 32)]
    pub domains: Vec<String>,
    /// Whether it opens one session only.
    #[serde(default)]
    pub once: bool,
    /// So many sessions of the viewer at once.
    #[schema(minimum = 1, maximum = 100)]
    pub sessions: Option<u32>,
    /// To find its sessions by.
    #[schema(pattern = "^[A-Za-z0-9_-]{0,64}$")]
    pub us: Option<String>,
    /// Text that the player draws over the picture.
    #[schema(max_length = 128)]
    pub watermark: Option<String>,
    /// Names for the quality menu.
    #[serde(default)]
    #[schema(max_items = 16)]
    pub resolution_names: Vec<ResolutionName>,
    /// The signing key; the newest one when absent.
    pub kid: Option<KeyId>,
}

/// A player signature and when it ends.
#[derive(Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MadeSignature {
    /// The JWT.
    pub psign: String,
    /// Its effective expiry.
    pub expires_at: u64,
}

pub(crate) async fn sign_request(
    installation: &Installation,
    app_id: AppId,
    body: &[u8],
    now: u64,
) -> Result<MadeSignature, Refusal> {
    let request: SignatureRequest = parse_json(body)?;
    sign(installation, app_id, &request, now).await
}

/// Signs with the app's newest signing key, or the one named.
pub async fn sign(
    installation: &Installation,
    app_id: AppId,
    request: &SignatureRequest,
    now: u64,
) -> Result<MadeSignature, Refusal> {
    let wrong = |cause: &'static str| Refusal::new(ErrorCode::MalformedRequest, cause);
    let expires_in_secs = request.expires_in_secs.unwrap_or(EXPIRES_IN_SECS_DEFAULT);
    if !(1..=EXPIRES_IN_SECS_MAX).contains(&expires_in_secs) {
        return Err(wrong("the expiry must be 1 second to 366 days from now"));
    }
    if request.uid.as_ref().is_some_and(|uid| uid.is_empty() || uid.len() > UID_LEN_MAX) {
        return Err(wrong("the uid must be 1 to 128 bytes"));
    }
    let store = installation.store();
    let app = store.app(app_id).await?.ok_or_else(|| wrong("there is no such application"))?;
    let title = store.title(&request.file_id).await?;
    if !title.is_some_and(|title| title.app_id == app_id && title.state != TitleState::Deleted) {
        return Err(Refusal::new(ErrorCode::TitleNotFound, "no such title in this app"));
    }
    let row = signing_key_row(installation, app_id, request.kid.as_ref()).await?;
    let signing_key = open_signing_key(installation, app_id, &row).await?;
    let expires_at = now.saturating_add(expires_in_secs.min(app.max_age_secs));
    let mut claims = claims(app_id, request, now)?;
    claims.expire_time_stamp = Some(expires_at);
    // Out of bounds, or too much in all: the request is at fault, not a signature.
    let psign = psign::sign(&claims, Some(&row.kid), &signing_key)
        .map_err(|error| Refusal::new(ErrorCode::MalformedRequest, error.cause()).with_detail(error.cause()))?;
    let detail = json!({ "kid": row.kid, "uid": request.uid, "us": request.us, "expiresAt": expires_at });
    let event = AuditEvent::new(AuditKind::SignatureMade, detail).with_app(app_id).with_file(&request.file_id);
    let mut write = store.write().await?;
    write.append_audit(&event, stored(now)).await?;
    write.commit().await?;
    Ok(MadeSignature { psign, expires_at })
}

async fn signing_key_row(
    installation: &Installation,
    app_id: AppId,
    kid: Option<&KeyId>,
) -> Result<SigningKeyRow, Refusal> {
    let row = installation.store().signing_keys(app_id, kid).await?.into_iter().next();
    row.ok_or_else(|| {
        let cause = match kid {
            Some(_) => "kid: the application has no such signing key in use",
            None => "the application has no signing key in use",
        };
        Refusal::new(ErrorCode::MalformedRequest, cause).with_detail(cause)
    })
}

fn claims(app_id: AppId, request: &SignatureRequest, now: u64) -> Result<PlayerSignatureClaims, Refusal> {
    if request.domains.iter().any(|domain| domain.parse::<DomainPattern>().is_err()) {
        let cause = "domains: each is a host name such as example.com or *.example.com";
        return Err(Refusal::new(ErrorCode::MalformedRequest, cause).with_detail(cause));
    }
    let mut claims = PlayerSignatureClaims::new(app_id, request.file_id.clone(), now);
    let url_access_info = UrlAccessInfo {
        exper: request.preview_secs,
        rlimit: request.address_limit,
        us: request.us.clone(),
        ..UrlAccessInfo::default()
    };
    let keyveil = KeyveilClaims {
        uid: request.uid.clone(),
        max_track: request.max_track,
        domains: request.domains.clone(),
        sessions: request.sessions,
        once: request.once,
        ip: request.ip.clone(),
        min_level: request.min_level,
        below_min_level: request.below_min_level,
    };
    let content_info = ContentInfo { audio_video_type: None, resolution_names: request.resolution_names.clone() };
    claims.url_access_info = Some(url_access_info).filter(|info| *info != UrlAccessInfo::default());
    claims.keyveil = Some(keyveil).filter(|own| *own != KeyveilClaims::default());
    claims.content_info = Some(content_info).filter(|info| *info != ContentInfo::default());
    claims.ghost_watermark_info = request.watermark.clone().map(|text| GhostWatermarkInfo { text });
    if claims.is_for_one_use() || claims.address_limit().is_some() {
        // Two viewers' signatures of one second would be one signature, and share its uses.
        claims.jti = Some(hex::encode(random::<16>()?));
    }
    Ok(claims)
}
