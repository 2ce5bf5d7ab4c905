//! What can be told of a database without changing it: for `key-server doctor`, also of one that a server has open.

use std::io::ErrorKind;
use std::path::Path;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::engine::{in_time, query};
use super::{BUSY_TIMEOUT, StoreError, migrations};

/// A database as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The engine and its version.
    pub engine: String,
    /// The newest migration that it has; 0 without any.
    pub schema: i64,
    /// The newest migration that this program knows.
    pub schema_known: i64,
    /// What the engine's own check found, a line each; at most five.
    pub faults: Vec<String>,
    /// Bytes of the write-ahead log.
    pub log_len: u64,
    /// Its clock, in seconds since 1970. SQLite's is this machine's.
    pub now: i64,
    /// When the newest row of the audit log was written; none before the first.
    pub newest_audit_at: Option<i64>,
}

impl Health {
    /// Looks at the database in `file`, read only: it is neither made nor migrated. The check reads
    /// all of it.
    ///
    /// # Errors
    /// No database, or one that can't be read at all.
    pub async fn of(file: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(false)
            .read_only(true)
            .busy_timeout(BUSY_TIMEOUT);
        let mut connection = options.connect().await?;
        let version: String = query("SELECT sqlite_version()").fetch_one(&mut connection).await?.try_get(0)?;
        let checked = query("PRAGMA quick_check(5)").fetch_all(&mut connection).await?;
        let faults = checked.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
        let faults = faults.into_iter().filter(|line| line != "ok").collect();
        let schema = newest(&mut connection, "_sqlx_migrations", "SELECT max(version) FROM _sqlx_migrations").await?;
        let newest_audit_at = newest(&mut connection, "audit", "SELECT max(at) FROM audit").await?;
        let now = query("SELECT CAST(strftime('%s', 'now') AS INTEGER)").fetch_one(&mut connection).await?;
        let health = Self {
            engine: format!("SQLite {version}"),
            schema: schema.unwrap_or(0),
            schema_known: migrations::newest(),
            faults,
            log_len: log_len(file).map_err(sqlx::Error::Io)?,
            now: now.try_get(0)?,
            newest_audit_at,
        };
        connection.close().await?;
        Ok(health)
    }
}

impl Health {
    /// Looks at a database of PostgreSQL, which checks its pages by itself where it was set up to.
    ///
    /// # Errors
    /// A server that does not answer or refuses.
    pub async fn of_postgres(options: &PgConnectOptions) -> Result<Self, StoreError> {
        let mut connection = in_time(options.connect()).await?;
        let row = query(
            "SELECT split_part(current_setting('server_version'), ' ', 1), CAST(extract(epoch FROM clock_timestamp()) AS BIGINT),
             to_regclass('_sqlx_migrations') IS NOT NULL, to_regclass('audit') IS NOT NULL",
        )
        .fetch_one(&mut connection)
        .await?;
        let (version, now): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
        let (has_schema, has_log): (bool, bool) = (row.try_get(2)?, row.try_get(3)?);
        let mut number = async |known: bool, statement: &'static str| -> Result<Option<i64>, StoreError> {
            Ok(if known { query(statement).fetch_one(&mut connection).await?.try_get(0)? } else { None })
        };
        Ok(Self {
            engine: format!("PostgreSQL {version}"),
            schema: number(has_schema, "SELECT max(version) FROM _sqlx_migrations").await?.unwrap_or(0),
            schema_known: migrations::newest(),
            faults: Vec::new(),
            log_len: 0,
            now,
            newest_audit_at: number(has_log, "SELECT max(at) FROM audit").await?,
        })
    }
}

/// One number; none where there is no such table, as before the first migration.
async fn newest(
    connection: &mut sqlx::SqliteConnection,
    table: &str,
    statement: &'static str,
) -> Result<Option<i64>, StoreError> {
    let known = query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").bind(table);
    if known.fetch_optional(&mut *connection).await?.is_none() {
        return Ok(None);
    }
    Ok(query(statement).fetch_one(connection).await?.try_get(0)?)
}

fn log_len(file: &Path) -> std::io::Result<u64> {
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    match std::fs::metadata(Path::new(&name)) {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn a_database_is_looked_at_and_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("keyveil.db");
        assert!(Health::of(&file).await.is_err(), "none is made");
        assert!(!file.exists());
        Store::open(&file).await.unwrap().close().await;
        let before = std::fs::read(&file).unwrap();
        let health = Health::of(&file).await.unwrap();
        assert_eq!((health.schema, health.faults.len()), (health.schema_known, 0));
        assert!(health.schema > 0 && health.newest_audit_at.is_none());
        assert_eq!(std::fs::read(&file).unwrap(), before);
    }
}
