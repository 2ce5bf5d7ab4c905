//! Whom a player signature admits: every check up to the grant, the same at every entry to playback.

use std::net::IpAddr;

use keyveil_protocol::api::Preview;
use keyveil_protocol::psign::PlayAuthorization;
use keyveil_protocol::{BuildId, ErrorCode, FileId, KeyId, Period, PlaybackLevel, Segment, SessionId, TrackClass};
use serde_json::{Value, json};

use super::levels::{self, Player, SessionLevel};
use super::limits::{self, SignatureUse};
use super::media_origins::{MediaAddresses, Viewing};
use super::pacing::{self, Asking, AskingKind};
use super::psign::{self, TimelySignature};
use super::published_title::PublishedTitle;
use super::release;
use crate::clock::stored;
use crate::metrics::GrantKind;
use crate::origin::url_expiry;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditEvent, AuditKind, Session, SessionLimits};

/// What a player shows at the door.
pub(super) struct Entry<'a> {
    pub(super) psign: &'a str,
    /// What it means to play, if it said so.
    pub(super) file_id: Option<&'a FileId>,
    /// The version it has playlists of, if it has any.
    pub(super) version: Option<u32>,
    /// What plays.
    pub(super) player: Player,
    /// The page that it is on.
    pub(super) origin: Option<&'a str>,
    /// Where it is.
    pub(super) address: IpAddr,
}

/// Proof that a signature is genuine, timely, and for this title, page and client. Uses and sessions are counted by [`record`].
pub(super) struct Admission {
    pub(super) title: PublishedTitle,
    pub(super) authorization: PlayAuthorization,
    pub(super) now: u64,
    pub(super) url_expires_at: u64,
    /// So many segments of a preview; none for the whole title.
    pub(super) preview_segments: Option<u32>,
    /// None for clear titles.
    level: Option<SessionLevel>,
    max_track: TrackClass,
    kid: KeyId,
    signature_hash: [u8; 32],
    limits: SessionLimits,
    origin: Option<String>,
    address: IpAddr,
}

/// In the order of docs/PROTOCOL.md: parse, HMAC, times, title and content type, domain, level, client. A refusal after the HMAC is told to
/// the application's pages.
pub(super) async fn admit(state: &ServerState, entry: &Entry<'_>) -> Result<Admission, Refusal> {
    let now = state.clock.now();
    let limits = &state.play_limits;
    let signature = psign::check(state, entry.psign, now).await;
    let signature = signature.map_err(|refusal| limits.refuse(entry.address, refusal))?;
    let app_id = signature.app.app_id;
    limits.check(entry.address, app_id)?;
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
    let level = SessionLevel::of(title.info.mode, entry.player)?;
    psign::check_origin(state, &app, Some(authorization.claims()), entry.origin)?;
    let max_track = levels::highest_track(&app, authorization.claims(), level.map(|it| it.level))?;
    let url_expires_at = url_expiry(authorization.expires_at(), authorization.claims().media_ends_at());
    let limits = limits::of_claims(authorization.claims());
    limits::check_address(&limits, entry.address)?;
    Ok(Admission {
        preview_segments: limits::preview_segments(authorization.claims(), &title.info.media),
        title,
        authorization,
        now,
        url_expires_at,
        level,
        max_track,
        kid,
        signature_hash: psign::signature_hash(entry.psign),
        limits,
        origin: entry.origin.map(str::to_owned),
        address: entry.address,
    })
}

impl Admission {
    /// How the title's files are addressed for this viewer.
    pub(super) async fn addresses(&self, state: &ServerState) -> Result<MediaAddresses, Refusal> {
        let (expires_at, preview_segments) = (self.url_expires_at, self.preview_segments);
        let viewing = Viewing { expires_at, preview_segments, us: self.authorization.claims().us() };
        MediaAddresses::of_title(state, &self.title, &viewing).await
    }

    /// The level that the title is played at; none for clear ones.
    pub(super) fn level(&self) -> Option<PlaybackLevel> {
        self.level.map(|it| it.level)
    }

    /// The highest track class that the signature and the rules on levels leave.
    pub(super) fn max_track(&self) -> TrackClass {
        self.max_track
    }

    /// The session that it may open. Of a clear title there is none.
    pub(super) fn session(
        &self,
        id: SessionId,
        build_id: Option<BuildId>,
        position_ms: u64,
    ) -> Result<Session, Refusal> {
        let (info, claims) = (&self.title.info, self.authorization.claims());
        let of_clear = || Refusal::new(ErrorCode::Internal, "a clear title has no session");
        let SessionLevel { level, downgrade } = self.level.ok_or_else(of_clear)?;
        Ok(Session {
            id,
            app_id: info.app_id,
            file_id: info.file_id.clone(),
            version: info.version,
            mode: info.mode,
            uid: claims.uid().map(str::to_owned),
            us: claims.us().map(str::to_owned),
            kid: self.kid.clone(),
            signature_hash: self.signature_hash,
            build_id,
            level,
            downgrade,
            max_track: self.max_track,
            preview_segments: self.preview_segments,
            limits: self.limits.clone(),
            origin: self.origin.clone(),
            ip_class: Some(limits::ip_class(self.address)),
            created_at: stored(self.now),
            expires_at: stored(self.authorization.expires_at()),
            url_expires_at: stored(self.url_expires_at),
            last_counter: 0,
            last_position_ms: position_ms.min(info.media.duration_ms),
            revoked_at: None,
            ended_by: None,
        })
    }

    /// The period that a playback position lies in; of a preview its last one for positions behind its end.
    pub(super) fn period_at(&self, position_ms: u64) -> Period {
        let last = self.preview_segments.map(|segments| segments.saturating_sub(1));
        let last = last.map(|last| self.title.info.media.period_segments.period_of(Segment(last)));
        let period = self.title.period_at(position_ms);
        last.map_or(period, |last| period.min(last))
    }

    /// What the player is told of a preview.
    pub(super) fn preview(&self) -> Option<Preview> {
        self.preview_segments.map(|segments| limits::preview(&self.title.info.media, segments))
    }

    fn signature_use(&self) -> SignatureUse<'_> {
        SignatureUse::new(&self.signature_hash, &self.limits, self.address, self.authorization.claims())
    }
}

/// Counts the use of a signature where there is no session to open: of a clear title.
pub(super) async fn record_use(state: &ServerState, admission: &Admission) -> Result<(), Refusal> {
    let signature_use = admission.signature_use();
    if signature_use.counts() {
        spend(state, &signature_use).await?;
    }
    state.installation.metrics().played(admission.title.info.mode.as_str());
    Ok(())
}

async fn spend(state: &ServerState, signature_use: &SignatureUse<'_>) -> Result<(), Refusal> {
    let mut write = state.installation.store().write_release().await?;
    signature_use.spend(&mut write, &state.installation).await?;
    Ok(write.commit().await?)
}

/// What keys leave with the opening of a session.
pub(super) struct Released {
    /// Those of which there is any key.
    pub(super) periods: Vec<u32>,
    /// For the audit log.
    pub(super) detail: Value,
}

/// Session, uses of its signature and audit row, or none of them; what was made for the session leaves only after this.
pub(super) async fn record(
    state: &ServerState,
    admission: &Admission,
    session: &Session,
    released: &Released,
) -> Result<(), Refusal> {
    let kind = (session.releases_at_opening() > 0).then_some(GrantKind::Play);
    release::measured(state, kind, write_down(state, admission, session, released)).await?;
    state.installation.metrics().played(session.mode.as_str());
    Ok(())
}

async fn write_down(
    state: &ServerState,
    admission: &Admission,
    session: &Session,
    released: &Released,
) -> Result<(), Refusal> {
    let Released { periods, detail: released } = released;
    let detail = json!({
        "uid": session.uid, "us": session.us, "kid": session.kid, "buildId": session.build_id, "origin": session.origin,
        "ipClass": session.ip_class, "maxTrack": session.max_track.name(), "level": session.level, "downgrade": session.downgrade,
        "previewSegments": session.preview_segments,
        "released": released,
    });
    let event = AuditEvent::new(AuditKind::SessionStarted, detail)
        .with_app(session.app_id)
        .with_file(&session.file_id)
        .with_session(session.id);
    let mut write = state.installation.store().write_release().await?;
    let without_key = (ErrorCode::PsignSignature, session.created_at);
    let still = release::check_still_allowed(&mut write, session, &session.kid, without_key).await?;
    if still.session.is_some() {
        // Of a signature that names its session by itself. To insert it again would end the transaction for all who share it; who
        // opened it may be one of those, and whoever is told of it finds it.
        write.commit().await?;
        return Err(Refusal::new(ErrorCode::Unavailable, "the session was opened while the request was on its way"));
    }
    let kind = AskingKind::Opening { is_old_build: still.newer_build };
    let asking = Asking { session, title: &admission.title, periods, address: admission.address, kind };
    let (mut write, paced) = pacing::admit(state, write, (&asking, still.account), admission.now).await?;
    admission.signature_use().spend(&mut write, &state.installation).await?;
    limits::make_room(&mut write, session).await?;
    write.insert_session(session).await?;
    paced.keep(&mut write, session, session.created_at).await?;
    write.append_audit_later(&event, session.created_at).await?;
    if session.releases_at_opening() > 0 {
        release::sample(&mut write, session, released, 1, session.created_at).await?;
    }
    Ok(write.commit().await?)
}
