//! Statements that go to the thread of a connection together: a message there and back costs more than most statements do.

use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Executor, SqliteConnection};

use super::StoreError;

/// Statements in their order, and the values of their parameters. Dropped, they never happened.
#[derive(Default)]
pub(super) struct Batch {
    sql: String,
    values: Vec<Value>,
}

/// A statement being added to a batch; its parameters are `?`, in order.
pub(super) struct Later<'w>(&'w mut Batch);

/// What a parameter may be.
pub(super) enum Value {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl Batch {
    pub(super) fn later(&mut self, statement: &'static str) -> Later<'_> {
        self.sql.push_str(statement);
        self.sql.push(';');
        Later(self)
    }

    pub(super) fn append(&mut self, mut other: Self) {
        if self.is_empty() {
            *self = other;
        } else {
            self.sql.push_str(&other.sql);
            self.values.append(&mut other.values);
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.sql.is_empty()
    }

    /// Sends all of it, and returns the first row that any of the statements has. Those behind that one are not executed: only the
    /// last may have an answer.
    pub(super) async fn send(self, connection: &mut SqliteConnection) -> Result<Option<SqliteRow>, StoreError> {
        let mut arguments = SqliteArguments::default();
        for value in self.values {
            let added = match value {
                Value::Null => arguments.add(None::<i64>),
                Value::Integer(value) => arguments.add(value),
                Value::Text(value) => arguments.add(value),
                Value::Blob(value) => arguments.add(value),
            };
            added.map_err(sqlx::Error::Encode)?;
        }
        // Statements of this program alone; values are bound.
        Ok(connection.fetch_optional(sqlx::query_with(AssertSqlSafe(self.sql), arguments)).await?)
    }
}

impl Later<'_> {
    /// The next parameter.
    pub(super) fn bind(self, value: impl Into<Value>) -> Self {
        self.0.values.push(value.into());
        self
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<u8> for Value {
    fn from(value: u8) -> Self {
        Self::Integer(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Blob(value.to_vec())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
