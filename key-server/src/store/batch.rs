//! Statements that go to a connection together: a message there and back costs more than most statements do.

use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Executor, PgConnection, SqliteConnection};

use super::StoreError;
use super::engine::{Arguments, Connection, Row, Value, for_postgres, in_time, query};

/// Statements in their order, and the values of their parameters. Dropped, they never happened.
#[derive(Default)]
pub(super) struct Batch(Vec<Statement>);

struct Statement {
    sql: &'static str,
    values: Vec<Value>,
}

/// A statement being added to a batch; its parameters are `?`, in order.
pub(super) struct Later<'w>(&'w mut Vec<Value>);

impl Batch {
    pub(super) fn later(&mut self, sql: &'static str) -> Later<'_> {
        Later(&mut self.0.push_mut(Statement { sql, values: Vec::new() }).values)
    }

    pub(super) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sends all of it, and returns the first row that any of the statements has. Those behind that one are not executed: only the
    /// last may have an answer.
    pub(super) async fn send(self, connection: &mut Connection) -> Result<Option<Row>, StoreError> {
        match connection {
            Connection::Sqlite(connection) => self.send_sqlite(connection).await,
            Connection::Postgres(connection) => self.send_postgres(connection).await,
        }
    }

    async fn send_sqlite(self, connection: &mut SqliteConnection) -> Result<Option<Row>, StoreError> {
        let (mut sql, mut arguments) = (String::new(), SqliteArguments::default());
        for statement in self.0 {
            sql.push_str(statement.sql);
            sql.push(';');
            for value in statement.values {
                arguments.push(value)?;
            }
        }
        // Statements of this program alone; values are bound.
        let row = connection.fetch_optional(sqlx::query_with(AssertSqlSafe(sql), arguments)).await?;
        Ok(row.map(Row::Sqlite))
    }

    /// What has no parameters goes in one message; the protocol allows no more.
    async fn send_postgres(self, connection: &mut PgConnection) -> Result<Option<Row>, StoreError> {
        let (mut bare, mut row) = (String::new(), None);
        for statement in self.0 {
            if statement.values.is_empty() && !statement.sql.starts_with("SELECT") {
                bare.push_str(&for_postgres(statement.sql));
                bare.push(';');
                continue;
            }
            send_bare(&mut bare, connection).await?;
            let mut asked = query(statement.sql);
            for value in statement.values {
                asked = asked.bind(value);
            }
            row = asked.fetch_optional(&mut *connection).await?;
        }
        send_bare(&mut bare, connection).await?;
        Ok(row)
    }
}

async fn send_bare(bare: &mut String, connection: &mut PgConnection) -> Result<(), StoreError> {
    if !bare.is_empty() {
        in_time(connection.execute(sqlx::raw_sql(AssertSqlSafe(std::mem::take(bare))))).await?;
    }
    Ok(())
}

impl Later<'_> {
    /// The next parameter.
    pub(super) fn bind(self, value: impl Into<Value>) -> Self {
        self.0.push(value.into());
        self
    }
}
