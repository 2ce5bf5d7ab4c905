//! `GET /v1/titles`.

use keyveil_protocol::{ErrorCode, FileId, Mode};
use serde::{Deserialize, Serialize};

use crate::clock::on_wire;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 200;

/// The query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListTitles {
    after: Option<FileId>,
    limit: Option<u32>,
}

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct TitlesPage {
    titles: Vec<ListedTitle>,
    next: Option<FileId>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedTitle {
    file_id: FileId,
    name: String,
    mode: Mode,
    state: &'static str,
    duration_ms: Option<u64>,
    created_at: u64,
}

pub(crate) async fn list_titles(
    state: &ServerState,
    principal: &Principal,
    query: &ListTitles,
) -> Result<TitlesPage, Refusal> {
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Refusal::new(ErrorCode::MalformedRequest, "limit is not 1 to 200"));
    }
    // One more than asked tells whether there is a next page.
    let mut rows = state.installation.store().titles(principal.app_id, query.after.as_ref(), limit + 1).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|title| title.file_id.clone());
    let titles = rows
        .into_iter()
        .map(|title| ListedTitle {
            file_id: title.file_id,
            name: title.name,
            mode: title.mode,
            state: title.state.as_str(),
            duration_ms: title.duration_ms,
            created_at: on_wire(title.created_at),
        })
        .collect();
    Ok(TitlesPage { titles, next })
}
