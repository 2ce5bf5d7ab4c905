//! Media on each kind of storage.

mod conformance;
mod folder;
mod s3;

use bytes::Bytes;
use futures_util::TryStreamExt;
use keyveil_key_server::storage::{Received, Storage, StorageError};
use ring::digest::{SHA256, digest};

/// Bytes of which no two stretches are alike.
fn content(len: usize, seed: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from((at / 251 + at + seed) % 251).unwrap()).collect()
}

async fn receive(storage: &Storage, path: &str, bytes: &[u8]) -> Result<Received, StorageError> {
    let mut incoming = storage.create(path).await?;
    for chunk in bytes.chunks(300_000) {
        incoming.push(Bytes::copy_from_slice(chunk)).await?;
    }
    let received = incoming.close().await?;
    assert_eq!(received.len(), bytes.len() as u64);
    assert_eq!(received.sha256(), digest(&SHA256, bytes).as_ref());
    Ok(received)
}

async fn store(storage: &Storage, path: &str, bytes: &[u8]) {
    receive(storage, path, bytes).await.unwrap().keep().await.unwrap();
}

async fn read(storage: &Storage, path: &str, range: Option<std::ops::Range<u64>>) -> Result<Vec<u8>, StorageError> {
    let (_, chunks) = storage.read(path, range).await?;
    chunks.map_ok(|chunk| chunk.to_vec()).try_concat().await
}

async fn names(storage: &Storage, folder: &str) -> Vec<String> {
    let mut names: Vec<String> = storage.list(folder).await.unwrap().into_iter().map(|stored| stored.path).collect();
    names.sort();
    names
}
