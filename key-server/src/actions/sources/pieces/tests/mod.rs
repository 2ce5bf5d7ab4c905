mod fence;
mod reading;
mod removal;
mod writing;

use std::path::Path;

use bytes::Bytes;
use futures_util::stream::{iter, once};
use futures_util::{StreamExt, TryStreamExt};
use keyveil_protocol::ErrorCode;
use tokio::sync::Notify;

use super::super::tests::{all, broken, clear, new_upload, reload, send};
use super::super::{Checksum, discard, read_upload, remove_gone, restart, sweep_pieces};
use super::sweep::PIECE_KEPT_SECS;
use super::*;
use crate::clock::Clock;
use crate::config::Config;
use crate::store::{Piece, Upload, UploadState};

const LENGTH: u64 = 2 * PIECE_LEN + 1_000_000;

/// A server over the data of `dir`, whose bucket is a folder.
async fn open(dir: &Path) -> ServerState {
    let sources = Storage::folder(bucket(dir));
    ServerState::new(
        crate::installation::open(&config(dir)).await.unwrap().with_sources(sources),
        config(dir),
        Clock::default(),
        "http://127.0.0.1:1".parse().unwrap(),
    )
}

fn config(dir: &Path) -> Config {
    let mut config = Config::default();
    config.data.dir = dir.join("data");
    config
}

fn bucket(dir: &Path) -> std::path::PathBuf {
    dir.join("bucket")
}

async fn new_source(state: &ServerState) -> Upload {
    let upload = new_upload(state).await;
    let mut write = state.installation.store().write().await.unwrap();
    write.set_upload_length(&upload, Some(LENGTH)).await.unwrap();
    write.lay_in_pieces(&upload.upload_id).await.unwrap();
    write.commit().await.unwrap();
    reload(state).await
}

async fn pieces(state: &ServerState) -> Vec<Piece> {
    state.installation.store().pieces(&"up1".parse().unwrap(), &(0..u64::MAX)).await.unwrap()
}

/// The objects of the source, by name.
async fn objects(state: &ServerState) -> Vec<String> {
    let mut names: Vec<_> = storage(state).unwrap().list("up1").await.unwrap();
    names.sort_by(|one, other| one.path.cmp(&other.path));
    names.into_iter().map(|stored| stored.path).collect()
}

async fn read_code(state: &ServerState, range: std::ops::Range<u64>) -> Option<ErrorCode> {
    let read = async { read_upload(state, &reload(state).await, range).await?.try_collect::<Vec<_>>().await };
    read.await.err().map(|refusal| refusal.code())
}
