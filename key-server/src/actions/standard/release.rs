//! Uses of session and signature, audit row and key, or none of them.

use keyveil_protocol::{ErrorCode, Period};
use serde_json::Value;

use crate::actions::keys::Client;
use crate::actions::limits::{self, SignatureUse};
use crate::actions::pacing::{self, Asking, AskingKind};
use crate::actions::published_title::PublishedTitle;
use crate::actions::release::{check_still_allowed, measured, sample, still_running};
use crate::clock::stored;
use crate::metrics::GrantKind;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditEvent, AuditKind, Session};

/// A key that is about to leave.
pub(super) struct Release<'a> {
    pub(super) session: &'a Session,
    pub(super) client: Client<'a>,
    /// How many keys the title has.
    pub(super) title_keys: u64,
    /// Where playback must be, as far as the key tells.
    pub(super) position_ms: Option<u64>,
    /// The period that the key is of, where that is known: only then it is paced.
    pub(super) paced: Option<(&'a PublishedTitle, Period)>,
    /// What leaves, for the audit log.
    pub(super) detail: Value,
}

/// `key_uses_exhausted` when the session has had all it may have.
pub(super) async fn record(state: &ServerState, release: &Release<'_>, now: u64) -> Result<(), Refusal> {
    measured(state, Some(GrantKind::Standard), write_down(state, release, now)).await
}

async fn write_down(state: &ServerState, release: &Release<'_>, now: u64) -> Result<(), Refusal> {
    let Release { session, client, title_keys, position_ms, paced, detail } = release;
    let uses_max = title_keys.saturating_mul(u64::from(state.config.standard.key_uses));
    let mut detail = detail.clone();
    detail["ipClass"] = limits::ip_class(client.address).into();
    let event = AuditEvent::new(AuditKind::KeysReleased, detail.clone())
        .with_app(session.app_id)
        .with_file(&session.file_id)
        .with_session(session.id);
    let (wire_now, now) = (now, stored(now));
    let mut write = state.installation.store().write_release().await?;
    let still = check_still_allowed(&mut write, session, &session.kid, (ErrorCode::SessionInvalid, now)).await?;
    let running = still_running(&still)?;
    let (mut write, cost) = match paced {
        Some((title, period)) => {
            let (address, kind) = (client.address, AskingKind::Key);
            let asking = Asking { session, title, periods: &[period.0], address, kind };
            let (write, cost) = pacing::admit(state, write, (&asking, still.account), wire_now).await?;
            (write, Some(cost))
        }
        None => (write, None),
    };
    SignatureUse::of_session(session, client.address).spend(&mut write, &state.installation).await?;
    if running.releases >= uses_max || running.expires_at <= now {
        return Err(Refusal::new(ErrorCode::KeyUsesExhausted, "the session has had all its keys as often as it may"));
    }
    write.use_session(&session.id, *position_ms, now);
    let releases = running.releases.saturating_add(1);
    if let Some(cost) = cost {
        cost.keep(&mut write, session, now).await?;
    }
    write.append_audit_later(&event, now).await?;
    sample(&mut write, session, release_of(&detail), releases, now).await?;
    Ok(write.commit().await?)
}

fn release_of(detail: &Value) -> &Value {
    detail.get("released").unwrap_or(&Value::Null)
}
