//! Sessions as people see them: a list, one of them, and ending them from outside.

mod detail;
mod revoke;

pub(crate) use self::detail::{SessionDetail, detail};
pub(in crate::actions) use self::revoke::revoked_event;
pub(crate) use self::revoke::{RevokeSessions, RevokedSessions, revoke_on_request, revoke_own};
pub use self::revoke::{revoke, revoke_signed_by, revoke_viewer};
use keyveil_protocol::{BuildId, Downgrade, FileId, KeyId, Mode, PlaybackLevel, SessionId, TrackClass};
use serde::Serialize;
use utoipa::ToSchema;

use super::query::{Cursor, Fields, cut, is_plain, malformed};
use crate::clock::{on_wire, stored};
use crate::pacing::Reason;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{EndedBy, ListedSession, SessionQuery, SortValue};

const SCORE_MAX: u32 = 100;
/// The query's fields.
pub(crate) const FIELDS: &[&str] = &["fileId", "uid", "us", "kid", "level", "active", "minScore", "limit", "after"];
const LIST: &str = "sessions";
const UID_LEN_MAX: usize = 128;
const US_LEN_MAX: usize = 64;

/// A session as a list shows it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Session)]
pub(crate) struct SessionView {
    session_id: SessionId,
    file_id: FileId,
    /// The version of the title that it was opened for.
    version: u32,
    /// The viewer, where the signature names one.
    uid: Option<String>,
    /// The signature's mark.
    us: Option<String>,
    /// The signing key that it stands on.
    kid: KeyId,
    /// None where no SDK plays.
    build_id: Option<BuildId>,
    mode: Mode,
    /// The level that it is played at, as its player says.
    level: PlaybackLevel,
    /// Why it is guarded, as its player says.
    downgrade: Option<Downgrade>,
    max_track: TrackClass,
    origin: Option<String>,
    /// The network of the client that opened it.
    ip_class: Option<String>,
    /// Neither ended nor expired.
    active: bool,
    /// Where it was when it last asked for keys.
    last_position_ms: u64,
    /// How often keys were released to it.
    releases: i64,
    created_at: u64,
    last_seen_at: u64,
    expires_at: u64,
    revoked_at: Option<u64>,
    /// What ended it before its time.
    ended_by: Option<EndedBy>,
    /// How much it looks like theft, 0 … 100: the highest so far.
    #[schema(maximum = 100)]
    score: u32,
    /// Why, so far.
    reasons: Vec<Reason>,
}

/// A page of sessions, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionsPage {
    sessions: Vec<SessionView>,
    next: Option<String>,
}

/// Newest first.
pub(crate) async fn list(state: &ServerState, principal: &Principal, fields: &Fields) -> Result<SessionsPage, Refusal> {
    let limit = fields.limit()?;
    let uid = fields.text("uid")?;
    if uid.is_some_and(|uid| !is_plain(uid, UID_LEN_MAX)) {
        return Err(malformed("uid is not 1 to 128 bytes of plain text"));
    }
    let us = fields.text("us")?;
    if us.is_some_and(|us| !is_plain(us, US_LEN_MAX)) {
        return Err(malformed("us is not 1 to 64 bytes of plain text"));
    }
    let min_score: Option<u32> = fields.parsed("minScore")?;
    if min_score.is_some_and(|score| score > SCORE_MAX) {
        return Err(malformed("minScore is not 0 to 100"));
    }
    let place = |cursor: Cursor| -> Result<_, Refusal> { Ok((cursor.integer()?, cursor.id.parse::<SessionId>()?)) };
    let query = SessionQuery {
        file_id: fields.parsed("fileId")?,
        uid: uid.map(str::to_owned),
        us: us.map(str::to_owned),
        kid: fields.parsed("kid")?,
        level: fields.parsed("level")?,
        active: fields.parsed("active")?,
        min_score,
        now: stored(state.clock.now()),
        after: fields.after(LIST)?.map(place).transpose()?,
        limit: limit.saturating_add(1),
    };
    let mut rows = state.installation.store().list_sessions(principal.app_id, &query).await?;
    let next =
        cut(&mut rows, limit, LIST, |row| (SortValue::Integer(row.session.created_at), row.session.id.to_string()))?;
    Ok(SessionsPage { sessions: rows.into_iter().map(|row| view(row, query.now)).collect(), next })
}

fn view(row: ListedSession, now: i64) -> SessionView {
    let ListedSession { session, last_seen_at, releases, score, reasons } = row;
    SessionView {
        active: session.revoked_at.is_none() && session.expires_at > now,
        session_id: session.id,
        file_id: session.file_id,
        version: session.version,
        uid: session.uid,
        us: session.us,
        kid: session.kid,
        build_id: session.build_id,
        mode: session.mode,
        level: session.level,
        downgrade: session.downgrade,
        max_track: session.max_track,
        origin: session.origin,
        ip_class: session.ip_class,
        last_position_ms: session.last_position_ms,
        releases,
        created_at: on_wire(session.created_at),
        last_seen_at: on_wire(last_seen_at),
        expires_at: on_wire(session.expires_at),
        revoked_at: session.revoked_at.map(on_wire),
        ended_by: session.ended_by,
        score,
        reasons,
    }
}
