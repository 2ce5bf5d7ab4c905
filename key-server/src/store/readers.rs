//! Connections to SQLite that read for every request. The library's pool asks a connection whether it lives each time that it comes back, in
//! a task of its own: that costs as much as the query.

use std::sync::{Mutex, PoisonError};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::engine::{Query, Row};
use super::{BUSY_TIMEOUT, StoreError};

/// Opened when they are needed, and kept.
pub(super) struct Readers {
    options: SqliteConnectOptions,
    idle: Mutex<Vec<SqliteConnection>>,
    places: Semaphore,
}

struct Reader<'a> {
    readers: &'a Readers,
    /// None after an error, and on its way out.
    connection: Option<SqliteConnection>,
    _place: SemaphorePermit<'a>,
}

impl Readers {
    pub(super) const fn new(options: SqliteConnectOptions, most: usize) -> Self {
        Self { options, idle: Mutex::new(Vec::new()), places: Semaphore::const_new(most) }
    }

    /// The first row of one statement.
    pub(super) async fn first_row(&self, query: Query) -> Result<Option<Row>, StoreError> {
        let mut reader = self.reader().await?;
        let connection = reader.connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let row = query.fetch_optional(connection).await;
        if row.is_err() {
            reader.connection = None;
        }
        Ok(row?)
    }

    /// Later calls fail.
    pub(super) async fn close(&self) {
        self.places.close();
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for connection in idle {
            let _ = connection.close().await;
        }
    }

    async fn reader(&self) -> Result<Reader<'_>, StoreError> {
        let place = match self.places.try_acquire() {
            Ok(place) => place,
            Err(_) => {
                let waited = tokio::time::timeout(BUSY_TIMEOUT, self.places.acquire()).await;
                waited.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?
            }
        };
        // The one used last has what is read often in its cache.
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.options.connect().await?,
        };
        Ok(Reader { readers: self, connection: Some(connection), _place: place })
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        // One whose query was given up ends that by itself, before the next.
        if let Some(connection) = self.connection.take()
            && !self.readers.places.is_closed()
        {
            self.readers.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}
