//! `POST /v1/player-signatures` and `key-server sign`: a player signature made by this server.

use keyveil_protocol::psign::{self, KeyveilClaims, PlayerSignatureClaims};
use keyveil_protocol::{AppId, ErrorCode, FileId, TrackClass};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::parse_json;
use super::psign::open_signing_key;
use crate::clock::stored;
use crate::installation::Installation;
use crate::refusal::Refusal;
use crate::store::{AuditEvent, AuditKind, TitleState};

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

/// Signs with the app's newest signing key.
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
    let row = store.signing_keys(app_id, None).await?.into_iter().next();
    let row = row.ok_or_else(|| wrong("the application has no signing key in use"))?;
    let signing_key = open_signing_key(installation, app_id, &row).await?;
    let expires_at = now.saturating_add(expires_in_secs.min(app.max_age_secs));
    let mut claims = PlayerSignatureClaims::new(app_id, request.file_id.clone(), now);
    claims.expire_time_stamp = Some(expires_at);
    if request.uid.is_some() || request.max_track.is_some() {
        claims.keyveil =
            Some(KeyveilClaims { uid: request.uid.clone(), max_track: request.max_track, ..KeyveilClaims::default() });
    }
    let psign = psign::sign(&claims, Some(&row.kid), &signing_key)?;
    let detail = json!({ "kid": row.kid, "uid": request.uid, "expiresAt": expires_at });
    let event = AuditEvent::new(AuditKind::SignatureMade, detail).with_app(app_id).with_file(&request.file_id);
    let mut write = store.write().await?;
    write.append_audit(&event, stored(now)).await?;
    write.commit().await?;
    Ok(MadeSignature { psign, expires_at })
}
