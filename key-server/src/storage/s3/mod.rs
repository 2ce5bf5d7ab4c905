//! Files as objects of a bucket, by any server that speaks S3.
//!
//! What is short is one PUT; what is long goes up in parts and becomes an object when the last one is there. Either way S3
//! checks the SHA-256 of every body. Failures that may pass are tried again a few times, within a bounded while.

mod credentials;
mod errors;
mod incoming;
mod open;
mod parts;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt};
use reqwest::Method;
use url::Url;

use self::errors::explained;
pub use self::incoming::PART_LEN;
pub(super) use self::incoming::{S3Incoming, S3Received};
use super::{Chunks, StorageError, Stored};
use crate::origin::plain_path;

/// The most that S3 lists at once.
const PAGE_LEN: usize = 1000;

/// A prefix of a bucket.
#[derive(Clone)]
pub struct S3 {
    store: Arc<AmazonS3>,
    /// For the one request that the store's own client does not know.
    http: reqwest::Client,
    bucket: String,
    /// Without slashes at its ends.
    prefix: String,
}

impl S3 {
    fn key(&self, path: &str) -> Result<Path, StorageError> {
        plain_path(path).ok_or(StorageError::NotFound)?;
        Ok(Path::from(format!("{}/{path}", self.prefix)))
    }

    pub(super) fn create(&self, path: &str) -> Result<S3Incoming, StorageError> {
        Ok(S3Incoming::new(Arc::clone(&self.store), self.key(path)?))
    }

    pub(super) async fn look(&self, path: &str) -> Result<Stored, StorageError> {
        let found = self.store.head(&self.key(path)?).await.map_err(explained)?;
        Ok(stored(path.to_owned(), found))
    }

    pub(super) async fn read(&self, path: &str, range: Option<Range<u64>>) -> Result<(Stored, Chunks), StorageError> {
        let key = self.key(path)?;
        if range.as_ref().is_some_and(Range::is_empty) {
            // S3 knows no empty range.
            return Ok((self.look(path).await?, futures_util::stream::empty().boxed()));
        }
        let options = GetOptions { range: range.clone().map(GetRange::Bounded), ..GetOptions::default() };
        let answer = self.store.get_opts(&key, options).await.map_err(explained)?;
        if range.is_some_and(|range| range != answer.range) {
            return Err(StorageError::Unavailable("a range outside the file".to_owned()));
        }
        let found = stored(path.to_owned(), answer.meta.clone());
        Ok((found, answer.into_stream().map_err(explained).boxed()))
    }

    pub(super) async fn list(&self, folder: &str) -> Result<Vec<Stored>, StorageError> {
        let folder = self.key(folder)?;
        let base = format!("{folder}/");
        let found = self.store.list(Some(&folder)).map_err(explained);
        found
            .try_filter_map(|meta| {
                let path = meta.location.as_ref().strip_prefix(&base).map(str::to_owned);
                std::future::ready(Ok(path.map(|path| stored(path, meta))))
            })
            .try_collect()
            .await
    }

    pub(super) async fn folders(&self, page: Option<String>) -> Result<(Vec<String>, Option<String>), StorageError> {
        let base = format!("{}/", self.prefix);
        let options = PaginatedListOptions {
            delimiter: Some("/".into()),
            max_keys: Some(PAGE_LEN),
            page_token: page,
            ..PaginatedListOptions::default()
        };
        let answer = self.store.list_paginated(Some(&base), options).await.map_err(explained)?;
        let names = answer.result.common_prefixes.iter();
        Ok((names.filter_map(|name| name.as_ref().strip_prefix(&base).map(str::to_owned)).collect(), answer.page_token))
    }

    pub(super) async fn remove(&self, folder: &str) -> Result<(), StorageError> {
        let folder = self.key(folder)?;
        let store = Arc::clone(&self.store);
        let found = store.list(Some(&folder)).map_ok(|meta| meta.location).boxed();
        let mut removed = self.store.delete_stream(found);
        while let Some(one) = removed.next().await {
            match one.map_err(explained) {
                Ok(_) | Err(StorageError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    pub(super) async fn remove_file(&self, path: &str) -> Result<(), StorageError> {
        match self.store.delete(&self.key(path)?).await.map_err(explained) {
            Err(StorageError::NotFound) => Ok(()),
            done => done,
        }
    }

    /// Lists, because that needs the bucket, the credentials and the permission, and no object.
    pub(super) async fn check(&self) -> Result<(), StorageError> {
        let options = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
        let base = format!("{}/", self.prefix);
        match self.store.list_paginated(Some(&base), options).await.map_err(explained) {
            Ok(_) => Ok(()),
            Err(StorageError::NotFound) => {
                Err(StorageError::Unavailable(format!("there is no bucket {}", self.bucket)))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn address(&self, path: &str, valid_for: Duration) -> Result<Url, StorageError> {
        self.store.signed_url(Method::GET, &self.key(path)?, valid_for).await.map_err(explained)
    }
}

fn stored(path: String, meta: ObjectMeta) -> Stored {
    let modified_at = u64::try_from(meta.last_modified.timestamp()).unwrap_or_default();
    Stored { path, len: meta.size, modified_at, etag: meta.e_tag }
}

impl fmt::Display for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
