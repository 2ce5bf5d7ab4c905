//! `POST /v1/keys`: keys of later periods, and the heartbeat.

use std::net::IpAddr;

use keyveil_protocol::api::{KeysRequest, KeysResponse, SessionInfo};
use keyveil_protocol::psign::PlayerSignatureClaims;
use keyveil_protocol::{AppId, ErrorCode, KeysGrant, RecipientPublicKey, Sealing};
use serde_json::json;

use super::grant::{BuildSecrets, Window};
use super::levels;
use super::limits::{self, SignatureUse};
use super::media_origins::{MediaAddresses, Viewing};
use super::pacing::{self, Asking, AskingKind};
use super::published_title::PublishedTitle;
use super::release::{check_still_allowed, ended, measured, sample, still_running};
use super::{parse_json, psign, rng};
use crate::clock::{on_wire, stored};
use crate::metrics::GrantKind;
use crate::origin::url_expiry;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{App, AuditEvent, AuditKind, Session, SessionProgress, StoreError};

/// Counters above this can't be kept; no session comes near.
const COUNTER_MAX: u64 = 1 << 53;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client<'a> {
    /// The page that it is on.
    pub(crate) origin: Option<&'a str>,
    pub(crate) address: IpAddr,
}

pub(crate) async fn keys(
    state: &ServerState,
    body: &[u8],
    mac: Option<&str>,
    client: Client<'_>,
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
    let answer = release(state, body, &request, session, client).await;
    answer.map(|response| (app_id, response)).map_err(|refusal| refusal.for_app(app_id))
}

async fn release(
    state: &ServerState,
    body: &[u8],
    request: &KeysRequest,
    session: Session,
    client: Client<'_>,
) -> Result<KeysResponse, Refusal> {
    let origin = client.origin;
    let installation = &state.installation;
    let now = state.clock.now();
    if session.revoked_at.is_some() {
        // A title that is gone took its sessions along, and is what the player is told of.
        PublishedTitle::load(installation, session.app_id, &session.file_id, Some(session.version)).await?;
    }
    check_session(request, &session, now)?;
    let app = installation.store().recent_app(session.app_id).await?.ok_or(StoreError::Corrupt("session's app"))?;
    psign::check_origin(state, &app, None, origin)?;
    if origin != session.origin.as_deref() {
        return Err(Refusal::new(ErrorCode::OriginNotAllowed, "not the page that opened the session"));
    }
    limits::check_request(&session, client.address, origin)?;
    let title = PublishedTitle::load(installation, session.app_id, &session.file_id, Some(session.version)).await?;
    let (progress, renewal) = progress(state, request, &session, (&app, &title), client, now).await?;
    let recipient = RecipientPublicKey::parse(&request.public_key)?;
    let build_id =
        session.build_id.as_ref().ok_or_else(|| Refusal::new(ErrorCode::SessionInvalid, "not of an SDK build"))?;
    let (_, build) = BuildSecrets::load(installation, build_id.as_str()).await?;
    let window = Window::new(&title, progress.max_track, progress.preview_segments, request.period)?;
    let expires_at = on_wire(progress.expires_at);
    let title_secret = title.secret(installation).await?;
    let (keys, segment_keys) = (window.keys(&title_secret), window.segment_keys(&title_secret));
    let grant = KeysGrant { expires_at, keys, segment_keys };
    let sealing = Sealing { request_body: body, recipient: &recipient, server_key: &build.server_key, psk: &build.psk };
    let envelope = grant.seal(&sealing, &mut rng())?;
    let signature_use = match &renewal {
        Some(claims) => SignatureUse::new(&progress.signature_hash, &progress.limits, client.address, claims),
        None => SignatureUse::of_session(&session, client.address),
    };
    let position_ms = request.position_ms;
    let release = Release { session: &session, title: &title, progress: &progress, position_ms, signature_use, client };
    measured(state, Some(GrantKind::Keys), release.record(state, &window, now)).await?;
    let viewing = Viewing {
        expires_at: on_wire(progress.url_expires_at),
        preview_segments: progress.preview_segments,
        us: progress.us.as_deref(),
    };
    let addresses = MediaAddresses::of_title(state, &title, &viewing).await?;
    Ok(KeysResponse {
        session: SessionInfo { id: Some(session.id), expires_at, server_time: now, level: Some(session.level) },
        playlist_url: addresses.playlist(),
        max_track: progress.max_track,
        grant: envelope,
    })
}

fn check_session(request: &KeysRequest, session: &Session, now: u64) -> Result<(), Refusal> {
    ended(session)?;
    if on_wire(session.expires_at) <= now {
        return Err(Refusal::new(ErrorCode::SessionExpired, "past its expiry"));
    }
    if request.counter > COUNTER_MAX {
        return Err(Refusal::new(ErrorCode::MalformedRequest, "counter out of range"));
    }
    // Early and cheap; what decides is the comparison in the transaction.
    if request.counter <= session.last_counter {
        return Err(replayed());
    }
    Ok(())
}

/// What the session will be after this request: as it was, or prolonged by a signature with a later expiry, whose claims come
/// along then.
async fn progress(
    state: &ServerState,
    request: &KeysRequest,
    session: &Session,
    (app, title): (&App, &PublishedTitle),
    client: Client<'_>,
    now: u64,
) -> Result<(SessionProgress, Option<PlayerSignatureClaims>), Refusal> {
    let mut progress = SessionProgress {
        counter: request.counter,
        position_ms: request.position_ms.min(title.info.media.duration_ms),
        expires_at: session.expires_at,
        url_expires_at: session.url_expires_at,
        max_track: session.max_track,
        kid: session.kid.clone(),
        signature_hash: session.signature_hash,
        us: session.us.clone(),
        preview_segments: session.preview_segments,
        limits: session.limits.clone(),
    };
    let Some(psign) = &request.psign else { return Ok((progress, None)) };
    let signature = psign::check(state, psign, now).await?;
    let other = |cause: &'static str| Refusal::new(ErrorCode::PsignOtherTitle, cause);
    if signature.app.app_id != session.app_id {
        return Err(other("renewal by another app"));
    }
    let authorization = signature.timely.authorize(Some(&session.file_id), title.info.mode)?;
    let claims = authorization.claims();
    if claims.uid() != session.uid.as_deref() {
        return Err(other("renewal for another viewer"));
    }
    psign::check_origin(state, app, Some(claims), client.origin)?;
    let max_track = levels::highest_track(app, claims, Some(session.level))?;
    let limits = limits::of_claims(claims);
    limits::check_address(&limits, client.address)?;
    if stored(authorization.expires_at()) <= session.expires_at {
        return Ok((progress, None));
    }
    progress.expires_at = stored(authorization.expires_at());
    progress.url_expires_at = stored(url_expiry(authorization.expires_at(), claims.media_ends_at()));
    progress.max_track = max_track;
    progress.kid = signature.kid;
    progress.signature_hash = psign::signature_hash(psign);
    progress.us = claims.us().map(str::to_owned);
    // The player was told at its opening where a preview ends.
    let preview_segments = limits::preview_segments(claims, &title.info.media);
    progress.preview_segments = limits::shorter(session.preview_segments, preview_segments);
    progress.limits = limits;
    Ok((progress, Some(claims.clone())))
}

/// One release of keys to a session.
struct Release<'a> {
    session: &'a Session,
    title: &'a PublishedTitle,
    progress: &'a SessionProgress,
    /// As the player said it, wherever that is.
    position_ms: u64,
    signature_use: SignatureUse<'a>,
    client: Client<'a>,
}

impl Release<'_> {
    fn asking<'a>(&'a self, periods: &'a [u32]) -> Asking<'a> {
        let counter_step = self.progress.counter.saturating_sub(self.session.last_counter);
        let kind = AskingKind::Sdk { position_ms: self.position_ms, counter_step };
        Asking { session: self.session, title: self.title, periods, address: self.client.address, kind }
    }

    /// Counter, use of the signature and audit row, or none of them; the envelope leaves only after this.
    async fn record(&self, state: &ServerState, window: &Window, now: u64) -> Result<(), Refusal> {
        let (session, progress) = (self.session, self.progress);
        let detail = json!({
            "counter": progress.counter, "positionMs": progress.position_ms, "expiresAt": progress.expires_at,
            "kid": progress.kid, "ipClass": limits::ip_class(self.client.address), "released": window.detail(),
        });
        let event = AuditEvent::new(AuditKind::KeysReleased, detail)
            .with_app(session.app_id)
            .with_file(&session.file_id)
            .with_session(session.id);
        let mut write = state.installation.store().write_release().await?;
        let without_key = (ErrorCode::SessionInvalid, stored(now));
        let still = check_still_allowed(&mut write, session, &progress.kid, without_key).await?;
        let running = still_running(&still)?;
        let (mut write, paced) =
            pacing::admit(state, write, (&self.asking(&window.periods()), still.account), now).await?;
        self.signature_use.spend(&mut write, &state.installation).await?;
        if progress.counter <= running.last_counter {
            return Err(replayed());
        }
        write.advance_session(&session.id, progress, stored(now));
        if progress.expires_at > running.expires_at {
            write.renew_session(&session.id, progress)?;
        }
        let releases = running.releases.saturating_add(1);
        paced.keep(&mut write, session, stored(now)).await?;
        write.append_audit_later(&event, stored(now)).await?;
        sample(&mut write, session, &window.detail(), releases, stored(now)).await?;
        Ok(write.commit().await?)
    }
}

fn replayed() -> Refusal {
    Refusal::new(ErrorCode::CounterReplayed, "counter not above the last one")
}
