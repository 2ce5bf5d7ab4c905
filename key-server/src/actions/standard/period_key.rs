//! `GET /v1/hls-keys/{folder}/{trackClass}/{period}`: the key of one track class in one period.

use keyveil_protocol::{AppId, ErrorCode, Mode, Period, Rendition, Segment, SessionId, TrackClass};
use serde_json::json;
use zeroize::Zeroizing;

use super::release::{self, Release};
use super::{StandardKey, session};
use crate::actions::keys::Client;
use crate::actions::limits;
use crate::actions::published_title::PublishedTitle;
use crate::origin::{MediaFolder, UnverifiedSessionToken};
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::Session;

/// A key address, as it stood in the request.
pub(crate) struct PeriodKeyRequest<'a> {
    pub(crate) folder: &'a str,
    pub(crate) track_class: &'a str,
    pub(crate) period: &'a str,
    pub(crate) token: Option<&'a str>,
    pub(crate) client: Client<'a>,
}

/// In the order of docs/DELIVERY.md. Refusals after the session is known are told to the application's pages.
pub(crate) async fn period_key(
    state: &ServerState,
    request: &PeriodKeyRequest<'_>,
) -> Result<(AppId, StandardKey), Refusal> {
    let now = state.clock.now();
    let (session_id, folder) = verify(state, request).ok_or_else(|| {
        let invalid = Refusal::new(ErrorCode::SessionInvalid, "no token, or not of this folder");
        state.standard_limits.refuse(request.client.address, invalid)
    })?;
    state.standard_limits.check_session(&session_id)?;
    let unknown = || Refusal::new(ErrorCode::SessionInvalid, "unknown session");
    let session = state.installation.store().session(&session_id).await?.ok_or_else(unknown)?;
    let app_id = session.app_id;
    let key = release(state, request, &session, &folder, now).await;
    key.map(|key| (app_id, key)).map_err(|refusal| refusal.for_app(app_id))
}

/// Whose token it is. The MAC key follows from the id alone, so a forged token costs no look into the database.
fn verify(state: &ServerState, request: &PeriodKeyRequest<'_>) -> Option<(SessionId, MediaFolder)> {
    let token = UnverifiedSessionToken::parse(request.token?)?;
    let folder = MediaFolder::parse(request.folder)?;
    let mac_key = state.installation.session_mac_key(&token.session_id());
    token.verify(&mac_key, &folder).then(|| (token.session_id(), folder))
}

async fn release(
    state: &ServerState,
    request: &PeriodKeyRequest<'_>,
    session: &Session,
    folder: &MediaFolder,
    now: u64,
) -> Result<StandardKey, Refusal> {
    session::check(session, now)?;
    let title = session::title(state, session).await?;
    if session.folder() != *folder || title.info.mode != Mode::Standard {
        return Err(Refusal::new(ErrorCode::TitleNotFound, "not the title that the session was opened for"));
    }
    let track_class = check_track_class(request.track_class, &title, session)?;
    let period = check_period(request.period, &title)?;
    limits::check_period(session.preview_segments, title.info.media.period_segments, period)?;
    session::check_client(state, session, &request.client).await?;
    let period_key = title.secret(&state.installation).await?.period_key(track_class, period);
    // Key and IV; the key is the same for every segment of the period.
    let key = period_key.standard_segment_key(Rendition(0), Segment(0));
    let media = &title.info.media;
    let first_segment = u64::from(period.0).saturating_mul(u64::from(media.period_segments.value()));
    let position_ms = first_segment.saturating_mul(u64::from(media.segment_ms)).min(media.duration_ms);
    let released = json!({ "trackClasses": [track_class.name()], "periods": [period.0] });
    let released = Release {
        session,
        client: request.client,
        title_keys: u64::from(title.period_count()) * title.track_classes().len() as u64,
        position_ms: Some(position_ms),
        paced: Some((&title, period)),
        detail: json!({ "positionMs": position_ms, "released": released }),
    };
    release::record(state, &released, now).await?;
    Ok(Zeroizing::new(*key.halves().0))
}

fn check_track_class(name: &str, title: &PublishedTitle, session: &Session) -> Result<TrackClass, Refusal> {
    let track_class: TrackClass = name.parse()?;
    let refused = |cause: &'static str| Err(Refusal::new(ErrorCode::TrackNotAllowed, cause));
    if track_class > session.max_track {
        return refused("above the session's track class");
    }
    if !title.track_classes().contains(&track_class.number()) {
        return refused("the title has no such track class");
    }
    Ok(track_class)
}

fn check_period(text: &str, title: &PublishedTitle) -> Result<Period, Refusal> {
    let malformed = || Refusal::new(ErrorCode::MalformedRequest, "period is no number in its shortest form");
    let period: u32 = text.parse().map_err(|_| malformed())?;
    if period.to_string() != text {
        return Err(malformed());
    }
    if period >= title.period_count() {
        return Err(Refusal::new(ErrorCode::PeriodOutOfRange, "the title has no such period"));
    }
    Ok(Period(period))
}
