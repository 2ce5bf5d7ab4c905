//! `POST /v1/play`: a signature becomes a session, media addresses and the first keys.

use keyveil_protocol::api::{PlayRequest, PlayResponse, SessionInfo};
use keyveil_protocol::{AppId, Envelope, ErrorCode, Mode, PlayGrant, RecipientPublicKey, Sealing, SessionId};

use super::admission::{self, Admission, Entry};
use super::grant::{BuildSecrets, Window};
use super::media_origins::MediaAddresses;
use super::{parse_json, random, rng};
use crate::refusal::Refusal;
use crate::state::ServerState;

pub(crate) async fn play(
    state: &ServerState,
    body: &[u8],
    origin: Option<&str>,
) -> Result<(AppId, PlayResponse), Refusal> {
    let request: PlayRequest = parse_json(body)?;
    let entry = Entry { psign: &request.psign, file_id: request.file_id.as_ref(), version: request.version, origin };
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
    let Admission { title, authorization, now, url_expires_at, .. } = admission;
    let addresses = MediaAddresses::of_app(state, title.info.app_id, title.folder(), *url_expires_at).await?;
    let (session_id, grant) = match title.info.mode {
        Mode::Clear => (None, None),
        Mode::Private => {
            let (session_id, grant) = start_session(state, body, request, admission).await?;
            (Some(session_id), Some(grant))
        }
        Mode::Standard => return Err(Refusal::new(ErrorCode::PsignContentType, "standard titles have no entry here")),
    };
    let claims = authorization.claims();
    Ok(PlayResponse {
        session: SessionInfo { id: session_id, expires_at: authorization.expires_at(), server_time: *now },
        title: title.info.clone(),
        playlist_url: addresses.playlist(),
        watermark: claims.ghost_watermark_info.as_ref().map(|info| info.text.clone()),
        preview: None,
        resolution_names: claims.content_info.as_ref().map(|info| info.resolution_names.clone()).unwrap_or_default(),
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
    let session = admission.session(session_id, Some(build_id), request.position_ms);
    let window = Window::new(&admission.title, session.max_track, admission.period_at(request.position_ms))?;
    let grant = PlayGrant {
        session_id,
        mac_key: installation.session_mac_key(&session_id),
        expires_at: admission.authorization.expires_at(),
        keys: window.keys(&admission.title.secret(installation).await?),
        segment_keys: Vec::new(),
    };
    let sealing = Sealing { request_body: body, recipient: &recipient, server_key: &build.server_key, psk: &build.psk };
    let envelope = grant.seal(&sealing, &mut rng())?;
    admission::record(state, &session, &window.detail()).await?;
    Ok((session_id, envelope))
}
