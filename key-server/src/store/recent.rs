//! Rows that every request for keys needs and hardly anybody changes, as they were lately.
//!
//! A change that this process makes holds at once. One of another process (the command line, a replica) holds within
//! [`FRESH_FOR`](super::abroad::FRESH_FOR): at least so often the database is asked whether another process has written, and if so
//! nothing of this is used any more; on PostgreSQL that is mostly heard of at once (`listener`). What a release of keys stands on is looked at once more in its transaction, whoever changes it. What
//! is not there is not remembered.

use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use hashlink::LruCache;
use keyveil_protocol::{AppId, BuildId, FileId, KeyId};

use super::abroad::{FRESH_FOR, Writes};
use super::{App, SdkBuildRow, ServerKeyRow, SigningKeyRow, Store, StoreError, Title, TitleVersion};

const ROWS_MAX: usize = 1024;

/// What playback reads besides its session.
pub(super) struct Recent {
    generation: AtomicU64,
    apps: Shelf<AppId, App>,
    signing_keys: Shelf<(AppId, KeyId), Vec<SigningKeyRow>>,
    builds: Shelf<BuildId, (SdkBuildRow, Vec<ServerKeyRow>)>,
    titles: Shelf<FileId, Title>,
    versions: Shelf<(FileId, u32), TitleVersion>,
    media_origin_urls: Shelf<usize, Vec<String>>,
}

struct Shelf<K, V>(Mutex<LruCache<K, Seen<V>>>);

/// A row as it was at a moment.
struct Seen<V> {
    row: Arc<V>,
    at: Instant,
    generation: u64,
    /// Writes of other processes that were seen by then.
    abroad: u64,
}

/// Has everything read anew, once it is dropped: at the end of a write that may have changed it.
pub(super) struct Forget<'a>(&'a Recent);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.generation.fetch_add(1, Ordering::AcqRel);
    }
}

impl Default for Recent {
    fn default() -> Self {
        Self {
            generation: AtomicU64::new(0),
            apps: Shelf::new(),
            signing_keys: Shelf::new(),
            builds: Shelf::new(),
            titles: Shelf::new(),
            versions: Shelf::new(),
            media_origin_urls: Shelf::new(),
        }
    }
}

impl Recent {
    pub(super) const fn forget_later(&self) -> Forget<'_> {
        Forget(self)
    }
}

impl<K: Hash + Eq, V> Shelf<K, V> {
    fn new() -> Self {
        Self(Mutex::new(LruCache::new(ROWS_MAX)))
    }

    async fn get(
        &self,
        (recent, abroad): (&Recent, Writes),
        key: K,
        read: impl Future<Output = Result<Option<V>, StoreError>>,
    ) -> Result<Option<Arc<V>>, StoreError> {
        // Before it is read: a change meanwhile makes it old.
        let generation = recent.generation.load(Ordering::Acquire);
        if let Some(seen) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key)
            && seen.generation == generation
            && (seen.at.elapsed() < FRESH_FOR || (abroad.is_known && seen.abroad == abroad.writes))
        {
            return Ok(Some(Arc::clone(&seen.row)));
        }
        let at = Instant::now();
        let Some(row) = read.await?.map(Arc::new) else { return Ok(None) };
        let seen = Seen { row: Arc::clone(&row), at, generation, abroad: abroad.writes };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, seen);
        Ok(Some(row))
    }
}

impl Store {
    /// Has everything read anew: another process has written.
    pub(crate) fn forget_recent(&self) {
        // In this order, so that what is read anew counts as read after that write.
        self.writer.forget_abroad();
        drop(self.recent.forget_later());
    }

    async fn lately(&self) -> (&Recent, Writes) {
        (&self.recent, self.writer.abroad().await)
    }

    /// An application, as it was lately.
    pub(crate) async fn recent_app(&self, id: AppId) -> Result<Option<Arc<App>>, StoreError> {
        self.recent.apps.get(self.lately().await, id, self.app(id)).await
    }

    /// The signing key in use that a signature names, as it was lately; all in use, as they are now, where it names none.
    pub(crate) async fn recent_signing_keys(
        &self,
        app_id: AppId,
        kid: Option<&KeyId>,
    ) -> Result<Arc<Vec<SigningKeyRow>>, StoreError> {
        let Some(kid) = kid else { return Ok(Arc::new(self.signing_keys(app_id, None).await?)) };
        let read = async {
            let rows = self.signing_keys(app_id, Some(kid)).await?;
            Ok(Some(rows).filter(|rows| !rows.is_empty()))
        };
        let rows = self.recent.signing_keys.get(self.lately().await, (app_id, kid.clone()), read).await?;
        Ok(rows.unwrap_or_default())
    }

    /// An accepted build and the server keys in use that it pins, as they were lately.
    pub(crate) async fn recent_build(
        &self,
        id: &BuildId,
    ) -> Result<Option<Arc<(SdkBuildRow, Vec<ServerKeyRow>)>>, StoreError> {
        let read = async {
            let Some(build) = self.active_sdk_build(id).await? else { return Ok(None) };
            Ok(Some((build, self.pinned_server_keys(id).await?)))
        };
        self.recent.builds.get(self.lately().await, id.clone(), read).await
    }

    /// Base addresses of media origins, as they were lately.
    pub(crate) async fn recent_media_origin_urls(&self, most: usize) -> Result<Arc<Vec<String>>, StoreError> {
        let read = async { Ok(Some(self.media_origin_urls(most).await?)) };
        let urls = self.recent.media_origin_urls.get(self.lately().await, most, read).await?;
        Ok(urls.unwrap_or_default())
    }

    /// A title, as it was lately.
    pub(crate) async fn recent_title(&self, id: &FileId) -> Result<Option<Arc<Title>>, StoreError> {
        self.recent.titles.get(self.lately().await, id.clone(), self.title(id)).await
    }

    /// A version of a title, as it was lately.
    pub(crate) async fn recent_version(
        &self,
        id: &FileId,
        version: u32,
    ) -> Result<Option<Arc<TitleVersion>>, StoreError> {
        self.recent.versions.get(self.lately().await, (id.clone(), version), self.title_version(id, version)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNKNOWN: Writes = Writes { writes: 0, is_known: false };

    #[tokio::test]
    async fn a_row_is_read_again_after_a_write_and_after_its_time() {
        let (recent, shelf) = (Recent::default(), Shelf::new());
        let read = |value: u32, abroad| shelf.get((&recent, abroad), "row", async move { Ok(Some(value)) });
        let value = async |given, abroad| read(given, abroad).await.unwrap().map(|row| *row);
        assert_eq!(value(1, UNKNOWN).await, Some(1));
        assert_eq!(value(2, UNKNOWN).await, Some(1), "as it was");
        drop(recent.forget_later());
        assert_eq!(value(3, UNKNOWN).await, Some(3));
        tokio::time::sleep(FRESH_FOR).await;
        let known = |writes| Writes { writes, is_known: true };
        assert_eq!(value(4, known(0)).await, Some(3), "nobody else has written");
        assert_eq!(value(5, known(1)).await, Some(5), "somebody has");
        tokio::time::sleep(FRESH_FOR).await;
        assert_eq!(value(6, UNKNOWN).await, Some(6), "nobody knows");
    }

    #[tokio::test]
    async fn a_row_that_changes_while_it_is_read_is_not_kept_and_an_absent_one_neither() {
        let (recent, shelf) = (Recent::default(), Shelf::new());
        let changes = async {
            drop(recent.forget_later());
            Ok(Some(1))
        };
        shelf.get((&recent, UNKNOWN), "row", changes).await.unwrap();
        assert_eq!(*shelf.get((&recent, UNKNOWN), "row", async { Ok(Some(2)) }).await.unwrap().unwrap(), 2);
        assert!(shelf.get((&recent, UNKNOWN), "none", async { Ok(None) }).await.unwrap().is_none());
        assert_eq!(*shelf.get((&recent, UNKNOWN), "none", async { Ok(Some(3)) }).await.unwrap().unwrap(), 3);
    }
}
