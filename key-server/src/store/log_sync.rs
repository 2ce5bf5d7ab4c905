//! Commits that share an fsync. SQLite alone would sync its log in each commit, while every other writer waits.

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Mutex;

/// Makes SQLite's write-ahead log durable. A commit counts once [`LogSync::durable`] has said so, and not before.
///
/// Whoever comes first syncs for all whose commit is in the log by then; those who commit meanwhile wait for the next one,
/// again together. The log itself is in SQLite's hands: it syncs it before a checkpoint, and before it writes its header anew.
pub(super) struct LogSync {
    /// None where the database itself says so only when a commit is durable.
    file: Option<PathBuf>,
    /// Commits that are in the log.
    committed: AtomicU64,
    /// Commits that are known to be durable. Its lock is held by who syncs.
    durable: Mutex<u64>,
    /// After a failed sync nobody knows what is on the disk, and the kernel does not tell twice.
    failed: Arc<AtomicBool>,
}

impl LogSync {
    /// Of the database in `file`.
    pub(super) fn of(file: &Path) -> Self {
        let mut name = file.as_os_str().to_owned();
        name.push("-wal");
        Self { file: Some(name.into()), committed: AtomicU64::new(0), durable: Mutex::new(0), failed: Arc::default() }
    }

    /// Of a database that answers a commit when it is durable.
    pub(super) fn none() -> Self {
        Self { file: None, committed: AtomicU64::new(0), durable: Mutex::new(0), failed: Arc::default() }
    }

    /// Nothing more is to be committed once a sync has failed: it would stand behind what may be lost.
    pub(super) fn check(&self) -> Result<()> {
        if self.failed.load(Ordering::Acquire) {
            Err(Error::other("the log could not be synced: restart"))
        } else {
            Ok(())
        }
    }

    /// To be called after a commit: it is durable when this is done.
    pub(super) async fn durable(&self) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let own = self.committed.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        let mut durable = self.durable.lock().await;
        self.check()?;
        if *durable >= own {
            return Ok(());
        }
        let until = self.committed.load(Ordering::Acquire);
        let (file, failed) = (file.clone(), Arc::clone(&self.failed));
        let synced = tokio::task::spawn_blocking(move || {
            // Noted there: whoever waits for it may go away.
            sync(&file).inspect_err(|_| failed.store(true, Ordering::Release))
        });
        synced.await.map_err(|_| Error::other("the sync was cut off"))??;
        *durable = until;
        Ok(())
    }
}

/// Opened each time: it is another file once the last connection to the database was closed.
fn sync(log: &Path) -> Result<()> {
    match File::open(log) {
        Ok(file) => file.sync_data(),
        // SQLite takes it away after it has moved all of it into the database, and synced that.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn those_who_wait_share_the_next_sync() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("db-wal"), b"log").unwrap();
        let log = LogSync::of(&dir.path().join("db"));
        log.durable().await.unwrap();
        assert_eq!(*log.durable.lock().await, 1);
        // Three that commit while one syncs: the first of them syncs for all.
        let busy = log.durable.lock().await;
        let waiting = [log.durable(), log.durable(), log.durable()];
        let waiting = futures_util::future::join_all(waiting);
        let (results, ()) = tokio::join!(waiting, async move {
            tokio::task::yield_now().await;
            drop(busy);
        });
        assert!(results.iter().all(Result::is_ok));
        assert_eq!(*log.durable.lock().await, 4);
    }

    #[tokio::test]
    async fn after_a_failed_sync_nothing_is_durable_any_more() {
        let dir = tempfile::tempdir().unwrap();
        let log = LogSync::of(&dir.path().join("db"));
        log.durable().await.unwrap();
        log.check().unwrap();
        // A name below a file can't be opened.
        std::fs::write(dir.path().join("file"), b"").unwrap();
        let broken = LogSync { file: Some(dir.path().join("file/db-wal")), ..log };
        broken.durable().await.unwrap_err();
        std::fs::remove_file(dir.path().join("file")).unwrap();
        broken.durable().await.unwrap_err();
        broken.check().unwrap_err();
    }
}
