//! Hears at once that somebody has written. On PostgreSQL each write that has a transaction of its own notifies, and every server
//! listens on a connection that does nothing else. Nothing depends on that: what is missed while the connection is away is found by
//! those who look for themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::time::{Instant, sleep, timeout};

use super::engine::{Connection, Pool, in_time, query};
use super::{Store, StoreError};

/// Tells those who listen, once the transaction is committed.
pub(super) const NOTIFY: &str = "NOTIFY keyveil";
const CHANNEL: &str = "keyveil";
/// A connection that has said nothing for so long is asked whether it lives.
const QUIET_MAX: Duration = Duration::from_secs(30);
/// Waits before it is opened anew: twice as long each time.
const RETRY_MIN: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(30);

/// Who has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WrittenBy {
    /// This process.
    Itself,
    /// Another one; or nobody knows.
    Another,
}

/// The session of the connection that writes, as PostgreSQL numbers them; 0 where there is none.
#[derive(Clone, Default)]
pub(super) struct OwnSession(Arc<AtomicI64>);

impl OwnSession {
    /// Takes note of the connection that writes from now on.
    pub(super) async fn learn(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let row = query("SELECT pg_backend_pid()").fetch_one(connection).await?;
        self.0.store(row.try_get(0)?, Ordering::Release);
        Ok(())
    }

    fn wrote(&self, session: u32) -> WrittenBy {
        let is_own = i64::from(session) == self.0.load(Ordering::Acquire);
        if is_own { WrittenBy::Itself } else { WrittenBy::Another }
    }
}

impl Store {
    /// Calls `heard` for each write that it hears of, until it is dropped; also after each time that it may have missed some. Ends at
    /// once on SQLite, where there is nothing to hear. What a notification says is not looked at.
    pub(crate) async fn hear_writes(&self, heard: impl Fn(WrittenBy)) {
        let Pool::Postgres(pool) = &self.pool else { return };
        let options = pool.connect_options().as_ref().clone().application_name("keyveil listener");
        let (mut wait, mut is_told) = (RETRY_MIN, false);
        loop {
            let begun = Instant::now();
            let listening = listen(&options).await;
            let lost = match listening {
                Ok(mut listener) => {
                    tracing::debug!("writes of other servers are heard of");
                    is_told = false;
                    heard(WrittenBy::Another);
                    self.hear(&mut listener, &heard).await
                }
                Err(error) => error,
            };
            if !is_told {
                tracing::warn!(error = %lost, "writes of other servers are not heard of at once, but looked for");
                is_told = true;
            }
            if begun.elapsed() > RETRY_MAX {
                wait = RETRY_MIN;
            }
            sleep(wait).await;
            wait = (wait * 2).min(RETRY_MAX);
        }
    }

    /// Why it ended.
    async fn hear(&self, listener: &mut PgListener, heard: &impl Fn(WrittenBy)) -> sqlx::Error {
        loop {
            // To give up waiting loses nothing: what has come in part stays in the connection.
            match timeout(QUIET_MAX, listener.try_recv()).await {
                Ok(Ok(Some(notification))) => heard(self.own_session.wrote(notification.process_id())),
                Ok(Ok(None)) => return sqlx::Error::Io(std::io::ErrorKind::ConnectionAborted.into()),
                Ok(Err(error)) => return error,
                Err(_) => {
                    if let Err(error) = in_time(sqlx::query("SELECT 1").execute(&mut *listener)).await {
                        return error;
                    }
                }
            }
        }
    }
}

/// On a connection of its own: to open it anew is for the caller, who then knows that something was missed.
async fn listen(options: &PgConnectOptions) -> Result<PgListener, sqlx::Error> {
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options.clone());
    in_time(async {
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok(listener)
    })
    .await
}
