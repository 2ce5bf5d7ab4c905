//! Opening a database: a file of SQLite's, or a PostgreSQL server that replicas share.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::engine::{Connection, Pool, in_time};
use super::listener::OwnSession;
use super::log_sync::LogSync;
use super::readers::Readers;
use super::recent::Recent;
use super::writer::Queue;
use super::{BUSY_TIMEOUT, Store, StoreError, copies, migrations};

const READERS_MAX: u32 = 8;
const HOT_READERS_MAX: usize = 4;
/// Connections of one server that read PostgreSQL; one more writes, and one listens.
const POSTGRES_READERS_MAX: u32 = 12;
/// A connection that was not used for longer is asked whether it lives, before it is.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// Pages of the log at which SQLite moves them into the database file: 16 MiB. A page that many commits change is moved once.
const CHECKPOINT_PAGES: &str = "4000";
/// Pages that the writer keeps, in KiB. Nobody else writes, or hardly ever, and so they stay valid.
const WRITER_CACHE_KIB: &str = "-8192";
/// A server that stops in the midst of a write gives the right to write back after this, because PostgreSQL ends its session; a
/// statement that waits for that right waits a little longer.
const POSTGRES_SETTINGS: [(&str, &str); 4] = [
    ("idle_in_transaction_session_timeout", "4s"),
    ("lock_timeout", "5s"),
    ("statement_timeout", "8s"),
    ("application_name", "keyveil"),
];

/// How to open the connection that writes once more.
pub(super) struct Reconnect {
    options: PgConnectOptions,
    own_session: OwnSession,
}

impl Reconnect {
    pub(super) async fn connect(&self) -> Result<Connection, StoreError> {
        let mut connection = Connection::Postgres(in_time(self.options.connect()).await?);
        self.own_session.learn(&mut connection).await?;
        Ok(connection)
    }
}

impl Store {
    /// Opens the database in `file`, makes it when absent, and brings its schema up to date.
    pub async fn open(file: &Path) -> Result<Self, StoreError> {
        create_private(file).map_err(sqlx::Error::Io)?;
        let options = sqlite_options(file);
        let mut writer = options.clone().pragma("cache_size", WRITER_CACHE_KIB).connect().await?;
        copies::refuse_moved(&mut writer).await?;
        migrations::sqlite().run(&mut writer).await?;
        let log_sync = LogSync::of(file);
        log_sync.durable().await.map_err(StoreError::NotDurable)?;
        let readers = Readers::new(options.clone(), HOT_READERS_MAX);
        let pool = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            // A connection is a thread of this process: it does not go away by itself.
            .test_before_acquire(false)
            .acquire_timeout(BUSY_TIMEOUT)
            .connect_with(options)
            .await?;
        let writer = Queue::new(Connection::Sqlite(writer), None, log_sync);
        Self::opened(Pool::Sqlite(pool), Some(readers), writer, OwnSession::default()).await
    }

    /// Opens a database of a PostgreSQL server, which is there, and brings its schema up to date.
    pub async fn open_postgres(options: &PgConnectOptions) -> Result<Self, StoreError> {
        let options = options.clone().options(POSTGRES_SETTINGS);
        let mut migrating = in_time(options.connect()).await?;
        migrations::postgres().run(&mut migrating).await?;
        drop(migrating);
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_READERS_MAX)
            .test_before_acquire(false)
            .before_acquire(|connection, metadata| {
                Box::pin(async move {
                    let is_trusted = metadata.idle_for < TRUSTED_IDLE;
                    Ok(is_trusted || in_time(sqlx::Connection::ping(connection)).await.is_ok())
                })
            })
            .acquire_timeout(BUSY_TIMEOUT)
            .connect_with(options.clone())
            .await?;
        let own_session = OwnSession::default();
        let reconnect = Reconnect { options, own_session: own_session.clone() };
        let writer = Queue::new(reconnect.connect().await?, Some(reconnect), LogSync::none());
        Self::opened(Pool::Postgres(pool), None, writer, own_session).await
    }

    async fn opened(
        pool: Pool,
        readers: Option<Readers>,
        writer: Queue,
        own_session: OwnSession,
    ) -> Result<Self, StoreError> {
        writer.turn().await?.look_abroad().await?;
        Ok(Self { pool, readers, writer, own_session, recent: Recent::default(), audit_key: OnceLock::new() })
    }
}

pub(super) fn sqlite_options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        // An audit row must survive a power cut before its key is released: that is `log_sync`'s to see to, for all who
        // commit at the same moment. SQLite itself syncs around checkpoints.
        .synchronous(SqliteSynchronous::Normal)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        // What is deleted is overwritten: a title's secret does not stay behind in a free page.
        .pragma("secure_delete", "ON")
        .busy_timeout(BUSY_TIMEOUT)
}

/// SQLite gives its side files the mode of the database.
fn create_private(file: &Path) -> std::io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        opened => opened.map(drop),
    }
}
