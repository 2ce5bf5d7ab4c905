//! Whom a player signature admits: every check up to the grant, the same at every entry to playback.

use keyveil_protocol::psign::PlayAuthorization;
use keyveil_protocol::{BuildId, ErrorCode, FileId, KeyId, Period, SessionId};
use ring::digest;
use serde_json::{Value, json};

use super::psign::{self, TimelySignature};
use super::published_title::PublishedTitle;
use super::release;
use crate::clock::stored;
use crate::origin::url_expiry;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditEvent, AuditKind, Session};

/// What a player shows at the door.
pub(super) struct Entry<'a> {
    pub(super) psign: &'a str,
    /// What it means to play, if it said so.
    pub(super) file_id: Option<&'a FileId>,
    /// The version it has playlists of, if it has any.
    pub(super) version: Option<u32>,
    /// The page that it is on.
    pub(super) origin: Option<&'a str>,
}

/// Proof that a signature is genuine, timely, and for this title and page.
pub(super) struct Admission {
    pub(super) title: PublishedTitle,
    pub(super) authorization: PlayAuthorization,
    pub(super) now: u64,
    pub(super) url_expires_at: u64,
    kid: KeyId,
    signature_hash: [u8; 32],
    origin: Option<String>,
}

/// In the order of docs/PROTOCOL.md: parse, HMAC, times, title and content type, domain. A refusal after the HMAC is told to
/// the application's pages.
pub(super) async fn admit(state: &ServerState, entry: &Entry<'_>) -> Result<Admission, Refusal> {
    let now = state.clock.now();
    let signature = psign::check(state, entry.psign, now).await?;
    let app_id = signature.app.app_id;
    authorize(state, entry, signature, now).await.map_err(|refusal| refusal.for_app(app_id))
}

async fn authorize(
    state: &ServerState,
    entry: &Entry<'_>,
    signature: TimelySignature,
    now: u64,
) -> Result<Admission, Refusal> {
    let TimelySignature { timely, app, kid } = signature;
    let title = PublishedTitle::load(&state.installation, app.app_id, timely.file_id(), entry.version).await?;
    let authorization = timely.authorize(entry.file_id, title.info.mode)?;
    psign::check_origin(state, &app, Some(authorization.claims()), entry.origin)?;
    let url_expires_at = url_expiry(authorization.expires_at(), authorization.claims().media_ends_at());
    let mut signature_hash = [0; 32];
    signature_hash.copy_from_slice(digest::digest(&digest::SHA256, entry.psign.as_bytes()).as_ref());
    let origin = entry.origin.map(str::to_owned);
    Ok(Admission { title, authorization, now, url_expires_at, kid, signature_hash, origin })
}

impl Admission {
    /// The session that it may open. Of a clear title there is none.
    pub(super) fn session(&self, id: SessionId, build_id: Option<BuildId>, position_ms: u64) -> Session {
        let (info, claims) = (&self.title.info, self.authorization.claims());
        Session {
            id,
            app_id: info.app_id,
            file_id: info.file_id.clone(),
            version: info.version,
            mode: info.mode,
            uid: claims.uid().map(str::to_owned),
            kid: self.kid.clone(),
            signature_hash: self.signature_hash,
            build_id,
            max_track: claims.max_track(),
            origin: self.origin.clone(),
            created_at: stored(self.now),
            expires_at: stored(self.authorization.expires_at()),
            url_expires_at: stored(self.url_expires_at),
            last_counter: 0,
            last_position_ms: position_ms.min(info.media.duration_ms),
            revoked_at: None,
        }
    }

    /// The period that a playback position lies in.
    pub(super) fn period_at(&self, position_ms: u64) -> Period {
        self.title.period_at(position_ms)
    }
}

/// Session and audit row, or neither; what was made for the session leaves only after this. `released` is what keys it is
/// given with its opening.
pub(super) async fn record(state: &ServerState, session: &Session, released: &Value) -> Result<(), Refusal> {
    let detail = json!({
        "uid": session.uid, "kid": session.kid, "buildId": session.build_id, "origin": session.origin,
        "maxTrack": session.max_track.name(), "released": released,
    });
    let event = AuditEvent::new(AuditKind::SessionStarted, detail)
        .with_app(session.app_id)
        .with_file(&session.file_id)
        .with_session(session.id);
    let mut write = state.installation.store().write().await?;
    release::check_still_allowed(&mut write, session, &session.kid, ErrorCode::PsignSignature).await?;
    write.insert_session(session).await?;
    write.append_audit(&event, session.created_at).await?;
    release::sample(&mut write, session, released, 1, session.created_at).await?;
    Ok(write.commit().await?)
}
