//! Sessions as people see them: a list, and ending them from outside.

use keyveil_protocol::{AppId, BuildId, ErrorCode, FileId, KeyId, Mode, SessionId, TrackClass};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::query::{Cursor, Fields, cut, is_plain, malformed};
use crate::clock::{on_wire, stored};
use crate::installation::Installation;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditEvent, AuditKind, Event, EventType, ListedSession, Session, SessionQuery, SortValue};

/// The query's fields.
pub(crate) const FIELDS: &[&str] = &["fileId", "uid", "active", "limit", "after"];
const LIST: &str = "sessions";
const UID_LEN_MAX: usize = 128;

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
    /// The signing key that it stands on.
    kid: KeyId,
    /// None where no SDK plays.
    build_id: Option<BuildId>,
    mode: Mode,
    max_track: TrackClass,
    origin: Option<String>,
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
    let place = |cursor: Cursor| -> Result<_, Refusal> { Ok((cursor.integer()?, cursor.id.parse::<SessionId>()?)) };
    let query = SessionQuery {
        file_id: fields.parsed("fileId")?,
        uid: uid.map(str::to_owned),
        active: fields.parsed("active")?,
        now: stored(state.clock.now()),
        after: fields.after(LIST)?.map(place).transpose()?,
        limit: limit.saturating_add(1),
    };
    let mut rows = state.installation.store().list_sessions(principal.app_id, &query).await?;
    let next =
        cut(&mut rows, limit, LIST, |row| (SortValue::Integer(row.session.created_at), row.session.id.to_string()))?;
    Ok(SessionsPage { sessions: rows.into_iter().map(|row| view(row, query.now)).collect(), next })
}

/// `DELETE /v1/sessions/{sessionId}`; harmless to repeat.
pub(crate) async fn revoke_own(state: &ServerState, principal: &Principal, id: SessionId) -> Result<(), Refusal> {
    let session = state.installation.store().session(&id).await?;
    if session.is_none_or(|session| session.app_id != principal.app_id) {
        return Err(Refusal::new(ErrorCode::NotFound, "no such session in this app"));
    }
    revoke_by(&state.installation, id, principal.by(), stored(state.clock.now())).await.map(drop)
}

/// Ends one session; it receives no further key. False when it is unknown or ended already.
pub async fn revoke(installation: &Installation, id: SessionId, now: i64) -> Result<bool, Refusal> {
    revoke_by(installation, id, Value::Null, now).await
}

async fn revoke_by(installation: &Installation, id: SessionId, by: Value, now: i64) -> Result<bool, Refusal> {
    let mut write = installation.store().write().await?;
    let session = write.session(&id).await?;
    let Some(session) = session.filter(|session| session.revoked_at.is_none()) else { return Ok(false) };
    write.revoke_session(&id, now).await?;
    let event = AuditEvent::new(AuditKind::SessionsRevoked, json!({ "by": by, "count": 1 }))
        .with_app(session.app_id)
        .with_file(&session.file_id)
        .with_session(id);
    write.append_audit(&event, now).await?;
    write.append_event(&revoked_event(&session), now).await?;
    write.commit().await?;
    Ok(true)
}

/// Ends every session of a viewer and returns how many.
pub async fn revoke_viewer(installation: &Installation, app_id: AppId, uid: &str, now: i64) -> Result<u64, Refusal> {
    let mut write = installation.store().write().await?;
    let count = write.revoke_viewer(app_id, uid, now).await?;
    let detail = json!({ "uid": uid, "count": count });
    write.append_audit(&AuditEvent::new(AuditKind::SessionsRevoked, detail.clone()).with_app(app_id), now).await?;
    if count > 0 {
        let event = Event { kind: EventType::SessionRevoked, app_id, file_id: None, data: detail };
        write.append_event(&event, now).await?;
    }
    write.commit().await?;
    Ok(count)
}

fn revoked_event(session: &Session) -> Event {
    Event {
        kind: EventType::SessionRevoked,
        app_id: session.app_id,
        file_id: Some(session.file_id.clone()),
        data: json!({ "sessionId": session.id, "uid": session.uid, "count": 1 }),
    }
}

fn view(row: ListedSession, now: i64) -> SessionView {
    let ListedSession { session, last_seen_at, releases } = row;
    SessionView {
        active: session.revoked_at.is_none() && session.expires_at > now,
        session_id: session.id,
        file_id: session.file_id,
        version: session.version,
        uid: session.uid,
        kid: session.kid,
        build_id: session.build_id,
        mode: session.mode,
        max_track: session.max_track,
        origin: session.origin,
        last_position_ms: session.last_position_ms,
        releases,
        created_at: on_wire(session.created_at),
        last_seen_at: on_wire(last_seen_at),
        expires_at: on_wire(session.expires_at),
        revoked_at: session.revoked_at.map(on_wire),
    }
}
