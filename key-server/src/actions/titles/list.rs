//! `GET /v1/titles`.

use keyveil_protocol::FileId;
use serde::Serialize;

use super::describe::{LABEL_LEN_MAX, LABELS_MAX};
use super::view::TitleView;
use crate::actions::query::{Cursor, Fields, cut, is_plain, malformed};
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{ListedTitle, SortValue, TitleQuery, TitleSort, TitleState};

/// The query's fields.
pub(crate) const FIELDS: &[&str] = &["search", "state", "label", "workflowId", "sort", "limit", "after"];
const SORT_DEFAULT: &str = "-createdAt";
const SEARCH_LEN_MAX: usize = 256;

/// A page of titles.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct TitlesPage {
    titles: Vec<TitleView>,
    next: Option<String>,
}

pub(crate) async fn list(state: &ServerState, principal: &Principal, fields: &Fields) -> Result<TitlesPage, Refusal> {
    let order = fields.text("sort")?.unwrap_or(SORT_DEFAULT);
    let cursor_list = format!("titles {order}");
    let limit = fields.limit()?;
    let mut query = query(fields, order, &cursor_list)?;
    query.limit = limit.saturating_add(1);
    let mut rows = state.installation.store().list_titles(principal.app_id, &query).await?;
    let place = |row: &ListedTitle| (query.sort.value(&row.title), row.title.file_id.to_string());
    let next = cut(&mut rows, limit, &cursor_list, place)?;
    Ok(TitlesPage { titles: rows.into_iter().map(|row| TitleView::new(state, row)).collect(), next })
}

fn query(fields: &Fields, order: &str, cursor_list: &str) -> Result<TitleQuery, Refusal> {
    let (name, descending) = order.strip_prefix('-').map_or((order, false), |name| (name, true));
    let sort = TitleSort::ALL.into_iter().find(|sort| sort.as_str() == name);
    let sort = sort.ok_or_else(|| malformed("sort is none of createdAt, updatedAt, name, durationMs, sizeBytes"))?;
    let listed = |name: &str| TitleState::from_name(name).filter(|state| *state != TitleState::Deleted);
    let states: Option<Vec<_>> = fields.all("state").map(listed).collect();
    let labels: Vec<String> = fields.all("label").map(str::to_owned).collect();
    if labels.len() > LABELS_MAX || !labels.iter().all(|label| is_plain(label, LABEL_LEN_MAX)) {
        return Err(malformed("label: up to 20 of 1 to 64 bytes"));
    }
    // An empty search box searches for nothing.
    let search = fields.text("search")?.filter(|search| !search.is_empty());
    if search.is_some_and(|search| !is_plain(search, SEARCH_LEN_MAX)) {
        return Err(malformed("search is not up to 256 bytes of plain text"));
    }
    Ok(TitleQuery {
        sort,
        descending,
        after: fields.after(cursor_list)?.map(|cursor| place(sort, cursor)).transpose()?,
        search: search.map(str::to_owned),
        states: states.ok_or_else(|| malformed("state is not a title's"))?,
        labels,
        workflow_id: fields.parsed("workflowId")?,
        limit: 0,
    })
}

fn place(sort: TitleSort, cursor: Cursor) -> Result<(SortValue, FileId), Refusal> {
    if (sort == TitleSort::Name) != matches!(cursor.value, SortValue::Text(_)) {
        return Err(malformed("after is not a cursor of this server"));
    }
    Ok((cursor.value, cursor.id.parse()?))
}
