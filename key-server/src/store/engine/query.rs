use std::borrow::Cow;
use std::fmt::{Display, Write as _};

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Postgres, Sqlite};

use super::connection::PATIENCE;
use super::{Arguments, On, Row, Value, for_postgres};

/// One statement, and the values of its parameters, which are `?` or `?N`.
pub(in crate::store) struct Query {
    sql: Cow<'static, str>,
    values: Vec<Value>,
}

/// What a statement has changed.
pub(in crate::store) struct Done {
    rows_affected: u64,
}

impl Done {
    pub(in crate::store) const fn rows_affected(&self) -> u64 {
        self.rows_affected
    }
}

/// A statement of this program; values are bound, never written into it.
pub(in crate::store) fn query(sql: impl Into<Cow<'static, str>>) -> Query {
    Query { sql: sql.into(), values: Vec::new() }
}

impl Query {
    /// The next parameter.
    pub(in crate::store) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// More of the statement.
    pub(in crate::store) fn push(&mut self, sql: impl Display) -> &mut Self {
        // A String takes whatever is written to it.
        let _ = write!(self.sql.to_mut(), "{sql}");
        self
    }

    /// A parameter, here.
    pub(in crate::store) fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        // Numbered, because sqlx counts those without a number apart from those with one.
        self.push(format_args!("?{}", self.values.len()))
    }

    /// Parameters, here, with commas between them.
    pub(in crate::store) fn push_all<T: Into<Value>>(&mut self, values: impl IntoIterator<Item = T>) -> &mut Self {
        for (number, value) in values.into_iter().enumerate() {
            self.push(if number == 0 { "" } else { ", " }).push_bind(value);
        }
        self
    }

    #[cfg(test)]
    pub(in crate::store) fn sql(&self) -> &str {
        &self.sql
    }

    fn sqlite(self) -> Result<sqlx::query::Query<'static, Sqlite, SqliteArguments>, sqlx::Error> {
        Ok(sqlx::query_with(AssertSqlSafe(self.sql), SqliteArguments::of(self.values)?))
    }

    fn postgres(self) -> Result<sqlx::query::Query<'static, Postgres, PgArguments>, sqlx::Error> {
        Ok(sqlx::query_with(AssertSqlSafe(for_postgres(&self.sql)), PgArguments::of(self.values)?))
    }

    pub(in crate::store) async fn execute(self, on: impl Into<On<'_>>) -> Result<Done, sqlx::Error> {
        let rows_affected = match on.into() {
            On::SqlitePool(pool) => self.sqlite()?.execute(pool).await?.rows_affected(),
            On::Sqlite(connection) => self.sqlite()?.execute(connection).await?.rows_affected(),
            On::PostgresPool(pool) => in_time(self.postgres()?.execute(pool)).await?.rows_affected(),
            On::Postgres(connection) => in_time(self.postgres()?.execute(connection)).await?.rows_affected(),
        };
        Ok(Done { rows_affected })
    }

    pub(in crate::store) async fn fetch_all(self, on: impl Into<On<'_>>) -> Result<Vec<Row>, sqlx::Error> {
        let on = on.into();
        if on.is_postgres() { in_time(self.fetch(on).try_collect()).await } else { self.fetch(on).try_collect().await }
    }

    pub(in crate::store) async fn fetch_optional(self, on: impl Into<On<'_>>) -> Result<Option<Row>, sqlx::Error> {
        Ok(match on.into() {
            On::SqlitePool(pool) => self.sqlite()?.fetch_optional(pool).await?.map(Row::Sqlite),
            On::Sqlite(connection) => self.sqlite()?.fetch_optional(connection).await?.map(Row::Sqlite),
            On::PostgresPool(pool) => in_time(self.postgres()?.fetch_optional(pool)).await?.map(Row::Postgres),
            On::Postgres(connection) => in_time(self.postgres()?.fetch_optional(connection)).await?.map(Row::Postgres),
        })
    }

    pub(in crate::store) async fn fetch_one(self, on: impl Into<On<'_>>) -> Result<Row, sqlx::Error> {
        self.fetch_optional(on).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// The rows, as they come.
    pub(in crate::store) fn fetch<'c>(self, on: impl Into<On<'c>>) -> BoxStream<'c, Result<Row, sqlx::Error>> {
        match on.into() {
            On::SqlitePool(pool) => rows(self.sqlite(), |query| query.fetch(pool), Row::Sqlite),
            On::Sqlite(connection) => rows(self.sqlite(), |query| query.fetch(connection), Row::Sqlite),
            On::PostgresPool(pool) => rows(self.postgres(), |query| query.fetch(pool), Row::Postgres),
            On::Postgres(connection) => rows(self.postgres(), |query| query.fetch(connection), Row::Postgres),
        }
    }
}

fn rows<'c, Q, R: 'c>(
    query: Result<Q, sqlx::Error>,
    fetch: impl FnOnce(Q) -> BoxStream<'c, Result<R, sqlx::Error>>,
    row: fn(R) -> Row,
) -> BoxStream<'c, Result<Row, sqlx::Error>> {
    match query {
        Ok(query) => fetch(query).map_ok(row).boxed(),
        Err(error) => futures_util::stream::once(std::future::ready(Err(error))).boxed(),
    }
}

/// A server that hangs answers nothing, not even that it does.
pub(in crate::store) async fn in_time<T>(
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    tokio::time::timeout(PATIENCE, answer).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}
