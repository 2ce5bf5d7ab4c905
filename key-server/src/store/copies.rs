//! Whole copies of an installation: into PostgreSQL for good, into a file and back.

use std::path::Path;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};

use super::engine::{BEGIN, COMMIT, Connection, for_postgres, query};
use super::open::sqlite_options;
use super::transfer::{CopiedTable, TABLES, transfer};
use super::{Store, StoreError};

/// A trigger of this name says that a database has moved.
const MOVED: &str = "moved_audit_insert";

impl Store {
    /// Moves the installation in `file` into an empty database of PostgreSQL. From its beginning on nothing is written to the file any
    /// more: servers over it answer that they are unavailable, and go on being so when it is done.
    pub async fn move_to_postgres(
        file: &Path,
        options: &PgConnectOptions,
        tell: impl FnMut(&CopiedTable),
    ) -> Result<Vec<CopiedTable>, StoreError> {
        Self::open(file).await?.close().await;
        Self::open_postgres(options).await?.close().await;
        let mut from = sqlite_options(file).connect().await?;
        query(BEGIN).execute(&mut from).await?;
        let mut to = Connection::Postgres(options.connect().await?);
        begin(&mut to).await?;
        let copied = transfer(&mut from, &mut to, tell).await?;
        // In this order: a crash between them leaves a file that goes on, and a copy that is in the way of the next one.
        commit(&mut to).await?;
        mark_moved(&mut from).await?;
        query(COMMIT).execute(&mut from).await?;
        Ok(copied)
    }

    /// A copy of everything as it is at this moment, as a SQLite database in `file`, which must not be there yet. Others write meanwhile.
    pub async fn copy_to_file(
        &self,
        file: &Path,
        tell: impl FnMut(&CopiedTable),
    ) -> Result<Vec<CopiedTable>, StoreError> {
        let mut snapshot = self.pool.snapshot().await?;
        Self::open(file).await?.close().await;
        let mut to = Connection::Sqlite(sqlite_options(file).connect().await?);
        begin(&mut to).await?;
        let copied = transfer(&mut snapshot, &mut to, tell).await?;
        commit(&mut to).await?;
        to.close().await;
        Ok(copied)
    }

    /// Everything of such a copy into this database, which has no installation yet. The copy is brought up to date first.
    pub async fn restore_from_file(
        &self,
        file: &Path,
        tell: impl FnMut(&CopiedTable),
    ) -> Result<Vec<CopiedTable>, StoreError> {
        Self::open(file).await?.close().await;
        let mut from = sqlite_options(file).connect().await?;
        let mut turn = self.writer.turn().await?.begin().await?;
        let copied = transfer(&mut from, turn.connection()?, tell).await?;
        turn.commit(super::batch::Batch::default()).await?.durable().await.map_err(StoreError::NotDurable)?;
        drop(self.recent.forget_later());
        Ok(copied)
    }
}

async fn begin(connection: &mut Connection) -> Result<(), StoreError> {
    control(connection, BEGIN).await
}

async fn commit(connection: &mut Connection) -> Result<(), StoreError> {
    control(connection, COMMIT).await
}

async fn control(connection: &mut Connection, statement: &'static str) -> Result<(), StoreError> {
    match connection {
        Connection::Sqlite(connection) => {
            query(statement).execute(connection).await?;
        }
        Connection::Postgres(connection) => {
            sqlx::raw_sql(sqlx::AssertSqlSafe(for_postgres(statement))).execute(connection).await?;
        }
    }
    Ok(())
}

/// SQLite itself refuses every write from here on, whichever release asks for it.
async fn mark_moved(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    for table in TABLES {
        for act in ["insert", "update", "delete"] {
            let trigger = format!(
                "CREATE TRIGGER moved_{table}_{act} BEFORE {act} ON {table}
                 BEGIN SELECT RAISE(ABORT, 'this installation has moved to PostgreSQL'); END"
            );
            query(trigger).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// Refuses a database that has moved.
pub(super) async fn refuse_moved(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let moved = query("SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND name = ?").bind(MOVED);
    if moved.fetch_optional(connection).await?.is_some() { Err(StoreError::Moved) } else { Ok(()) }
}
