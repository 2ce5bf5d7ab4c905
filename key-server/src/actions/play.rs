//! `POST /v1/play`: a signature becomes a session, media addresses and the first keys.

use keyveil_protocol::api::{PlayRequest, PlayResponse, SessionInfo};
use keyveil_protocol::psign::PlayAuthorization;
use keyveil_protocol::{AppId, ErrorCode, KeyId, Mode, PlayGrant, RecipientPublicKey, Sealing, SessionId};
use serde_json::json;

use super::grant::{BuildSecrets, Window};
use super::psign::{self, TimelySignature};
use super::published_title::PublishedTitle;
use super::{parse_json, random, release, rng};
use crate::clock::stored;
use crate::origin::url_expiry;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditEvent, AuditKind, Session};

/// A request that may play this title.
struct Authorized {
    request: PlayRequest,
    title: PublishedTitle,
    authorization: PlayAuthorization,
    kid: KeyId,
    now: u64,
    url_expires_at: u64,
}

/// In the order of docs/PROTOCOL.md: parse, HMAC, times, title and content type, domain, grant.
pub(crate) async fn play(
    state: &ServerState,
    body: &[u8],
    origin: Option<&str>,
) -> Result<(AppId, PlayResponse), Refusal> {
    let request: PlayRequest = parse_json(body)?;
    let now = state.clock.now();
    let signature = psign::check(state, &request.psign, now).await?;
    let app_id = signature.app.app_id;
    let response = async {
        let authorized = authorize(state, request, signature, origin, now).await?;
        open(state, body, origin, &authorized).await
    };
    response.await.map(|response| (app_id, response)).map_err(|refusal| refusal.for_app(app_id))
}

async fn authorize(
    state: &ServerState,
    request: PlayRequest,
    signature: TimelySignature,
    origin: Option<&str>,
    now: u64,
) -> Result<Authorized, Refusal> {
    let TimelySignature { timely, app, kid } = signature;
    let title = PublishedTitle::load(&state.installation, app.app_id, timely.file_id(), request.version).await?;
    let authorization = timely.authorize(request.file_id.as_ref(), title.info.mode)?;
    psign::check_origin(state, &app, Some(authorization.claims()), origin)?;
    let url_expires_at = url_expiry(authorization.expires_at(), authorization.claims().media_ends_at());
    Ok(Authorized { request, title, authorization, kid, now, url_expires_at })
}

async fn open(
    state: &ServerState,
    body: &[u8],
    origin: Option<&str>,
    authorized: &Authorized,
) -> Result<PlayResponse, Refusal> {
    let Authorized { title, authorization, now, .. } = authorized;
    let (session_id, grant) = match title.info.mode {
        Mode::Clear => (None, None),
        Mode::Private => {
            let (session_id, grant) = start_session(state, body, origin, authorized).await?;
            (Some(session_id), Some(grant))
        }
    };
    let claims = authorization.claims();
    Ok(PlayResponse {
        session: SessionInfo { id: session_id, expires_at: authorization.expires_at(), server_time: *now },
        title: title.info.clone(),
        playlist_url: state.playlist_url(&title.folder(), authorized.url_expires_at),
        watermark: claims.ghost_watermark_info.as_ref().map(|info| info.text.clone()),
        resolution_names: claims.content_info.as_ref().map(|info| info.resolution_names.clone()).unwrap_or_default(),
        grant,
    })
}

async fn start_session(
    state: &ServerState,
    body: &[u8],
    origin: Option<&str>,
    authorized: &Authorized,
) -> Result<(SessionId, keyveil_protocol::Envelope), Refusal> {
    let Authorized { request, title, authorization, kid, now, url_expires_at } = authorized;
    let installation = &state.installation;
    let recipient = RecipientPublicKey::parse(&request.public_key)?;
    let (build_id, build) = BuildSecrets::load(installation, &request.build_id).await?;
    let max_track = authorization.claims().max_track();
    let window = Window::new(title, max_track, title.period_at(request.position_ms))?;
    let session_id = SessionId::from_bytes(random()?);
    let grant = PlayGrant {
        session_id,
        mac_key: installation.session_mac_key(&session_id),
        expires_at: authorization.expires_at(),
        keys: window.keys(&title.secret(installation).await?),
    };
    let sealing = Sealing { request_body: body, recipient: &recipient, server_key: &build.server_key, psk: &build.psk };
    let envelope = grant.seal(&sealing, &mut rng())?;
    let session = Session {
        id: session_id,
        app_id: title.info.app_id,
        file_id: title.info.file_id.clone(),
        version: title.info.version,
        uid: authorization.claims().uid().map(str::to_owned),
        kid: kid.clone(),
        build_id,
        max_track,
        origin: origin.map(str::to_owned),
        created_at: stored(*now),
        expires_at: stored(authorization.expires_at()),
        url_expires_at: stored(*url_expires_at),
        last_counter: 0,
        last_position_ms: request.position_ms.min(title.info.media.duration_ms),
        revoked_at: None,
    };
    record(state, &session, &window).await?;
    Ok((session_id, envelope))
}

/// Session and audit row, or neither; the envelope leaves only after this.
async fn record(state: &ServerState, session: &Session, window: &Window) -> Result<(), Refusal> {
    let detail = json!({
        "uid": session.uid, "kid": session.kid, "buildId": session.build_id, "origin": session.origin,
        "maxTrack": session.max_track.name(), "released": window.detail(),
    });
    let event = AuditEvent::new(AuditKind::SessionStarted, detail)
        .with_app(session.app_id)
        .with_file(&session.file_id)
        .with_session(session.id);
    let mut write = state.installation.store().write().await?;
    release::check_still_allowed(&mut write, session, &session.kid, ErrorCode::PsignSignature).await?;
    write.insert_session(session).await?;
    write.append_audit(&event, session.created_at).await?;
    release::sample(&mut write, session, &window.detail(), 1, session.created_at).await?;
    Ok(write.commit().await?)
}
