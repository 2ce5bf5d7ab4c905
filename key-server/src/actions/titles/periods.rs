//! `GET /v1/titles/{fileId}/periods`: which keys were released, how often and when. Never a key.

use std::collections::BTreeMap;

use keyveil_protocol::{FileId, TrackClass};
use serde::{Deserialize, Serialize};

use super::not_found;
use crate::clock::on_wire;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{StoreError, TitleState};

/// Older releases are not counted.
const RELEASES_MAX: u32 = 100_000;

/// Releases of a title's keys.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Periods {
    periods: Vec<PeriodReleases>,
    /// False when there are older releases that were not counted.
    complete: bool,
}

/// Releases of one track class's key of one period.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct PeriodReleases {
    track_class: TrackClass,
    period: u32,
    count: u64,
    first_at: u64,
    last_at: u64,
}

/// The part of an audit row's detail that says which keys went out.
#[derive(Deserialize)]
struct Detail {
    released: Released,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Released {
    track_classes: Vec<TrackClass>,
    periods: Vec<u32>,
}

struct Tally {
    count: u64,
    first_at: i64,
    last_at: i64,
}

pub(crate) async fn periods(state: &ServerState, principal: &Principal, file_id: &FileId) -> Result<Periods, Refusal> {
    let store = state.installation.store();
    let title = store.title(file_id).await?;
    if !title.is_some_and(|title| title.app_id == principal.app_id && title.state != TitleState::Deleted) {
        return Err(not_found());
    }
    let mut tallies: BTreeMap<(u32, u8), Tally> = BTreeMap::new();
    let read = store
        .each_key_release(file_id, RELEASES_MAX, |at, detail| {
            let detail: Detail = serde_json::from_str(detail).map_err(|_| StoreError::Corrupt("audit detail"))?;
            for &period in &detail.released.periods {
                for class in &detail.released.track_classes {
                    let new = Tally { count: 0, first_at: at, last_at: at };
                    let tally = tallies.entry((period, class.number())).or_insert(new);
                    tally.count += 1;
                    tally.first_at = tally.first_at.min(at);
                    tally.last_at = tally.last_at.max(at);
                }
            }
            Ok(())
        })
        .await?;
    let release = |((period, class), tally): ((u32, u8), Tally)| {
        Some(PeriodReleases {
            track_class: TrackClass::from_number(class)?,
            period,
            count: tally.count,
            first_at: on_wire(tally.first_at),
            last_at: on_wire(tally.last_at),
        })
    };
    Ok(Periods { periods: tallies.into_iter().filter_map(release).collect(), complete: read < RELEASES_MAX })
}
