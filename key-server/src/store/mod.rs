//! State: SQLite in WAL mode, or PostgreSQL. Every write is one transaction, one after the other, and is done when it is durable: see
//! `log_sync`.

mod abroad;
mod ahead;
mod app_keys;
mod app_settings;
mod apps;
mod audit;
mod audit_chain;
mod audit_export;
mod audit_fault;
mod audit_head;
mod audit_list;
mod audit_prune;
mod audit_row;
mod audit_verify;
mod batch;
mod ciphertexts;
mod copies;
mod dispatch;
mod engine;
mod events;
mod health;
#[cfg(test)]
mod hot_statements;
mod idempotency;
mod imported_keys;
mod installation;
mod job_attempts;
mod job_lists;
mod jobs;
mod labels;
mod listener;
mod log_sync;
mod many;
mod media_origins;
mod migrations;
mod open;
mod pacing;
mod pulls;
mod queue_figures;
mod rate_spends;
mod readers;
mod recent;
mod scopes;
mod sdk_builds;
mod server_keys;
mod session_audit;
mod session_ends;
mod session_limits;
mod session_list;
mod session_uses;
mod sessions;
#[cfg(test)]
mod sharing;
mod sign_in_failures;
mod signature_uses;
mod source_pieces;
mod standing;
mod title_deletion;
mod title_list;
mod title_versions;
mod titles;
mod transaction;
mod transfer;
mod upload_changes;
mod uploads;
mod url_addresses;
mod users;
mod version_sweep;
mod webhooks;
mod worker_keys;
mod workers;
mod workflows;
mod writer;

use std::str::FromStr;
use std::sync::OnceLock;
use std::time::Duration;

pub use app_keys::{ListedApiKey, ListedSigningKey};
pub use app_settings::AppChange;
pub use apps::{ApiKeyRow, App, SIGNING_KEYS_MAX, SigningKeyRow};
pub use audit::{AuditEvent, AuditKind};
pub use audit_export::{CopyError, verify_audit_copy};
pub use audit_fault::AuditFault;
use audit_head::AuditKey;
pub use audit_list::{AuditQuery, ListedAudit};
pub use audit_prune::{OldRows, PruneError};
pub use audit_verify::{AuditDamage, AuditTail};
pub use ciphertexts::{CIPHERTEXT_COLUMNS, CiphertextColumn, CiphertextRow, OTHER_CIPHERTEXT_COLUMNS, Owner, RowKey};
pub use dispatch::{Attempt, ClaimedDelivery};
use engine::{Pool, Query, Row, query};
pub use events::{Event, EventRow, EventType};
pub use health::Health;
pub use idempotency::{IdempotencyState, IdempotencyUse};
pub use imported_keys::ImportedKey;
pub use job_attempts::JobProgress;
pub use job_lists::{JobFilter, JobLogLine};
pub use jobs::{Job, JobKind, JobState, NewJob};
use listener::OwnSession;
pub(crate) use listener::WrittenBy;
pub use media_origins::MediaOriginRow;
pub(crate) use pacing::AccountKey;
pub use queue_figures::QueueFigures;
pub(crate) use rate_spends::RateSpend;
use readers::Readers;
use recent::Recent;
pub use scopes::{Scope, Scopes};
pub use sdk_builds::{SdkBuildRow, SdkBuildUse};
pub use server_keys::ServerKeyRow;
pub use session_ends::EndedBy;
pub use session_limits::SessionLimits;
pub use session_list::{ListedSession, SessionQuery};
pub use sessions::{Session, SessionProgress};
pub use source_pieces::{Piece, PieceWriter};
pub(crate) use standing::{SessionNow, Standing};
pub use title_list::{ListedJob, ListedTitle, SortValue, TitleQuery, TitleSort};
pub use title_versions::{Publication, TitleVersion};
pub use titles::{Failure, Title, TitleState};
pub use transaction::WriteTransaction;
pub use transfer::CopiedTable;
pub use uploads::{Stretch, Upload, UploadKind, UploadState};
pub use users::{SignIn, User, UserRow};
pub use webhooks::{Delivery, DeliveryState, Webhook};
pub use worker_keys::WorkerKey;
pub use workers::Worker;
pub use workflows::Workflow;
use writer::Queue;

/// How long a write waits for those before it, and for another process (the command line beside the server).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The database.
pub struct Store {
    pool: Pool,
    /// None where the pool reads as fast.
    readers: Option<Readers>,
    /// One connection, kept: its pages stay in memory, and with it the log stays where it is.
    writer: Queue,
    own_session: OwnSession,
    recent: Recent,
    /// Seals the ends of the audit log; known once the KMS has opened the installation's secret.
    audit_key: OnceLock<AuditKey>,
}

/// The database did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database does not answer or refuses.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// It did, but not for good.
    #[error("database log: {0}")]
    NotDurable(std::io::Error),
    /// The schema can't be brought up to date.
    #[error("database schema: {0}")]
    Schema(#[from] sqlx::migrate::MigrateError),
    /// A row that this program did not write.
    #[error("database row: {0}")]
    Corrupt(&'static str),
    /// The audit log is not written before the KMS has opened the installation's secret.
    #[error("the audit log has no key yet")]
    NoAuditKey,
    /// What is copied into another database comes into an empty one.
    #[error("there is an installation in that database already")]
    NotEmpty,
    /// The installation is in PostgreSQL now.
    #[error("this installation has moved to PostgreSQL: name its database as [database] url")]
    Moved,
    /// A transaction that was shared has failed.
    #[error("{0}")]
    Shared(#[source] std::sync::Arc<StoreError>),
}

impl Store {
    /// Asks the database for anything at all.
    pub async fn ping(&self) -> Result<(), StoreError> {
        query("SELECT 1 FROM installation").fetch_optional(&self.pool).await?;
        Ok(())
    }

    async fn first_row(&self, query: Query) -> Result<Option<Row>, StoreError> {
        match &self.readers {
            Some(readers) => readers.first_row(query).await,
            None => Ok(query.fetch_optional(&self.pool).await?),
        }
    }

    /// SQLite only: moves the log into the database file and empties it, so that no older copy of a deleted row is left there. Waits
    /// for those who read, and gives up on one that takes long: the next call does it then.
    pub async fn empty_log(&self) -> Result<(), StoreError> {
        if let Pool::Sqlite(_) = self.pool {
            let mut turn = self.writer.turn().await?.alone().await?;
            query("PRAGMA wal_checkpoint(TRUNCATE)").execute(turn.connection()?).await?;
        }
        Ok(())
    }

    /// Closes every connection; later calls fail.
    pub async fn close(&self) {
        drop(self.recent.forget_later());
        self.pool.close().await;
        if let Some(readers) = &self.readers {
            readers.close().await;
        }
        self.writer.close().await;
    }
}

impl StoreError {
    /// Whether the database has said it, rather than nothing at all: then there still is a connection.
    fn is_an_answer(&self) -> bool {
        match self {
            Self::Database(error) => {
                matches!(error, sqlx::Error::Database(_) | sqlx::Error::WorkerCrashed | sqlx::Error::RowNotFound)
            }
            Self::Shared(error) => error.is_an_answer(),
            _ => true,
        }
    }
}

/// A column's text as the type it was written from.
fn parsed<T: FromStr>(text: &str, what: &'static str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt(what))
}

/// A column's integer as a smaller or unsigned type.
fn number<T: TryFrom<i64>>(value: i64, what: &'static str) -> Result<T, StoreError> {
    T::try_from(value).map_err(|_| StoreError::Corrupt(what))
}

/// An unsigned number as SQLite keeps it. Callers bound their numbers far below; the cap only makes this total.
fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn app_id(value: i64) -> Result<keyveil_protocol::AppId, StoreError> {
    number::<u64>(value, "app id")?.try_into().map_err(|_| StoreError::Corrupt("app id"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sqlx::migrate::Migrator;
    use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

    use super::*;

    #[tokio::test]
    async fn a_write_waits_for_its_turn_for_a_limited_time() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("keyveil.db")).await.unwrap();
        let first = store.write().await.unwrap();
        let second = tokio::time::timeout(BUSY_TIMEOUT * 2, store.write()).await.expect("an answer in time");
        assert!(matches!(second, Err(StoreError::Database(sqlx::Error::PoolTimedOut))));
        drop(first);
        store.write().await.unwrap();
    }

    /// What the first schema held is still there, and can still be played.
    #[tokio::test]
    async fn titles_of_the_first_schema_are_carried_over() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("keyveil.db");
        let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true).foreign_keys(true);
        let old = SqlitePool::connect_with(options).await.unwrap();
        let mut first = Migrator::new(Path::new("migrations")).await.unwrap();
        first.migrations.to_mut().retain(|migration| migration.version == 1);
        first.run(&old).await.unwrap();
        for statement in [
            "INSERT INTO apps (app_id, name, max_age_secs, created_at) VALUES (7, 'app', 60, 1)",
            "INSERT INTO api_keys (id, app_id, secret_hash, psk_ciphertext, created_at) VALUES ('k', 7, zeroblob(32), x'01', 1)",
            "INSERT INTO sdk_builds (id, secret_ciphertext, created_at) VALUES ('b', x'01', 1)",
            "INSERT INTO titles VALUES ('film', 7, 'Film', 'private', 'published', x'aa', 'pk', '{}', 5000, 2, 3)",
            "INSERT INTO titles VALUES ('half', 7, 'Half', 'private', 'packaging', x'bb', 'pk2', NULL, NULL, 4, NULL)",
            "INSERT INTO titles VALUES ('gone', 7, 'Gone', 'clear', 'deleted', NULL, 'pk3', '{}', 5000, 5, 6)",
            "INSERT INTO sessions VALUES (zeroblob(16), 7, 'film', NULL, 'kid', 'b', 3, NULL, 1, 2, 2, 0, 0, 1, NULL)",
        ] {
            sqlx::query(statement).execute(&old).await.unwrap();
        }
        old.close().await;

        let store = Store::open(&file).await.unwrap();
        let title = |id: &str| id.parse().unwrap();
        let film = store.title(&title("film")).await.unwrap().unwrap();
        assert_eq!((film.state, film.version, film.duration_ms), (TitleState::Published, Some(1), Some(5000)));
        let version = store.title_version(&title("film"), 1).await.unwrap().unwrap();
        assert_eq!(
            (version.secret_ciphertext.as_deref(), version.public_key.as_str()),
            (Some([0xaa].as_slice()), "pk")
        );
        let half = store.title(&title("half")).await.unwrap().unwrap();
        assert_eq!((half.state, half.version, half.last_version), (TitleState::Transcoding, None, 1));
        assert!(store.title_version(&title("half"), 1).await.unwrap().unwrap().publication.is_none());
        assert_eq!(store.title(&title("gone")).await.unwrap().unwrap().state, TitleState::Deleted);
        assert!(store.title_version(&title("gone"), 1).await.unwrap().is_none());
        let key = store.api_key(&"k".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!((key.scopes, key.app_id.map(|id| id.value())), (Scopes::all_of_an_app(), Some(7)));
    }
}
