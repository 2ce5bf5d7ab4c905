//! Statements whose answer nobody waits for. Each message to the thread that holds the connection costs more than most statements
//! do, and so these go there together: before the next statement that has an answer, or before the commit.

use sqlx::sqlite::{Sqlite, SqliteArguments};
use sqlx::{Arguments, AssertSqlSafe, Encode, SqliteConnection, Type};

use super::{StoreError, WriteTransaction};

/// What is to be sent. Dropped with its transaction, it never happened.
#[derive(Default)]
pub(super) struct Deferred {
    sql: String,
    arguments: SqliteArguments,
}

/// A statement being deferred; its parameters are `?`, in order.
pub(super) struct Later<'w>(&'w mut Deferred);

impl WriteTransaction<'_> {
    /// Has `statement` executed in its order among all, but not at once: what is wrong with it is told later.
    pub(super) fn later(&mut self, statement: &'static str) -> Later<'_> {
        let deferred = &mut self.deferred;
        deferred.sql.push_str(statement);
        deferred.sql.push(';');
        Later(deferred)
    }
}

impl Later<'_> {
    /// The next parameter.
    pub(super) fn bind<'t, T: Encode<'t, Sqlite> + Type<Sqlite>>(self, value: T) -> Result<Self, StoreError> {
        self.0.arguments.add(value).map_err(sqlx::Error::Encode)?;
        Ok(self)
    }
}

impl Deferred {
    /// Sends all of it.
    pub(super) async fn send(&mut self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        if self.sql.is_empty() {
            return Ok(());
        }
        let Self { sql, arguments } = std::mem::take(self);
        // Statements of this program alone; values are bound.
        sqlx::query_with(AssertSqlSafe(sql), arguments).execute(connection).await?;
        Ok(())
    }
}
