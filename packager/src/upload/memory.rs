//! Remembers uploads that are not done, so that another run can go on with them: a small file of the user's alone.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use super::{file::SteadyFile, tus::Place};
use crate::state_folder::state_folder;

const FILE_NAME: &str = "uploads.json";
/// The server sweeps an upload that nobody touched for a day.
const AGE_SECS_MAX: u64 = 7 * 24 * 3600;
const UPLOADS_MAX: usize = 200;
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Which file to which server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    server: String,
    path: String,
    size: u64,
    modified: (i64, i64),
}

/// An upload that was begun.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Remembered {
    #[serde(flatten)]
    key: Key,
    #[serde(flatten)]
    pub place: Place,
    /// Of the whole file, lower-case hex.
    pub sha256: String,
    begun_at: u64,
}

/// What is known of one file and server.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    key: Key,
    folder: Option<PathBuf>,
}

impl Memory {
    pub(super) fn of(server: &str, file: &SteadyFile) -> Self {
        let key = Key { server: server.to_owned(), path: file.path(), size: file.len(), modified: file.modified() };
        Self { key, folder: state_folder() }
    }

    pub(super) async fn recall(&self) -> Option<Remembered> {
        let memory = self.clone();
        let recall = move || {
            let all = memory.folder.as_deref().map(read).unwrap_or_default();
            all.into_iter().find(|remembered| remembered.key == memory.key)
        };
        tokio::task::spawn_blocking(recall).await.ok().flatten()
    }

    pub(super) async fn keep(&self, place: &Place, sha256: &str) -> io::Result<()> {
        let (key, place, sha256) = (self.key.clone(), place.clone(), sha256.to_owned());
        self.change(Some(Remembered { key, place, sha256, begun_at: now() })).await
    }

    /// Best effort: what stays is found to be over by the next run.
    pub(super) async fn forget(&self) {
        if let Err(error) = self.change(None).await {
            tracing::debug!(%error, "the upload stays remembered");
        }
    }

    /// Puts `new` in the place of what was remembered.
    async fn change(&self, new: Option<Remembered>) -> io::Result<()> {
        let memory = self.clone();
        let change = move || {
            let folder = memory.folder.ok_or_else(|| io::Error::other("there is no home folder"))?;
            DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
            let lock = File::open(&folder)?;
            lock.lock()?;
            let mut all = read(&folder);
            let had = all.len();
            all.retain(|other| other.key != memory.key && now().saturating_sub(other.begun_at) < AGE_SECS_MAX);
            if new.is_none() && all.len() == had {
                return Ok(());
            }
            all.extend(new);
            let from = all.len().saturating_sub(UPLOADS_MAX);
            write(&folder, &all[from..])
        };
        tokio::task::spawn_blocking(change).await.map_err(io::Error::other)?
    }
}

/// A file that can't be read remembers nothing.
fn read(folder: &Path) -> Vec<Remembered> {
    let path = folder.join(FILE_NAME);
    let fits = fs::metadata(&path).is_ok_and(|metadata| metadata.len() <= FILE_BYTES_MAX);
    let bytes = if fits { fs::read(&path).unwrap_or_default() } else { Vec::new() };
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn write(folder: &Path, all: &[Remembered]) -> io::Result<()> {
    let aside = folder.join(".uploads.json.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(&serde_json::to_vec_pretty(all)?)?;
    file.sync_all()?;
    fs::rename(aside, folder.join(FILE_NAME))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
