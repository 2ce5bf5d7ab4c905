//! What lists are asked by: the query's fields, the limit, and cursors.

use std::str::FromStr;

use base64ct::{Base64UrlUnpadded, Encoding};
use keyveil_protocol::ErrorCode;
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::store::SortValue;

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 200;
const VALUES_MAX: usize = 64;
const VALUE_LEN_MAX: usize = 1024;
const CURSOR_LEN_MAX: usize = 1024;

/// What every list takes.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only describes what Fields reads")]
pub(crate) struct Page {
    /// The `next` of the page before.
    #[param(max_length = 1024)]
    after: Option<String>,
    /// 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// A query's fields, each known by name and of bounded length.
#[derive(Debug)]
pub(crate) struct Fields(Vec<(String, String)>);

/// Where a page of a list ended.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cursor {
    /// The list and its order: a cursor of another one means nothing here.
    list: String,
    pub(super) value: SortValue,
    pub(in crate::actions) id: String,
}

/// The cause names a field and what it may be, so the caller is told it too.
pub(crate) fn malformed(cause: &'static str) -> Refusal {
    Refusal::new(ErrorCode::MalformedRequest, cause).with_detail(cause)
}

/// Text of one line without control characters; searches, filters, names.
pub(super) fn is_plain(text: &str, len_max: usize) -> bool {
    (1..=len_max).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// What a request that says everything by its address carries: `{}`.
pub(crate) fn empty_body(body: &[u8]) -> Result<(), Refusal> {
    let empty: serde_json::Map<String, serde_json::Value> = super::parse_json(body)?;
    if empty.is_empty() { Ok(()) } else { Err(malformed("the body is not an empty object")) }
}

impl Fields {
    /// Refuses fields that are not `known`: a misspelt filter would quietly list everything.
    pub(crate) fn parse(query: &str, known: &[&str]) -> Result<Self, Refusal> {
        let mut fields = Vec::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if !known.contains(&name.as_ref()) {
                return Err(malformed("the query has an unknown field"));
            }
            if value.len() > VALUE_LEN_MAX || fields.len() >= VALUES_MAX {
                return Err(malformed("the query has a field that is too long, or too many"));
            }
            fields.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(fields))
    }

    /// Every value of a field that may be repeated.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(candidate, _)| candidate == name).map(|(_, value)| value.as_str())
    }

    /// The value of a field that may stand once.
    pub(super) fn text<'a>(&'a self, name: &'a str) -> Result<Option<&'a str>, Refusal> {
        let mut values = self.all(name);
        let value = values.next();
        if values.next().is_some() { Err(malformed("a field of the query is repeated")) } else { Ok(value) }
    }

    /// As [`Self::text`], as what it stands for.
    pub(crate) fn parsed<T: FromStr>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let value = self.text(name)?;
        value.map(|value| value.parse().map_err(|_| malformed("a field of the query is malformed"))).transpose()
    }

    pub(super) fn limit(&self) -> Result<u32, Refusal> {
        let limit = self.parsed("limit")?.unwrap_or(LIMIT_DEFAULT);
        if (1..=LIMIT_MAX).contains(&limit) { Ok(limit) } else { Err(malformed("limit is not 1 to 200")) }
    }

    /// `after`, if it is a cursor of this list in this order.
    pub(super) fn after(&self, list: &str) -> Result<Option<Cursor>, Refusal> {
        let Some(text) = self.text("after")? else { return Ok(None) };
        let parsed = (text.len() <= CURSOR_LEN_MAX).then(|| Base64UrlUnpadded::decode_vec(text).ok()).flatten();
        let cursor: Option<Cursor> = parsed.and_then(|json| serde_json::from_slice(&json).ok());
        match cursor {
            Some(cursor) if cursor.list == list => Ok(Some(cursor)),
            Some(_) => Err(malformed("after is a cursor of another list or order")),
            None => Err(malformed("after is not a cursor of this server")),
        }
    }
}

impl Cursor {
    pub(super) fn integer(&self) -> Result<i64, Refusal> {
        match self.value {
            SortValue::Integer(value) => Ok(value),
            SortValue::Text(_) => Err(malformed("after is not a cursor of this server")),
        }
    }

    fn text(&self) -> Result<String, Refusal> {
        let json =
            serde_json::to_vec(self).map_err(|_| Refusal::new(ErrorCode::Internal, "cursor can't be written"))?;
        Ok(Base64UrlUnpadded::encode_string(&json))
    }
}

/// Cuts the one row off that was read beyond `limit` to see whether there is more; the cursor of the last row that stays.
pub(super) fn cut<T>(
    rows: &mut Vec<T>,
    limit: u32,
    list: &str,
    place: impl Fn(&T) -> (SortValue, String),
) -> Result<Option<String>, Refusal> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if rows.len() <= limit {
        return Ok(None);
    }
    rows.truncate(limit);
    let last = rows.last().map(place);
    last.map(|(value, id)| Cursor { list: list.to_owned(), value, id }.text()).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_belongs_to_its_list() {
        let mut rows = vec![1, 2, 3];
        let next = cut(&mut rows, 2, "a", |n| (SortValue::Integer(*n), "id".to_owned())).unwrap().unwrap();
        assert_eq!(rows, [1, 2]);
        let fields = Fields::parse(&format!("after={next}"), &["after"]).unwrap();
        let cursor = fields.after("a").unwrap().unwrap();
        assert_eq!((cursor.integer().unwrap(), cursor.id.as_str()), (2, "id"));
        assert!(fields.after("b").is_err());
        assert_eq!(cut(&mut rows, 2, "a", |n| (SortValue::Integer(*n), "id".to_owned())).unwrap(), None);
    }

    #[test]
    fn an_unfit_query_is_refused() {
        for query in ["x=1", "limit=0", "limit=201", "limit=", "limit=1&limit=2", "after=%00", "after=e30"] {
            let refused = Fields::parse(query, &["limit", "after"])
                .and_then(|fields| fields.limit().and_then(|_| fields.after("a").map(drop)));
            assert!(refused.is_err(), "{query}");
        }
        assert!(Fields::parse("x=1&".repeat(65).as_str(), &["x"]).is_err());
        assert!(Fields::parse(&format!("x={}", "y".repeat(1025)), &["x"]).is_err());
        assert_eq!(Fields::parse("", &[]).unwrap().limit().unwrap(), LIMIT_DEFAULT);
    }
}
