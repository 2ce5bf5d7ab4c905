//! What every release of keys does in its transaction: looks once more, and now and then tells webhooks; and how that is measured.

use std::time::Instant;

use keyveil_protocol::{ErrorCode, KeyId};
use serde_json::{Value, json};
use tracing::Instrument;

use crate::metrics::GrantKind;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{EndedBy, Event, EventType, Session, SessionNow, Standing, WriteTransaction};
use crate::traces;

/// The first release of a session is told, and every hundredth after it.
const SAMPLE_EVERY: u64 = 100;
/// A build may be used for so long beside a newer one.
const OLD_BUILD_SECS: i64 = 30 * 24 * 3600;

/// Takes the time of `write_down`, which ends when a release is durable or refused. Keys are counted that may leave then; none where a
/// session is opened without.
pub(super) async fn measured(
    state: &ServerState,
    kind: Option<GrantKind>,
    write_down: impl Future<Output = Result<(), Refusal>>,
) -> Result<(), Refusal> {
    let begun = Instant::now();
    let written = write_down.instrument(traces::release()).await;
    let metrics = state.installation.metrics();
    metrics.recorded(begun.elapsed());
    if let (Ok(()), Some(kind)) = (&written, kind) {
        metrics.granted(kind);
    }
    written
}

/// Refuses a session that was ended: `session_superseded` where the viewer plays elsewhere, `session_invalid` otherwise.
pub(super) fn ended(session: &Session) -> Result<(), Refusal> {
    ended_by(session.revoked_at, session.ended_by)
}

fn ended_by(revoked_at: Option<i64>, by: Option<EndedBy>) -> Result<(), Refusal> {
    match (revoked_at, by) {
        (None, _) => Ok(()),
        (Some(_), Some(EndedBy::Superseded)) => {
            Err(Refusal::new(ErrorCode::SessionSuperseded, "the viewer has opened more sessions than allowed"))
        }
        (Some(_), _) => Err(Refusal::new(ErrorCode::SessionInvalid, "session was revoked")),
    }
}

/// Title, signing key and build may have gone while the request was on its way. `without_key` is the code for a retired
/// signing key.
pub(super) async fn check_still_allowed(
    write: &mut WriteTransaction<'_>,
    session: &Session,
    kid: &KeyId,
    (without_key, now): (ErrorCode, i64),
) -> Result<Standing, Refusal> {
    let still = write.standing(session, kid, now.saturating_sub(OLD_BUILD_SECS)).await?;
    let refused = |code: ErrorCode, cause: &'static str| Err(Refusal::new(code, cause));
    if !still.title {
        return refused(ErrorCode::TitleNotFound, "the title went while the request was on its way");
    }
    if !still.signing_key {
        return refused(without_key, "the signing key was retired while the request was on its way");
    }
    if !still.build {
        return refused(ErrorCode::BuildUnknown, "the build was retired while the request was on its way");
    }
    Ok(still)
}

/// The session as it is in the transaction: not ended meanwhile.
pub(super) fn still_running(standing: &Standing) -> Result<SessionNow, Refusal> {
    let gone = || Refusal::new(ErrorCode::SessionInvalid, "the session went while the request was on its way");
    let session = standing.session.ok_or_else(gone)?;
    ended_by(session.revoked_at, session.ended_by)?;
    Ok(session)
}

/// Tells of a session's release number `releases`, if it is one of the sample.
pub(super) async fn sample(
    write: &mut WriteTransaction<'_>,
    session: &Session,
    released: &Value,
    releases: u64,
    now: i64,
) -> Result<(), Refusal> {
    if releases % SAMPLE_EVERY != 1 {
        return Ok(());
    }
    let data = json!({ "sessionId": session.id, "uid": session.uid, "releases": releases, "released": released });
    let file_id = Some(session.file_id.clone());
    write.append_event(&Event { kind: EventType::KeyReleased, app_id: session.app_id, file_id, data }, now).await?;
    Ok(())
}
