//! Every row of an installation from one database into another, empty one, whichever engines they are: how an installation moves to
//! PostgreSQL, how it is backed up (into a SQLite file) and restored.

use futures_util::TryStreamExt;
use ring::digest::{Context, Digest, SHA256};

use super::StoreError;
use super::engine::{Connection, On, Row, Value, query};

/// In an order in which every row comes behind those that it refers to. What an engine keeps for itself is not among them.
pub(super) const TABLES: [&str; 37] = [
    "installation",
    "server_keys",
    "sdk_builds",
    "sdk_build_server_keys",
    "apps",
    "app_domains",
    "signing_keys",
    "api_keys",
    "workflows",
    "titles",
    "title_labels",
    "title_versions",
    "changes",
    "sessions",
    "uploads",
    "source_stretches",
    "source_writers",
    "source_pieces",
    "jobs",
    "job_log",
    "workers",
    "events",
    "webhooks",
    "deliveries",
    "users",
    "sign_ins",
    "sign_in_failures",
    "idempotency",
    "media_origins",
    "url_addresses",
    "used_signatures",
    "signature_addresses",
    "imported_keys",
    "rate_spends",
    "pacing_accounts",
    "audit",
    "audit_head",
];

/// Columns that number new rows, and never with a number that there was.
const NUMBERED: [(&str, &str); 5] =
    [("server_keys", "seq"), ("sdk_builds", "seq"), ("apps", "app_id"), ("signing_keys", "seq"), ("events", "seq")];

/// Of one statement: some hundred rows go at once.
const PARAMETERS: usize = 2000;

/// What was copied of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedTable {
    /// Its name.
    pub table: &'static str,
    /// How many rows are here as there.
    pub rows: u64,
}

/// A table's columns, as SQLite tells them; one of the two databases is always SQLite's.
struct Columns {
    table: &'static str,
    names: Vec<String>,
    kinds: Vec<Kind>,
    key: Vec<String>,
}

#[derive(Clone, Copy)]
enum Kind {
    Integer,
    Real,
    Text,
    Blob,
}

/// Rows and what they say, in the order of their keys.
struct Content {
    rows: u64,
    digest: Digest,
}

/// Copies every row between two transactions of the caller's, and compares both sides afterwards. `tell` hears of each table.
pub(super) async fn transfer<F>(
    from: &mut F,
    to: &mut Connection,
    mut tell: impl FnMut(&CopiedTable),
) -> Result<Vec<CopiedTable>, StoreError>
where
    for<'a> On<'a>: From<&'a mut F>,
{
    if query("SELECT 1 FROM installation").fetch_optional(&mut *to).await?.is_some() {
        return Err(StoreError::NotEmpty);
    }
    let mut copied = Vec::with_capacity(TABLES.len());
    for table in TABLES {
        let columns = match to {
            Connection::Sqlite(_) => Columns::of(table, &mut *to).await?,
            Connection::Postgres(_) => Columns::of(table, &mut *from).await?,
        };
        // Rows that the schema itself begins with.
        query(format!("DELETE FROM {table}")).execute(&mut *to).await?;
        let source = columns.copy(&mut *from, to).await?;
        let target = columns.content(&mut *to).await?;
        if source.rows != target.rows || source.digest.as_ref() != target.digest.as_ref() {
            return Err(StoreError::Corrupt("a copied table"));
        }
        let done = CopiedTable { table, rows: source.rows };
        tell(&done);
        copied.push(done);
    }
    number_on(from, to).await?;
    Ok(copied)
}

impl Columns {
    async fn of(table: &'static str, on: impl Into<On<'_>>) -> Result<Self, StoreError> {
        let rows =
            query("SELECT name, type, pk FROM pragma_table_info(?) ORDER BY cid").bind(table).fetch_all(on).await?;
        let mut columns = Self { table, names: Vec::new(), kinds: Vec::new(), key: Vec::new() };
        let mut key = Vec::new();
        for row in &rows {
            // Quoted: `offset` is a word of PostgreSQL's.
            let name = format!("\"{}\"", row.try_get::<&str, _>("name")?);
            let place: i64 = row.try_get("pk")?;
            if place > 0 {
                key.push((place, name.clone()));
            }
            columns.names.push(name);
            columns.kinds.push(match row.try_get("type")? {
                "INTEGER" => Kind::Integer,
                "REAL" => Kind::Real,
                "TEXT" => Kind::Text,
                "BLOB" => Kind::Blob,
                _ => return Err(StoreError::Corrupt("column type")),
            });
        }
        key.sort();
        columns.key = key.into_iter().map(|(_, name)| name).collect();
        Ok(columns)
    }

    fn select(&self) -> String {
        format!("SELECT {} FROM {} ORDER BY {}", self.names.join(", "), self.table, self.key.join(", "))
    }

    fn values(&self, row: &Row) -> Result<Vec<Value>, StoreError> {
        let each = self.kinds.iter().enumerate().map(|(at, kind)| {
            Ok(match kind {
                Kind::Integer => Value::Integer(row.try_get(at)?),
                Kind::Real => Value::Real(row.try_get(at)?),
                Kind::Text => Value::Text(row.try_get(at)?),
                Kind::Blob => Value::Blob(row.try_get(at)?),
            })
        });
        each.collect()
    }

    async fn copy(&self, from: impl Into<On<'_>>, to: &mut Connection) -> Result<Content, StoreError> {
        let rows_at_once = (PARAMETERS / self.names.len()).max(1);
        let (mut context, mut count) = (Context::new(&SHA256), 0);
        let mut waiting = Vec::with_capacity(rows_at_once);
        let mut rows = query(self.select()).fetch(from);
        while let Some(row) = rows.try_next().await? {
            let values = self.values(&row)?;
            digest(&mut context, &values);
            count += 1;
            waiting.push(values);
            if waiting.len() == rows_at_once {
                self.insert(std::mem::take(&mut waiting), to).await?;
            }
        }
        self.insert(waiting, to).await?;
        Ok(Content { rows: count, digest: context.finish() })
    }

    async fn insert(&self, rows: Vec<Vec<Value>>, to: &mut Connection) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut insert = query(format!("INSERT INTO {} ({}) VALUES ", self.table, self.names.join(", ")));
        for (number, values) in rows.into_iter().enumerate() {
            insert.push(if number == 0 { "(" } else { ", (" }).push_all(values).push(")");
        }
        insert.execute(to).await?;
        Ok(())
    }

    async fn content(&self, on: impl Into<On<'_>>) -> Result<Content, StoreError> {
        let (mut context, mut count) = (Context::new(&SHA256), 0);
        let mut rows = query(self.select()).fetch(on);
        while let Some(row) = rows.try_next().await? {
            digest(&mut context, &self.values(&row)?);
            count += 1;
        }
        Ok(Content { rows: count, digest: context.finish() })
    }
}

fn digest(context: &mut Context, values: &[Value]) {
    let mut add = |tag: u8, bytes: Option<&[u8]>| {
        context.update(&[tag, u8::from(bytes.is_some())]);
        let bytes = bytes.unwrap_or_default();
        context.update(&(bytes.len() as u64).to_be_bytes());
        context.update(bytes);
    };
    for value in values {
        match value {
            Value::Integer(value) => add(0, value.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice)),
            Value::Real(value) => add(1, value.map(f64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice)),
            Value::Text(value) => add(2, value.as_deref().map(str::as_bytes)),
            Value::Blob(value) => add(3, value.as_deref()),
        }
    }
}

/// New rows get numbers behind the last ones that there were, also of rows that are gone.
async fn number_on<F>(from: &mut F, to: &mut Connection) -> Result<(), StoreError>
where
    for<'a> On<'a>: From<&'a mut F>,
{
    for (table, column) in NUMBERED {
        let last = if On::from(&mut *from).is_postgres() {
            query("SELECT pg_sequence_last_value(CAST(pg_get_serial_sequence(?, ?) AS regclass))")
                .bind(table)
                .bind(column)
        } else {
            query("SELECT seq FROM sqlite_sequence WHERE name = ?").bind(table)
        };
        let Some(row) = last.fetch_optional(&mut *from).await? else { continue };
        let Some(last) = row.try_get::<Option<i64>, _>(0)? else { continue };
        match to {
            Connection::Sqlite(_) => {
                query("DELETE FROM sqlite_sequence WHERE name = ?").bind(table).execute(&mut *to).await?;
                query("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)")
                    .bind(table)
                    .bind(last)
                    .execute(&mut *to)
                    .await?;
            }
            Connection::Postgres(_) => {
                query("SELECT setval(pg_get_serial_sequence(?, ?), ?)")
                    .bind(table)
                    .bind(column)
                    .bind(last)
                    .fetch_one(&mut *to)
                    .await?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    /// A table that is forgotten would be lost in each copy.
    #[tokio::test]
    async fn every_table_of_the_schema_is_copied_behind_what_it_refers_to() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("keyveil.db")).await.unwrap();
        let rows = query(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_sqlx%' ORDER BY name",
        );
        let rows = rows.fetch_all(&store.pool).await.unwrap();
        let there: Vec<String> = rows.iter().map(|row| row.try_get("name").unwrap()).collect();
        let mut copied = TABLES.to_vec();
        copied.sort_unstable();
        assert_eq!(copied, there);
        for (place, table) in TABLES.iter().enumerate() {
            let rows = query("SELECT \"table\" AS name FROM pragma_foreign_key_list(?)").bind(*table);
            for row in rows.fetch_all(&store.pool).await.unwrap() {
                let parent: String = row.try_get("name").unwrap();
                assert!(TABLES[..place].contains(&parent.as_str()), "{table} is copied before {parent}");
            }
        }
    }
}
