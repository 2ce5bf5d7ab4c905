//! `POST /v1/player-signatures/decode`: what a player signature says, and whether it would be taken.

use base64ct::{Base64UrlUnpadded, Encoding};
use keyveil_protocol::psign::{PSIGN_LEN_MAX, PlayerSignatureClaims, UnverifiedPlayerSignature};
use keyveil_protocol::{ErrorCode, KeyId, Mode, PlaybackLevel};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::psign::open_signing_key;
use super::{levels, parse_json};
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{App, StoreError, TitleState};

/// Body of `POST /v1/player-signatures/decode`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecodeRequest {
    #[schema(max_length = 4096)]
    psign: String,
}

/// Claims that are not known here are left out, as they are ignored in play requests.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DecodedSignature)]
pub(crate) struct Decoded {
    valid: bool,
    /// The refusal that a play request would get.
    #[schema(value_type = Option<String>)]
    code: Option<&'static str>,
    #[schema(value_type = Option<String>)]
    message: Option<&'static str>,
    /// The key that made it; before that is known, the one that it names.
    kid: Option<KeyId>,
    /// What its first part says, whatever it is.
    #[schema(value_type = Option<Object>)]
    header: Option<Map<String, Value>>,
    claims: Option<PlayerSignatureClaims>,
    /// Its effective expiry, once its key is known.
    expires_at: Option<u64>,
}

/// A signature that is wrong is a result, not a refusal. The page's domain is not part of it: that is known at play only.
pub(crate) async fn decode(state: &ServerState, principal: &Principal, body: &[u8]) -> Result<Decoded, Refusal> {
    let DecodeRequest { psign } = parse_json(body)?;
    let app = state.installation.store().app(principal.app_id).await?.ok_or(StoreError::Corrupt("key's app"))?;
    let mut decoded = Decoded { header: header(&psign), ..Decoded::default() };
    match judge(state, &app, &psign, &mut decoded).await {
        Ok(()) => decoded.valid = true,
        Err(refusal) if refusal.code().http_status() >= 500 => return Err(refusal),
        Err(refusal) => {
            decoded.code = Some(refusal.code().as_str());
            decoded.message = Some(refusal.code().message());
        }
    }
    Ok(decoded)
}

/// Told also of a signature that is refused: an `alg` that is not taken is the reason then.
fn header(psign: &str) -> Option<Map<String, Value>> {
    let (header, _) = psign.split_once('.').filter(|_| psign.len() <= PSIGN_LEN_MAX)?;
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(header).ok()?).ok()
}

/// The order is that of play: form, HMAC, times, title, content type and limits.
async fn judge(state: &ServerState, app: &App, psign: &str, decoded: &mut Decoded) -> Result<(), Refusal> {
    let mut unverified = UnverifiedPlayerSignature::parse(psign)?;
    decoded.kid = unverified.kid().cloned();
    let claims = unverified.claims().clone();
    decoded.claims = Some(claims.clone());
    let wrong = || Refusal::new(ErrorCode::PsignSignature, "no signing key in use of this app fits");
    if claims.app_id != app.app_id {
        return Err(wrong());
    }
    let (installation, now) = (&state.installation, state.clock.now());
    for row in installation.store().signing_keys(app.app_id, unverified.kid()).await? {
        let signing_key = open_signing_key(installation, app.app_id, &row).await?;
        let verified = match unverified.verify_by(&signing_key) {
            Ok(verified) => verified,
            Err(back) => {
                unverified = *back;
                continue;
            }
        };
        decoded.kid = Some(row.kid);
        // Also an expired one says when that was; one that never held has no such time.
        let expires_at = verified.expires_at(app.max_age_secs);
        decoded.expires_at = (expires_at > claims.current_time_stamp).then_some(expires_at);
        let timely = verified.check_times(now, app.max_age_secs)?;
        let title = installation.store().title(&claims.file_id).await?;
        let playable = title.filter(|title| title.app_id == app.app_id && title.state == TitleState::Published);
        let title =
            playable.ok_or_else(|| Refusal::new(ErrorCode::TitleNotFound, "no such published title in this app"))?;
        let authorization = timely.authorize(None, title.mode)?;
        if title.mode == Mode::Standard {
            // Whatever plays it; what level a private title is played at is known at play only.
            levels::highest_track(app, authorization.claims(), Some(PlaybackLevel::Standard))?;
        }
        return Ok(());
    }
    Err(wrong())
}
