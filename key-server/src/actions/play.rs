//! `POST /v1/play`: a signature becomes a session, media addresses and the first keys.

use std::net::IpAddr;

use keyveil_protocol::api::{PlayRequest, PlayResponse, SessionInfo};
use keyveil_protocol::{AppId, Envelope, Mode, PlayGrant, RecipientPublicKey, Sealing, SessionId};

use super::admission::{self, Admission, Entry, Released};
use super::grant::{BuildSecrets, Window};
use super::levels::Player;
use super::{parse_json, random, rng, standard};
use crate::refusal::Refusal;
use crate::state::ServerState;

pub(crate) async fn play(
    state: &ServerState,
    body: &[u8],
    origin: Option<&str>,
    address: IpAddr,
) -> Result<(AppId, PlayResponse), Refusal> {
    let request: PlayRequest = parse_json(body)?;
    let entry = Entry {
        psign: &request.psign,
        file_id: request.file_id.as_ref(),
        version: request.version,
        player: Player::Sdk(request.stated),
        origin,
        address,
    };
    let admission = admission::admit(state, &entry).await?;
    let app_id = admission.title.info.app_id;
    let response = open(state, body, &request, &admission).await;
    response.map(|response| (app_id, response)).map_err(|refusal| refusal.for_app(app_id))
}

async fn open(
    state: &ServerState,
    body: &[u8],
    request: &PlayRequest,
    admission: &Admission,
) -> Result<PlayResponse, Refusal> {
    let Admission { title, authorization, now, .. } = admission;
    let mut playlist_url = admission.addresses(state).await?.playlist();
    let (session_id, grant) = match title.info.mode {
        Mode::Clear => {
            admission::record_use(state, admission).await?;
            (None, None)
        }
        Mode::Private => {
            let (session_id, grant) = start_session(state, body, request, admission).await?;
            (Some(session_id), Some(grant))
        }
        Mode::Standard => {
            let id = SessionId::from_bytes(random()?);
            let session = standard::open(state, admission, id, request.position_ms).await?;
            playlist_url = standard::with_token(state, &playlist_url, &session)?;
            (Some(id), None)
        }
    };
    let claims = authorization.claims();
    Ok(PlayResponse {
        session: SessionInfo {
            id: session_id,
            expires_at: authorization.expires_at(),
            server_time: *now,
            level: admission.level(),
        },
        title: title.info.clone(),
        playlist_url,
        watermark: claims.ghost_watermark_info.as_ref().map(|info| info.text.clone()),
        preview: admission.preview(),
        sprites_url: title.sprites.as_deref().map(|path| state.preview_url(&title.folder(), path)),
        resolution_names: claims.content_info.as_ref().map(|info| info.resolution_names.clone()).unwrap_or_default(),
        max_track: admission.max_track(),
        grant,
    })
}

async fn start_session(
    state: &ServerState,
    body: &[u8],
    request: &PlayRequest,
    admission: &Admission,
) -> Result<(SessionId, Envelope), Refusal> {
    let installation = &state.installation;
    let recipient = RecipientPublicKey::parse(&request.public_key)?;
    let (build_id, build) = BuildSecrets::load(installation, &request.build_id).await?;
    let session_id = SessionId::from_bytes(random()?);
    let session = admission.session(session_id, Some(build_id), request.position_ms)?;
    let first = admission.period_at(request.position_ms);
    let window = Window::new(&admission.title, session.max_track, session.preview_segments, first)?;
    let title_secret = admission.title.secret(installation).await?;
    let grant = PlayGrant {
        session_id,
        mac_key: installation.session_mac_key(&session_id),
        expires_at: admission.authorization.expires_at(),
        keys: window.keys(&title_secret),
        segment_keys: window.segment_keys(&title_secret),
    };
    let sealing = Sealing { request_body: body, recipient: &recipient, server_key: &build.server_key, psk: &build.psk };
    let envelope = grant.seal(&sealing, &mut rng())?;
    let released = Released { periods: window.periods(), detail: window.detail() };
    admission::record(state, admission, &session, &released).await?;
    Ok((session_id, envelope))
}
