//! Titles with everything that a list shows of them, each in one row of one query.

use keyveil_protocol::{AppId, FileId, JobId, WorkflowId};
use serde::{Deserialize, Serialize};

use super::engine::{Query, Row, query};
use super::titles::title_from_row;
use super::{Store, StoreError, Title, TitleState, integer, parsed};

const SELECT: &str = "SELECT t.*, v.cover, v.sprites, v.publication,
    (SELECT coalesce(CAST(json_group_array(label) AS TEXT), '[]') FROM (SELECT label FROM title_labels l WHERE l.file_id = t.file_id
        ORDER BY label) AS sorted) AS labels,
    (SELECT CAST(p.\"offset\" AS DOUBLE PRECISION) * 100 / p.length FROM uploads p WHERE p.file_id = t.file_id AND p.state = 'receiving') AS upload_percent,
    j.job_id, j.kind AS job_kind, j.state AS job_state, j.percent AS job_percent, j.left_secs AS job_left_secs, j.attempt AS job_attempt
    FROM titles t";
/// The latest unfinished job; there is rarely more than one.
const JOINS: &str = " LEFT JOIN title_versions v ON v.file_id = t.file_id AND v.version = t.version
    LEFT JOIN jobs j ON j.job_id = (SELECT job_id FROM jobs u WHERE u.file_id = t.file_id AND u.state IN ('queued', 'running')
        ORDER BY u.created_at DESC LIMIT 1)";

/// A title as a list shows it.
#[derive(Clone, Debug)]
pub struct ListedTitle {
    /// The title.
    pub title: Title,
    /// In alphabetical order.
    pub labels: Vec<String>,
    /// The current version's cover, relative to its media folder.
    pub cover: Option<String>,
    /// The current version's sprites, relative to its media folder.
    pub sprites: Option<String>,
    /// The current version's MediaInfo as JSON.
    pub publication: Option<String>,
    /// How much of its source is there, while that is on the way and its length is known.
    pub upload_percent: Option<f64>,
    /// The latest unfinished job.
    pub job: Option<ListedJob>,
}

/// A title's unfinished job.
#[derive(Clone, Debug)]
pub struct ListedJob {
    /// Its id.
    pub job_id: JobId,
    /// `package` or `reencrypt`.
    pub kind: String,
    /// `queued` or `running`.
    pub state: String,
    /// How far it is.
    pub percent: Option<f64>,
    /// How long it will take.
    pub left_secs: Option<i64>,
    /// Which attempt.
    pub attempt: i64,
}

/// What a list is ordered by; the file id decides between equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TitleSort {
    /// When it was made.
    CreatedAt,
    /// When it last changed.
    UpdatedAt,
    /// Its name.
    Name,
    /// Its playing time; unknown ones are the shortest.
    DurationMs,
    /// The source's length; unknown ones are the shortest.
    SizeBytes,
}

/// The value of a sort's column: where a page ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SortValue {
    /// Of every sort but by name.
    Integer(i64),
    /// Of the sort by name.
    Text(String),
}

/// Which titles, and in which order.
#[derive(Clone, Debug)]
pub struct TitleQuery {
    /// The order.
    pub sort: TitleSort,
    /// The other way round.
    pub descending: bool,
    /// Only behind this one.
    pub after: Option<(SortValue, FileId)>,
    /// Only those whose name, description or file id holds this, in whatever case.
    pub search: Option<String>,
    /// Only in one of these states; in any when empty.
    pub states: Vec<TitleState>,
    /// Only with every one of these labels.
    pub labels: Vec<String>,
    /// Only of this workflow.
    pub workflow_id: Option<WorkflowId>,
    /// At most so many.
    pub limit: u32,
}

impl TitleSort {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::CreatedAt, Self::UpdatedAt, Self::Name, Self::DurationMs, Self::SizeBytes];

    /// Its name in the query.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreatedAt => "createdAt",
            Self::UpdatedAt => "updatedAt",
            Self::Name => "name",
            Self::DurationMs => "durationMs",
            Self::SizeBytes => "sizeBytes",
        }
    }

    /// Index and expression; each index holds exactly its expression, then the file id.
    const fn column(self) -> (&'static str, &'static str) {
        match self {
            Self::CreatedAt => ("titles_by_creation", "t.created_at"),
            Self::UpdatedAt => ("titles_by_update", "t.updated_at"),
            Self::Name => ("titles_by_name", "t.name COLLATE NOCASE"),
            Self::DurationMs => ("titles_by_duration", "coalesce(t.duration_ms, -1)"),
            Self::SizeBytes => ("titles_by_size", "coalesce(t.size_bytes, -1)"),
        }
    }

    /// Where a title stands in this order.
    #[must_use]
    pub fn value(self, title: &Title) -> SortValue {
        let count = |value: Option<u64>| SortValue::Integer(value.map_or(-1, integer));
        match self {
            Self::CreatedAt => SortValue::Integer(title.created_at),
            Self::UpdatedAt => SortValue::Integer(title.updated_at),
            Self::Name => SortValue::Text(title.name.clone()),
            Self::DurationMs => count(title.duration_ms),
            Self::SizeBytes => count(title.size_bytes),
        }
    }
}

/// A text as searches compare it.
pub(super) fn folded(text: &str) -> String {
    text.to_lowercase()
}

impl Store {
    /// Titles of an application that are not deleted.
    pub async fn list_titles(&self, app_id: AppId, wanted: &TitleQuery) -> Result<Vec<ListedTitle>, StoreError> {
        let rows = list_query(app_id, wanted).fetch_all(&self.pool).await?;
        rows.iter().map(listed_from_row).collect()
    }

    /// One title of an application, deleted ones too.
    pub async fn listed_title(&self, app_id: AppId, file_id: &FileId) -> Result<Option<ListedTitle>, StoreError> {
        let mut builder = query(SELECT);
        builder.push(JOINS).push(" WHERE t.file_id = ").push_bind(file_id.to_string());
        builder.push(" AND t.app_id = ").push_bind(integer(app_id.value()));
        let row = builder.fetch_optional(&self.pool).await?;
        row.as_ref().map(listed_from_row).transpose()
    }

    /// Up to `limit` titles of an application that changed after `after`, in the order of their changes; deleted ones too.
    pub async fn changed_titles(&self, app_id: AppId, after: i64, limit: u32) -> Result<Vec<ListedTitle>, StoreError> {
        let mut builder = query(SELECT);
        builder.push(" INDEXED BY titles_by_change").push(JOINS);
        builder.push(" WHERE t.app_id = ").push_bind(integer(app_id.value()));
        builder.push(" AND t.change_seq > ").push_bind(after);
        builder.push(" ORDER BY t.change_seq LIMIT ").push_bind(limit);
        let rows = builder.fetch_all(&self.pool).await?;
        rows.iter().map(listed_from_row).collect()
    }

    /// The number of the latest change of any title.
    pub async fn change_seq(&self) -> Result<i64, StoreError> {
        let row = query("SELECT seq FROM changes").fetch_one(&self.pool).await?;
        Ok(row.try_get(0)?)
    }
}

/// The index is named, so that the filters never tempt SQLite into sorting the whole library.
fn list_query(app_id: AppId, wanted: &TitleQuery) -> Query {
    let (index, column) = wanted.sort.column();
    let mut builder = query(SELECT);
    builder.push(format_args!(" INDEXED BY {index}")).push(JOINS);
    builder.push(" WHERE t.app_id = ").push_bind(integer(app_id.value())).push(" AND t.state <> 'deleted'");
    if let Some((value, file_id)) = &wanted.after {
        // The pair alone says it; the value alone besides, because SQLite bounds the search by that under every sort.
        let direction = if wanted.descending { "<" } else { ">" };
        push_value(builder.push(format_args!(" AND {column} {direction}= ")), value);
        push_value(builder.push(format_args!(" AND ({column}, t.file_id) {direction} (")), value);
        builder.push(", ").push_bind(file_id.to_string()).push(")");
    }
    if let Some(search) = &wanted.search {
        // Not LIKE: it has wildcards, and folds ASCII only.
        builder.push(" AND instr(t.search_text, ").push_bind(folded(search)).push(") > 0");
    }
    if !wanted.states.is_empty() {
        builder.push(" AND t.state IN (").push_all(wanted.states.iter().map(|state| state.as_str())).push(")");
    }
    for label in &wanted.labels {
        builder.push(" AND EXISTS (SELECT 1 FROM title_labels l WHERE l.file_id = t.file_id AND l.label = ");
        builder.push_bind(label.clone()).push(")");
    }
    if let Some(workflow_id) = &wanted.workflow_id {
        builder.push(" AND t.workflow_id = ").push_bind(workflow_id.to_string());
    }
    let direction = if wanted.descending { "DESC" } else { "ASC" };
    builder.push(format_args!(" ORDER BY {column} {direction}, t.file_id {direction} LIMIT ")).push_bind(wanted.limit);
    builder
}

fn push_value(builder: &mut Query, value: &SortValue) {
    match value {
        SortValue::Integer(value) => builder.push_bind(*value),
        SortValue::Text(value) => builder.push_bind(value.clone()),
    };
}

fn listed_from_row(row: &Row) -> Result<ListedTitle, StoreError> {
    let labels: &str = row.try_get("labels")?;
    let job_id: Option<&str> = row.try_get("job_id")?;
    let job = match job_id {
        None => None,
        Some(job_id) => Some(ListedJob {
            job_id: parsed(job_id, "job id")?,
            kind: row.try_get("job_kind")?,
            state: row.try_get("job_state")?,
            percent: row.try_get("job_percent")?,
            left_secs: row.try_get("job_left_secs")?,
            attempt: row.try_get("job_attempt")?,
        }),
    };
    Ok(ListedTitle {
        title: title_from_row(row)?,
        labels: serde_json::from_str(labels).map_err(|_| StoreError::Corrupt("labels"))?,
        cover: row.try_get("cover")?,
        sprites: row.try_get("sprites")?,
        publication: row.try_get("publication")?,
        upload_percent: row.try_get("upload_percent")?,
        job,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever is asked, rows come in the index's order: nothing is collected and sorted first.
    #[tokio::test]
    async fn no_list_sorts_the_library() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("keyveil.db")).await.unwrap();
        let app_id = AppId::try_from(7).unwrap();
        for sort in TitleSort::ALL {
            for descending in [false, true] {
                let value = if sort == TitleSort::Name { SortValue::Text("n".into()) } else { SortValue::Integer(5) };
                let wanted = TitleQuery {
                    sort,
                    descending,
                    after: Some((value, "film".parse().unwrap())),
                    search: Some("x".into()),
                    states: vec![TitleState::Ready, TitleState::Failed],
                    labels: vec!["a".into()],
                    workflow_id: Some("adaptive".parse().unwrap()),
                    limit: 50,
                };
                let explained = format!("EXPLAIN QUERY PLAN {}", list_query(app_id, &wanted).sql());
                let rows = query(explained).fetch_all(&store.pool).await.unwrap();
                let plan: Vec<String> = rows.iter().map(|row| row.try_get("detail").unwrap()).collect();
                let (index, _) = sort.column();
                let by_index = plan.iter().find(|step| step.contains(index)).unwrap();
                assert!(by_index.starts_with("SEARCH t") && by_index.contains("app_id=?"), "{by_index}");
                // The cursor is a bound of the search, not a filter over everything before it.
                assert!(by_index.contains('<') || by_index.contains('>'), "{by_index}");
                assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:?}");
            }
        }
    }
}
