//! What a release of keys costs its viewer's account, and what follows from the score (docs/PACING.md).

use std::net::IpAddr;

use keyveil_protocol::{AddressRange, ErrorCode, Mode};
use serde_json::{Value, json};

use super::published_title::PublishedTitle;
use super::sessions::revoked_event;
use crate::clock::stored;
use crate::pacing::{Account, Action, Asked, Judgement, Position, Score};
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AccountKey, AuditEvent, AuditKind, EndedBy, Event, EventType, Session, WriteTransaction};

/// About what one operator has.
const OPERATOR_PREFIXES: (u8, u8) = (16, 32);

/// A request for keys.
pub(super) struct Asking<'a> {
    pub(super) session: &'a Session,
    pub(super) title: &'a PublishedTitle,
    /// Those that it gets any key of, in order.
    pub(super) periods: &'a [u32],
    pub(super) address: IpAddr,
    pub(super) kind: AskingKind,
}

/// What kind of request it is.
#[derive(Clone, Copy)]
pub(super) enum AskingKind {
    /// It opens the session. That is when a page is loaded, and may have a build that was replaced long ago.
    Opening { is_old_build: bool },
    /// It is one of a session's, from the SDK, with what that says of itself.
    Sdk { position_ms: u64, counter_step: u64 },
    /// It is one of a session's, for one key of a standard title.
    Key,
}

/// Proof that a release keeps pace; to be kept in the transaction that it is recorded in.
#[must_use]
pub(super) struct Paced(Option<Cost>);

struct Cost {
    key: AccountKey,
    after: Account,
    score: Score,
}

/// `rate_limited` or `session_invalid` for what the thresholds refuse; what there is to tell of that is kept by then. The rest of the
/// transaction is still to be done.
pub(super) async fn admit<'t>(
    state: &ServerState,
    mut write: WriteTransaction<'t>,
    (asking, mut account): (&Asking<'_>, Account),
    now: u64,
) -> Result<(WriteTransaction<'t>, Paced), Refusal> {
    let Asking { session, title, .. } = *asking;
    let config = &state.config.pacing;
    let rules = if session.mode == Mode::Standard { config.standard_rules() } else { config.rules() };
    if rules.are_off() {
        return Ok((write, Paced(None)));
    }
    let media = &title.info.media;
    let (session_id, network) = (
        session.id.to_string(),
        AddressRange::around(asking.address, OPERATOR_PREFIXES.0, OPERATOR_PREFIXES.1).to_string(),
    );
    let (position_ms, counter_step) = match asking.kind {
        AskingKind::Sdk { position_ms, counter_step } => (Some(position_ms), counter_step),
        AskingKind::Opening { .. } | AskingKind::Key => (None, 0),
    };
    let asked = Asked {
        now,
        period_ms: u64::from(media.segment_ms).saturating_mul(u64::from(media.period_segments.value())),
        periods: asking.periods,
        session: &session_id,
        network: &network,
        position: position_ms.map(|position_ms| position(title, position_ms)),
        position_ms: position_ms.map(|position_ms| position_ms.min(media.duration_ms)),
        counter_step,
        is_old_build: matches!(asking.kind, AskingKind::Opening { is_old_build: true }),
    };
    let key = AccountKey::of(session);
    let Judgement { score, action, mut after, wait_secs } = rules.judge(&account, &asked);
    let rises = action > account.told;
    let opens = matches!(asking.kind, AskingKind::Opening { .. });
    let ends = action == Some(Action::Revoke) && !opens;
    if rises {
        tell(&mut write, session, &score, action, (opens && wait_secs.is_some(), stored(now))).await?;
    }
    if !ends && wait_secs.is_none() {
        after.told = action.max(account.told);
        return Ok((write, Paced(Some(Cost { key, after, score }))));
    }
    if ends {
        end(&mut write, session, stored(now)).await?;
    }
    if rises || ends {
        write.suspect_session(&session.id, &score).await?;
        account.told = action.max(account.told);
        write.put_pacing_account(&key, &account, stored(now)).await?;
        write.commit().await?;
    }
    Err(match wait_secs {
        Some(secs) if !ends => {
            Refusal::new(ErrorCode::RateLimited, "keys are asked for faster than they can be played")
                .with_retry_after(secs)
        }
        _ => Refusal::new(ErrorCode::SessionInvalid, "the session looks like theft and was ended"),
    })
}

impl Paced {
    /// Once the session is there.
    pub(super) async fn keep(
        &self,
        write: &mut WriteTransaction<'_>,
        session: &Session,
        now: i64,
    ) -> Result<(), Refusal> {
        let Some(Cost { key, after, score }) = &self.0 else { return Ok(()) };
        write.put_pacing_account(key, after, now).await?;
        if score.points > 0 {
            write.suspect_session(&session.id, score).await?;
        }
        Ok(())
    }
}

fn position(title: &PublishedTitle, position_ms: u64) -> Position {
    let media = &title.info.media;
    let segment_ms = u64::from(media.segment_ms.max(1));
    if position_ms > media.duration_ms.saturating_add(segment_ms) {
        return Position::Behind;
    }
    if position_ms / segment_ms < u64::from(media.clear_lead_segments) {
        return Position::Clear;
    }
    Position::In(title.period_at(position_ms).0)
}

/// `is_refused`: of an opening, so that there is no session.
async fn tell(
    write: &mut WriteTransaction<'_>,
    session: &Session,
    score: &Score,
    action: Option<Action>,
    (is_refused, now): (bool, i64),
) -> Result<(), Refusal> {
    let id = (!is_refused).then_some(session.id);
    let mut data = json!({
        "uid": session.uid, "score": score.points, "reasons": score.reasons, "action": action,
    });
    let mut row =
        AuditEvent::new(AuditKind::SessionSuspected, data.clone()).with_app(session.app_id).with_file(&session.file_id);
    if let Some(id) = id {
        row = row.with_session(id);
    }
    write.append_audit(&row, now).await?;
    data["sessionId"] = id.map_or(Value::Null, |id| id.to_string().into());
    let file_id = Some(session.file_id.clone());
    let event = Event { kind: EventType::SessionSuspected, app_id: session.app_id, file_id, data };
    write.append_event(&event, now).await?;
    Ok(())
}

async fn end(write: &mut WriteTransaction<'_>, session: &Session, now: i64) -> Result<(), Refusal> {
    if !write.revoke_session(&session.id, EndedBy::Pacing, now).await? {
        return Ok(());
    }
    let row = AuditEvent::new(AuditKind::SessionsRevoked, json!({ "by": "pacing", "uid": session.uid, "count": 1 }))
        .with_app(session.app_id)
        .with_file(&session.file_id)
        .with_session(session.id);
    write.append_audit(&row, now).await?;
    write.append_event(&revoked_event(session), now).await?;
    Ok(())
}
