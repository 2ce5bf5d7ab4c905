//! Ending sessions from outside.

use keyveil_protocol::{AppId, SessionId};
use serde_json::json;

use crate::installation::Installation;
use crate::refusal::Refusal;
use crate::store::{AuditEvent, AuditKind};

/// Ends one session; it receives no further key. False when it is unknown or ended already.
pub async fn revoke(installation: &Installation, id: SessionId, now: i64) -> Result<bool, Refusal> {
    let mut write = installation.store().write().await?;
    let revoked = write.revoke_session(&id, now).await?;
    if revoked {
        let event = AuditEvent::new(AuditKind::SessionsRevoked, json!({ "count": 1 })).with_session(id);
        write.append_audit(&event, now).await?;
        write.commit().await?;
    }
    Ok(revoked)
}

/// Ends every session of a viewer and returns how many.
pub async fn revoke_viewer(installation: &Installation, app_id: AppId, uid: &str, now: i64) -> Result<u64, Refusal> {
    let mut write = installation.store().write().await?;
    let count = write.revoke_viewer(app_id, uid, now).await?;
    let event = AuditEvent::new(AuditKind::SessionsRevoked, json!({ "uid": uid, "count": count })).with_app(app_id);
    write.append_audit(&event, now).await?;
    write.commit().await?;
    Ok(count)
}
