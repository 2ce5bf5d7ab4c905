use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use object_store::aws::AmazonS3;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{Attribute, AttributeValue, Attributes, MultipartId, ObjectStore, PutMultipartOptions, PutOptions};
use ring::digest::{Context, SHA256};

use super::super::StorageError;
use super::errors::explained;
use crate::origin::content_type;

/// What is shorter goes up in one; parts are as long, the last one shorter. S3 wants 5 MiB at least, and R2 parts of one
/// length.
pub const PART_LEN: usize = 8 << 20;
/// A file never changes under its name, and whoever reads it by an address of S3 may keep it. Those who may not are playlists,
/// which nobody reads there.
const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

/// A file on its way into a bucket. In memory is a part of it at most.
pub(crate) struct S3Incoming {
    file: Option<Parts>,
    buffer: BytesMut,
    len: u64,
    digest: Context,
    failed: Option<StorageError>,
}

/// A file of which all but the end is there, or which is all in memory.
pub(crate) struct S3Received {
    file: Parts,
    rest: Bytes,
    len: u64,
    sha256: [u8; 32],
}

/// What has gone up. Dropped, it is taken back.
struct Parts {
    store: Arc<AmazonS3>,
    key: Path,
    upload: Option<MultipartId>,
    parts: Vec<PartId>,
}

impl S3Incoming {
    pub(super) fn new(store: Arc<AmazonS3>, key: Path) -> Self {
        let file = Some(Parts { store, key, upload: None, parts: Vec::new() });
        Self { file, buffer: BytesMut::new(), len: 0, digest: Context::new(&SHA256), failed: None }
    }

    pub(in crate::storage) async fn push(&mut self, chunk: Bytes) -> Result<(), StorageError> {
        self.digest.update(&chunk);
        self.len = self.len.saturating_add(chunk.len() as u64);
        self.buffer.extend_from_slice(&chunk);
        // Strictly longer: the last part is what is left, and is never empty.
        while self.buffer.len() > PART_LEN {
            let part = self.buffer.split_to(PART_LEN).freeze();
            let Some(file) = &mut self.file else { break };
            if let Err(error) = file.put_part(part).await {
                self.file = None;
                self.failed = Some(error.clone());
                return Err(error);
            }
        }
        Ok(())
    }

    pub(in crate::storage) async fn close(self) -> Result<S3Received, StorageError> {
        let Some(file) = self.file else {
            return Err(self.failed.unwrap_or_else(|| StorageError::Unavailable("S3 takes no more".to_owned())));
        };
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.digest.finish().as_ref());
        Ok(S3Received { file, rest: self.buffer.freeze(), len: self.len, sha256 })
    }
}

impl S3Received {
    pub(in crate::storage) const fn len(&self) -> u64 {
        self.len
    }

    pub(in crate::storage) const fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    pub(in crate::storage) async fn keep(self) -> Result<(), StorageError> {
        let Self { mut file, rest, .. } = self;
        if file.upload.is_none() {
            let options = PutOptions { attributes: attributes(&file.key), ..PutOptions::default() };
            return match file.store.put_opts(&file.key, rest.into(), options).await {
                Ok(_) => Ok(()),
                Err(error) => Err(of_writing(error)),
            };
        }
        file.put_part(rest).await?;
        file.complete().await
    }
}

impl Parts {
    async fn put_part(&mut self, part: Bytes) -> Result<(), StorageError> {
        let upload = match &self.upload {
            Some(upload) => upload.clone(),
            None => {
                let options =
                    PutMultipartOptions { attributes: attributes(&self.key), ..PutMultipartOptions::default() };
                let begun = self.store.create_multipart_opts(&self.key, options).await.map_err(of_writing)?;
                self.upload.insert(begun).clone()
            }
        };
        let put = self.store.put_part(&self.key, &upload, self.parts.len(), part.into()).await.map_err(of_writing)?;
        self.parts.push(put);
        Ok(())
    }

    async fn complete(mut self) -> Result<(), StorageError> {
        let Some(upload) = self.upload.clone() else { return Ok(()) };
        let parts = std::mem::take(&mut self.parts);
        self.store.complete_multipart(&self.key, &upload, parts).await.map_err(of_writing)?;
        // Nothing is left to be taken back.
        self.upload = None;
        Ok(())
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        let (Some(upload), Ok(runtime)) = (self.upload.take(), tokio::runtime::Handle::try_current()) else { return };
        let (store, key) = (Arc::clone(&self.store), self.key.clone());
        runtime.spawn(async move {
            // What stays is swept a day later.
            if let Err(error) = store.abort_multipart(&key, &upload).await {
                tracing::warn!(error = %explained(error), "an upload in parts is not taken back yet");
            }
        });
    }
}

/// There is nothing that a write could miss but its bucket.
fn of_writing(error: object_store::Error) -> StorageError {
    match explained(error) {
        StorageError::NotFound => StorageError::Unavailable("there is no such bucket, or upload in parts".to_owned()),
        error => error,
    }
}

/// What S3 is to say of it where it answers for itself.
fn attributes(key: &Path) -> Attributes {
    let mut attributes = Attributes::new();
    attributes.insert(Attribute::CacheControl, AttributeValue::from(CACHE_CONTROL));
    if let Some(mime) = content_type(key.as_ref()) {
        attributes.insert(Attribute::ContentType, AttributeValue::from(mime));
    }
    attributes
}
