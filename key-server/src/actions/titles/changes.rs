//! `GET /v1/changes`: titles as they change.

use keyveil_protocol::AppId;

use super::view::TitleView;
use crate::refusal::Refusal;
use crate::state::ServerState;

/// At most so many titles are read at once for a stream.
const CHANGES_PER_READ: u32 = 200;

/// Where a stream begins: behind `since`, or now. A number that was never given (of a database before it was restored)
/// means now, too.
pub(crate) async fn start(state: &ServerState, since: Option<i64>) -> Result<i64, Refusal> {
    let latest = state.installation.store().change_seq().await?;
    Ok(since.map_or(latest, |since| since.min(latest)))
}

/// Titles that changed after `after`, in the order of their changes; one that changed twice is there once.
pub(crate) async fn changes(state: &ServerState, app_id: AppId, after: i64) -> Result<Vec<TitleView>, Refusal> {
    let rows = state.installation.store().changed_titles(app_id, after, CHANGES_PER_READ).await?;
    Ok(rows.into_iter().map(|row| TitleView::new(state, row)).collect())
}
