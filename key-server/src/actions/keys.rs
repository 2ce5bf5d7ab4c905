//! `POST /v1/keys`: keys of later periods, and the heartbeat.

use keyveil_protocol::api::{KeysRequest, KeysResponse, SessionInfo};
use keyveil_protocol::{AppId, ErrorCode, KeysGrant, RecipientPublicKey, Sealing};
use serde_json::json;

use super::grant::{BuildSecrets, Window};
use super::media_origins::MediaAddresses;
use super::published_title::PublishedTitle;
use super::release::{check_still_allowed, sample};
use super::{parse_json, psign, rng};
use crate::clock::{on_wire, stored};
use crate::origin::url_expiry;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{App, AuditEvent, AuditKind, Session, SessionProgress, StoreError};

/// Counters above this can't be kept; no session comes near.
const COUNTER_MAX: u64 = 1 << 53;

pub(crate) async fn keys(
    state: &ServerState,
    body: &[u8],
    mac: Option<&str>,
    origin: Option<&str>,
) -> Result<(AppId, KeysResponse), Refusal> {
    let request: KeysRequest = parse_json(body)?;
    let invalid = |cause: &'static str| Refusal::new(ErrorCode::SessionInvalid, cause);
    let mac = mac.ok_or_else(|| invalid("no MAC"))?;
    // The MAC key follows from the id alone, so a forged request costs no look into the database.
    if !state.installation.session_mac_key(&request.session_id).verify(body, mac) {
        return Err(invalid("MAC differs"));
    }
    let session =
        state.installation.store().session(&request.session_id).await?.ok_or_else(|| invalid("unknown session"))?;
    let app_id = session.app_id;
    let answer = release(state, body, &request, session, origin).await;
    answer.map(|response| (app_id, response)).map_err(|refusal| refusal.for_app(app_id))
}

async fn release(
    state: &ServerState,
    body: &[u8],
    request: &KeysRequest,
    session: Session,
    origin: Option<&str>,
) -> Result<KeysResponse, Refusal> {
    let installation = &state.installation;
    let now = state.clock.now();
    if session.revoked_at.is_some() {
        // A title that is gone took its sessions along, and is what the player is told of.
        PublishedTitle::load(installation, session.app_id, &session.file_id, Some(session.version)).await?;
    }
    check_session(request, &session, now)?;
    let app = installation.store().app(session.app_id).await?.ok_or(StoreError::Corrupt("session's app"))?;
    psign::check_origin(state, &app, None, origin)?;
    if origin != session.origin.as_deref() {
        return Err(Refusal::new(ErrorCode::OriginNotAllowed, "not the page that opened the session"));
    }
    let title = PublishedTitle::load(installation, session.app_id, &session.file_id, Some(session.version)).await?;
    let progress = progress(state, request, &session, &app, &title, origin, now).await?;
    let recipient = RecipientPublicKey::parse(&request.public_key)?;
    let build_id =
        session.build_id.as_ref().ok_or_else(|| Refusal::new(ErrorCode::SessionInvalid, "not of an SDK build"))?;
    let (_, build) = BuildSecrets::load(installation, build_id.as_str()).await?;
    let window = Window::new(&title, progress.max_track, request.period)?;
    let expires_at = on_wire(progress.expires_at);
    let keys = window.keys(&title.secret(installation).await?);
    let grant = KeysGrant { expires_at, keys, segment_keys: Vec::new() };
    let sealing = Sealing { request_body: body, recipient: &recipient, server_key: &build.server_key, psk: &build.psk };
    let envelope = grant.seal(&sealing, &mut rng())?;
    record(state, &session, &progress, &window, now).await?;
    let url_expires_at = on_wire(progress.url_expires_at);
    let addresses = MediaAddresses::of_app(state, session.app_id, title.folder(), url_expires_at).await?;
    Ok(KeysResponse {
        session: SessionInfo { id: Some(session.id), expires_at, server_time: now },
        playlist_url: addresses.playlist(),
        grant: envelope,
    })
}

fn check_session(request: &KeysRequest, session: &Session, now: u64) -> Result<(), Refusal> {
    if session.revoked_at.is_some() {
        return Err(Refusal::new(ErrorCode::SessionInvalid, "session was revoked"));
    }
    if on_wire(session.expires_at) <= now {
        return Err(Refusal::new(ErrorCode::SessionExpired, "past its expiry"));
    }
    if request.counter > COUNTER_MAX {
        return Err(Refusal::new(ErrorCode::MalformedRequest, "counter out of range"));
    }
    // Early and cheap; what decides is the compare-and-set in the transaction.
    if request.counter <= session.last_counter {
        return Err(replayed());
    }
    Ok(())
}

/// What the session will be after this request: as it was, or prolonged by a signature with a later expiry.
async fn progress(
    state: &ServerState,
    request: &KeysRequest,
    session: &Session,
    app: &App,
    title: &PublishedTitle,
    origin: Option<&str>,
    now: u64,
) -> Result<SessionProgress, Refusal> {
    let mut progress = SessionProgress {
        counter: request.counter,
        position_ms: request.position_ms.min(title.info.media.duration_ms),
        expires_at: session.expires_at,
        url_expires_at: session.url_expires_at,
        max_track: session.max_track,
        kid: session.kid.clone(),
    };
    let Some(psign) = &request.psign else { return Ok(progress) };
    let signature = psign::check(state, psign, now).await?;
    let other = |cause: &'static str| Refusal::new(ErrorCode::PsignOtherTitle, cause);
    if signature.app.app_id != session.app_id {
        return Err(other("renewal by another app"));
    }
    let authorization = signature.timely.authorize(Some(&session.file_id), title.info.mode)?;
    if authorization.claims().uid() != session.uid.as_deref() {
        return Err(other("renewal for another viewer"));
    }
    psign::check_origin(state, app, Some(authorization.claims()), origin)?;
    if stored(authorization.expires_at()) > session.expires_at {
        let claims = authorization.claims();
        progress.expires_at = stored(authorization.expires_at());
        progress.url_expires_at = stored(url_expiry(authorization.expires_at(), claims.media_ends_at()));
        progress.max_track = claims.max_track();
        progress.kid = signature.kid;
    }
    Ok(progress)
}

/// Counter and audit row, or neither; the envelope leaves only after this.
async fn record(
    state: &ServerState,
    session: &Session,
    progress: &SessionProgress,
    window: &Window,
    now: u64,
) -> Result<(), Refusal> {
    let detail = json!({
        "counter": progress.counter, "positionMs": progress.position_ms, "expiresAt": progress.expires_at,
        "kid": progress.kid, "released": window.detail(),
    });
    let event = AuditEvent::new(AuditKind::KeysReleased, detail)
        .with_app(session.app_id)
        .with_file(&session.file_id)
        .with_session(session.id);
    let mut write = state.installation.store().write().await?;
    check_still_allowed(&mut write, session, &progress.kid, ErrorCode::SessionInvalid).await?;
    let releases = write.advance_session(&session.id, progress, stored(now)).await?.ok_or_else(replayed)?;
    write.append_audit(&event, stored(now)).await?;
    sample(&mut write, session, &window.detail(), releases, stored(now)).await?;
    Ok(write.commit().await?)
}

fn replayed() -> Refusal {
    Refusal::new(ErrorCode::CounterReplayed, "counter not above the last one")
}
