//! Statements that go to a connection together: a message there and back costs more than most statements do.

use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Executor, PgConnection, SqliteConnection};

use super::StoreError;
use super::engine::{Arguments, Connection, Query, Row, Value, for_postgres, in_time, query};
use super::many::{Rows, are_repeated};

/// Statements in their order, and the values of their parameters. Dropped, they never happened.
#[derive(Default)]
pub(super) struct Batch(Vec<Statement>);

pub(super) struct Statement {
    pub(super) sql: &'static str,
    pub(super) values: Vec<Value>,
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

    pub(super) const fn is_one(&self) -> bool {
        self.0.len() == 1
    }

    /// Whether it changes nothing but a row each of those that every release changes.
    pub(super) fn is_a_release(&self) -> bool {
        are_repeated(&self.0)
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

    /// What has no parameters goes in one message; so do changes of different tables, and those of many rows, as one statement.
    async fn send_postgres(self, connection: &mut PgConnection) -> Result<Option<Row>, StoreError> {
        let mut unsent = Unsent::default();
        let mut row = None;
        for statement in self.0 {
            if let Some(question) = unsent.take(statement, connection).await? {
                unsent.send(connection).await?;
                row = asked(question.sql.to_owned(), question.values).fetch_optional(&mut *connection).await?;
            }
        }
        unsent.send(connection).await?;
        Ok(row)
    }
}

/// What waits for more of its kind; at most one of these has something in it.
#[derive(Default)]
struct Unsent {
    bare: String,
    rows: Rows,
    changes: Changes,
}

impl Unsent {
    /// Gives back what has to go alone.
    async fn take(
        &mut self,
        statement: Statement,
        connection: &mut PgConnection,
    ) -> Result<Option<Statement>, StoreError> {
        if statement.values.is_empty() && !statement.sql.starts_with("SELECT") {
            self.send_changes(connection).await?;
            self.bare.push_str(&for_postgres(statement.sql));
            self.bare.push(';');
            return Ok(None);
        }
        send_bare(&mut self.bare, connection).await?;
        let Some(statement) = self.push(statement) else { return Ok(None) };
        self.send_changes(connection).await?;
        Ok(self.push(statement))
    }

    fn push(&mut self, statement: Statement) -> Option<Statement> {
        let statement = if self.changes.0.is_empty() { self.rows.take(statement)? } else { statement };
        if self.rows.is_empty() { self.changes.push(statement) } else { Some(statement) }
    }

    async fn send_changes(&mut self, connection: &mut PgConnection) -> Result<(), StoreError> {
        self.rows.send(connection).await?;
        self.changes.send(connection).await
    }

    async fn send(&mut self, connection: &mut PgConnection) -> Result<(), StoreError> {
        self.send_changes(connection).await?;
        send_bare(&mut self.bare, connection).await
    }
}

/// Changes of different tables. PostgreSQL executes them as parts of one statement, which all see what was there before it: so none
/// may read what another one writes, and no two may change one row.
#[derive(Default)]
struct Changes(Vec<Statement>);

impl Changes {
    /// Takes a change of a table that none of the others changes; gives back anything else.
    fn push(&mut self, statement: Statement) -> Option<Statement> {
        let table = changed_table(statement.sql);
        if table.is_none() || self.0.iter().any(|other| changed_table(other.sql) == table) {
            return Some(statement);
        }
        self.0.push(statement);
        None
    }

    async fn send(&mut self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let parts: Vec<_> = self.0.iter().map(|statement| (statement.sql.to_owned(), statement.values.len())).collect();
        let values: Vec<Value> = self.0.drain(..).flat_map(|statement| statement.values).collect();
        if !parts.is_empty() {
            asked(joined(&parts), values).execute(connection).await?;
        }
        Ok(())
    }
}

/// Changes, each with how many parameters it has, as one statement.
pub(super) fn joined(parts: &[(String, usize)]) -> String {
    let (mut sql, mut before) = (String::new(), 0);
    for (number, (part, parameters)) in parts.iter().enumerate() {
        let is_last = number + 1 == parts.len();
        let lead = match (number, is_last) {
            (0, true) => String::new(),
            (0, false) => "WITH change_0 AS (".to_owned(),
            (_, true) => " ".to_owned(),
            (_, false) => format!(", change_{number} AS ("),
        };
        sql.push_str(&lead);
        sql.push_str(&numbered(part, before));
        if !is_last {
            sql.push(')');
        }
        before += parameters;
    }
    sql
}

/// The table that a statement changes; none where it asks or answers something.
pub(super) fn changed_table(sql: &str) -> Option<&str> {
    let rest = ["INSERT INTO ", "UPDATE ", "DELETE FROM "].iter().find_map(|verb| sql.strip_prefix(verb))?;
    if sql.contains("RETURNING") { None } else { rest.split([' ', '\n']).next() }
}

/// With the numbers of parameters behind `before` others.
fn numbered(sql: &str, before: usize) -> String {
    let mut number = before;
    let mut parts = sql.split('?');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        number += 1;
        out.push_str(&format!("?{number}{part}"));
    }
    out
}

fn asked(sql: String, values: Vec<Value>) -> Query {
    values.into_iter().fold(query(sql), Query::bind)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_one_table_and_questions_go_alone() {
        let mut changes = Changes::default();
        let mut push = |sql: &'static str| changes.push(Statement { sql, values: Vec::new() }).is_none();
        assert!(push("UPDATE sessions SET a = ?"));
        assert!(push("INSERT INTO audit (seq)\n VALUES (?)"));
        assert!(!push("UPDATE sessions SET b = ?"), "the same row would be changed once only");
        assert!(!push("INSERT INTO audit (seq) VALUES (?)"));
        assert!(!push("SELECT 1"));
        assert!(!push("DELETE FROM jobs WHERE a = ? RETURNING b"));
        assert!(push("DELETE FROM jobs WHERE a = ?"));
    }

    #[test]
    fn parameters_follow_each_other() {
        assert_eq!(numbered("UPDATE a SET b = ? WHERE c = ?", 3), "UPDATE a SET b = ?4 WHERE c = ?5");
        assert_eq!(numbered("UPDATE a SET b = 1", 3), "UPDATE a SET b = 1");
    }
}
