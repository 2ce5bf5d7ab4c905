//! Ending sessions from outside: from the commit on they receive no key.

use keyveil_protocol::{AppId, ErrorCode, KeyId, SessionId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::UID_LEN_MAX;
use crate::actions::parse_json;
use crate::actions::query::{is_plain, malformed};
use crate::clock::stored;
use crate::installation::Installation;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditEvent, AuditKind, EndedBy, Event, EventType, Session};

/// Body of `POST /v1/sessions/revoke`: one of its fields.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RevokeSessions {
    /// Every session of this viewer.
    #[schema(min_length = 1, max_length = 128)]
    uid: Option<String>,
    /// Every session that stands on this signing key; the key stays in use.
    kid: Option<KeyId>,
    /// This session.
    session_id: Option<SessionId>,
}

/// How many sessions were ended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RevokedSessions {
    count: u64,
}

/// `POST /v1/sessions/revoke`; harmless to repeat.
pub(crate) async fn revoke_on_request(
    state: &ServerState,
    principal: &Principal,
    body: &[u8],
) -> Result<RevokedSessions, Refusal> {
    let RevokeSessions { uid, kid, session_id } = parse_json(body)?;
    let (installation, app_id) = (&state.installation, principal.app_id);
    let (by, now) = (principal.by(), stored(state.clock.now()));
    let count = match (uid, kid, session_id) {
        (Some(uid), None, None) if is_plain(&uid, UID_LEN_MAX) => {
            revoke_all(installation, app_id, &Many::Viewer(&uid), &by, now).await?
        }
        (Some(_), None, None) => return Err(malformed("uid is not 1 to 128 bytes of plain text")),
        (None, Some(kid), None) => revoke_all(installation, app_id, &Many::SignedBy(&kid), &by, now).await?,
        (None, None, Some(id)) => {
            check_own(state, principal, &id).await?;
            u64::from(revoke_by(installation, id, &by, now).await?)
        }
        _ => return Err(malformed("name one of uid, kid and sessionId")),
    };
    Ok(RevokedSessions { count })
}

/// `DELETE /v1/sessions/{sessionId}`; harmless to repeat.
pub(crate) async fn revoke_own(state: &ServerState, principal: &Principal, id: SessionId) -> Result<(), Refusal> {
    check_own(state, principal, &id).await?;
    revoke_by(&state.installation, id, &principal.by(), stored(state.clock.now())).await.map(drop)
}

async fn check_own(state: &ServerState, principal: &Principal, id: &SessionId) -> Result<(), Refusal> {
    let session = state.installation.store().session(id).await?;
    if session.is_none_or(|session| session.app_id != principal.app_id) {
        return Err(Refusal::new(ErrorCode::NotFound, "no such session in this app"));
    }
    Ok(())
}

/// Ends one session; it receives no further key. False when it is unknown or ended already.
pub async fn revoke(installation: &Installation, id: SessionId, now: i64) -> Result<bool, Refusal> {
    revoke_by(installation, id, &Value::Null, now).await
}

async fn revoke_by(installation: &Installation, id: SessionId, by: &Value, now: i64) -> Result<bool, Refusal> {
    let mut write = installation.store().write().await?;
    let session = write.session(&id).await?;
    let Some(session) = session.filter(|session| session.revoked_at.is_none()) else { return Ok(false) };
    write.revoke_session(&id, EndedBy::Request, now).await?;
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
    revoke_all(installation, app_id, &Many::Viewer(uid), &Value::Null, now).await
}

/// Ends every session that stands on a signing key, which stays in use, and returns how many.
pub async fn revoke_signed_by(
    installation: &Installation,
    app_id: AppId,
    kid: &KeyId,
    now: i64,
) -> Result<u64, Refusal> {
    revoke_all(installation, app_id, &Many::SignedBy(kid), &Value::Null, now).await
}

/// Which sessions of an application.
enum Many<'a> {
    Viewer(&'a str),
    SignedBy(&'a KeyId),
}

async fn revoke_all(
    installation: &Installation,
    app_id: AppId,
    which: &Many<'_>,
    by: &Value,
    now: i64,
) -> Result<u64, Refusal> {
    let mut write = installation.store().write().await?;
    let (name, value, count) = match which {
        Many::Viewer(uid) => ("uid", *uid, write.revoke_viewer(app_id, uid, now).await?),
        Many::SignedBy(kid) => ("kid", kid.as_str(), write.revoke_signed_by(app_id, kid, now).await?),
    };
    let detail = json!({ "by": by, name: value, "count": count });
    write.append_audit(&AuditEvent::new(AuditKind::SessionsRevoked, detail).with_app(app_id), now).await?;
    if count > 0 {
        let data = json!({ name: value, "count": count });
        let event = Event { kind: EventType::SessionRevoked, app_id, file_id: None, data };
        write.append_event(&event, now).await?;
    }
    write.commit().await?;
    Ok(count)
}

pub(in crate::actions) fn revoked_event(session: &Session) -> Event {
    Event {
        kind: EventType::SessionRevoked,
        app_id: session.app_id,
        file_id: Some(session.file_id.clone()),
        data: json!({ "sessionId": session.id, "uid": session.uid, "count": 1 }),
    }
}
