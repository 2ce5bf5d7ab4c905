//! One session, with what was released to it as the audit log has it.

use std::collections::{BTreeMap, BTreeSet};

use keyveil_protocol::{AddressRange, ErrorCode, SessionId, TrackClass};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{SessionView, view};
use crate::clock::stored;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{Session, StoreError};

/// A session, what was released to it, and what its signature limits.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionDetail {
    #[serde(flatten)]
    session: SessionView,
    /// Periods of which any key was released, by track class.
    periods_released: Vec<ReleasedPeriods>,
    /// The networks that keys were asked for from.
    addresses: Vec<String>,
    limits: LimitsView,
}

/// Ranges of periods, both ends included.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReleasedPeriods {
    track_class: TrackClass,
    periods: Vec<[u32; 2]>,
}

/// What the signature of a session limits.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LimitsView {
    preview_segments: Option<u32>,
    ip: Vec<AddressRange>,
    rlimit: Option<u64>,
    /// The page satisfies each list.
    domains: Vec<Vec<String>>,
    once: bool,
    sessions: Option<u32>,
}

/// What is read of a release's row.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Release {
    #[serde(default)]
    ip_class: Option<String>,
    #[serde(default)]
    released: Released,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Released {
    track_classes: Vec<TrackClass>,
    periods: Vec<u32>,
}

/// `GET /v1/sessions/{sessionId}`.
pub(crate) async fn detail(
    state: &ServerState,
    principal: &Principal,
    id: SessionId,
) -> Result<SessionDetail, Refusal> {
    let store = state.installation.store();
    let row = store.listed_session(principal.app_id, &id).await?;
    let row = row.ok_or_else(|| Refusal::new(ErrorCode::NotFound, "no such session in this app"))?;
    let mut periods = BTreeMap::<TrackClass, BTreeSet<u32>>::new();
    let mut addresses: BTreeSet<String> = row.session.ip_class.iter().cloned().collect();
    store
        .each_release_to(&id, |detail| {
            let release: Release = serde_json::from_str(detail).map_err(|_| StoreError::Corrupt("audit detail"))?;
            addresses.extend(release.ip_class);
            for track_class in release.released.track_classes {
                periods.entry(track_class).or_default().extend(&release.released.periods);
            }
            Ok(())
        })
        .await?;
    let periods_released = periods.into_iter().filter(|(_, periods)| !periods.is_empty());
    let limits = limits_view(&row.session);
    Ok(SessionDetail {
        session: view(row, stored(state.clock.now())),
        periods_released: periods_released
            .map(|(track_class, periods)| ReleasedPeriods { track_class, periods: ranges(&periods) })
            .collect(),
        addresses: addresses.into_iter().collect(),
        limits,
    })
}

fn limits_view(session: &Session) -> LimitsView {
    let limits = session.limits.clone();
    LimitsView {
        preview_segments: session.preview_segments,
        ip: limits.ip,
        rlimit: limits.rlimit,
        domains: limits.domains,
        once: limits.once,
        sessions: limits.sessions,
    }
}

fn ranges(periods: &BTreeSet<u32>) -> Vec<[u32; 2]> {
    let mut ranges: Vec<[u32; 2]> = Vec::new();
    for &period in periods {
        match ranges.last_mut() {
            Some([_, last]) if last.checked_add(1) == Some(period) => *last = period,
            _ => ranges.push([period, period]),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_periods_are_one_range() {
        assert_eq!(ranges(&BTreeSet::from([0, 1, 2, 3, 7, 9, 10])), [[0, 3], [7, 7], [9, 10]]);
        assert_eq!(ranges(&BTreeSet::from([u32::MAX])), [[u32::MAX, u32::MAX]]);
        assert!(ranges(&BTreeSet::new()).is_empty());
    }
}
