use std::time::Duration;

use sqlx::postgres::{PgConnection, PgPool};
use sqlx::sqlite::SqlitePool;
use sqlx::{Connection as _, Postgres, Sqlite, SqliteConnection, Transaction};

use super::query;

/// How long PostgreSQL may take for one statement.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Connections that read.
pub(in crate::store) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// One connection.
pub(in crate::store) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// A transaction that sees the database as it was at its first statement.
pub(in crate::store) enum Snapshot {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// What a statement runs on.
pub(in crate::store) enum On<'a> {
    SqlitePool(&'a SqlitePool),
    Sqlite(&'a mut SqliteConnection),
    PostgresPool(&'a PgPool),
    Postgres(&'a mut PgConnection),
}

impl On<'_> {
    pub(in crate::store) const fn is_postgres(&self) -> bool {
        matches!(self, Self::PostgresPool(_) | Self::Postgres(_))
    }
}

impl Pool {
    pub(in crate::store) async fn snapshot(&self) -> Result<Snapshot, sqlx::Error> {
        match self {
            Self::Sqlite(pool) => Ok(Snapshot::Sqlite(pool.begin().await?)),
            Self::Postgres(pool) => {
                let mut snapshot = Snapshot::Postgres(pool.begin().await?);
                for statement in [
                    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
                    // It goes through whole tables, and holds up nobody.
                    "SET LOCAL statement_timeout = 0",
                    "SET LOCAL idle_in_transaction_session_timeout = 0",
                ] {
                    query(statement).execute(&mut snapshot).await?;
                }
                Ok(snapshot)
            }
        }
    }

    pub(in crate::store) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Connection {
    pub(in crate::store) async fn close(self) {
        // What it had begun ends with it.
        let _ = match self {
            Self::Sqlite(connection) => connection.close().await,
            Self::Postgres(connection) => connection.close().await,
        };
    }
}

impl<'a> From<&'a Pool> for On<'a> {
    fn from(pool: &'a Pool) -> Self {
        match pool {
            Pool::Sqlite(pool) => Self::SqlitePool(pool),
            Pool::Postgres(pool) => Self::PostgresPool(pool),
        }
    }
}

impl<'a> From<&'a mut Connection> for On<'a> {
    fn from(connection: &'a mut Connection) -> Self {
        match connection {
            Connection::Sqlite(connection) => Self::Sqlite(connection),
            Connection::Postgres(connection) => Self::Postgres(connection),
        }
    }
}

impl<'a> From<&'a mut Snapshot> for On<'a> {
    fn from(snapshot: &'a mut Snapshot) -> Self {
        match snapshot {
            Snapshot::Sqlite(transaction) => Self::Sqlite(&mut *transaction),
            Snapshot::Postgres(transaction) => Self::Postgres(&mut *transaction),
        }
    }
}

impl<'a> From<&'a mut PgConnection> for On<'a> {
    fn from(connection: &'a mut PgConnection) -> Self {
        Self::Postgres(connection)
    }
}

impl<'a> From<&'a mut SqliteConnection> for On<'a> {
    fn from(connection: &'a mut SqliteConnection) -> Self {
        Self::Sqlite(connection)
    }
}
