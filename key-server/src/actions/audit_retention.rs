//! Rows of the audit log that are older than the policy keeps go; first, where that is asked for, into a file.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::config::AuditConfig;
use crate::store::{PruneError, Store};

const DAY_SECS: i64 = 24 * 3600;

/// Rows stay.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RetentionError {
    /// The log.
    #[error(transparent)]
    Prune(#[from] PruneError),
    /// Where they are kept first.
    #[error("old rows of the audit log can't be kept in {folder}, and so nothing is removed: {source}")]
    Export {
        /// The folder.
        folder: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// Removes what is too old, and returns how many rows that were.
pub async fn apply(store: &Store, config: &AuditConfig, now: i64) -> Result<u64, RetentionError> {
    let Some(days) = config.retention_days else { return Ok(0) };
    // By whole days: what is removed leaves a row, and an hourly one would never end.
    let today = now.saturating_sub(now.rem_euclid(DAY_SECS));
    let before = today.saturating_sub(i64::from(days).saturating_mul(DAY_SECS));
    let mut count = 0;
    while let Some(old) = store.old_audit_rows(before).await? {
        if let Some(folder) = config.export_dir.clone() {
            let name = format!("audit-{:012}-{:012}.jsonl", old.first(), old.last());
            let (lines, place) = (old.lines().to_vec(), folder.clone());
            let kept = tokio::task::spawn_blocking(move || keep(&place, &name, &lines)).await;
            let kept = kept.unwrap_or_else(|_| Err(io::Error::other("the file's work was cut off")));
            kept.map_err(|source| RetentionError::Export { folder, source })?;
        }
        store.remove_audit_rows(&old, now).await?;
        count += u64::try_from(old.last() - old.first() + 1).unwrap_or_default();
    }
    Ok(count)
}

/// On the disk, whole and under its name, before anything is removed. What a broken off run left is written anew.
fn keep(folder: &Path, name: &str, lines: &[u8]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let unfinished = folder.join(format!(".{name}"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(lines)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, folder.join(name))?;
    File::open(folder)?.sync_all()
}
