//! Taking old rows out of the log. What is left begins where the record of its ends says.

use futures_util::TryStreamExt;
use serde_json::json;

use super::audit_chain::Walk;
use super::audit_head::{StoredHead, stored_head};
use super::audit_row::{FoundRow, Link};
use super::engine::query;
use super::{AuditEvent, AuditFault, AuditKind, Store, StoreError};

/// Rows that go at once.
const ROWS_MAX: usize = 5_000;

/// Old rows that hold, and continue what went before.
#[derive(Debug)]
pub struct OldRows {
    start: Link,
    end: Link,
    before: i64,
    lines: Vec<u8>,
}

/// Rows stay, because removing them would remove what shows that they don't hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PruneError {
    /// One of them.
    #[error("the audit log was tampered with, and nothing of it is removed: {0}")]
    Damaged(AuditFault),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OldRows {
    /// Number of the first one.
    #[must_use]
    pub fn first(&self) -> i64 {
        self.start.seq.saturating_add(1)
    }

    /// Number of the last one.
    #[must_use]
    pub fn last(&self) -> i64 {
        self.end.seq
    }

    /// All of them, as JSON lines.
    #[must_use]
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }
}

impl Store {
    /// The oldest rows, some thousands at most, that are all older than `before`; none if there are none.
    pub async fn old_audit_rows(&self, before: i64) -> Result<Option<OldRows>, PruneError> {
        let mut snapshot = self.pool.snapshot().await.map_err(StoreError::from)?;
        let StoredHead::Sealed(head) = stored_head(&mut snapshot, self.audit_key()?).await? else {
            return Err(PruneError::Damaged(AuditFault::Head));
        };
        let mut walk = Walk::new(Some(head.start), None);
        let (mut end, mut lines) = (head.start, Vec::new());
        let mut rows = query("SELECT * FROM audit ORDER BY seq").fetch(&mut snapshot);
        let mut count = 0;
        while let Some(row) = rows.try_next().await.map_err(StoreError::from)? {
            let found = FoundRow::from_sqlite(&row)?;
            let goes = found.row.at < before && count < ROWS_MAX;
            if goes {
                count += 1;
                end = Link { seq: found.row.seq, hash: found.hash };
                lines.extend_from_slice(found.to_line()?.as_bytes());
                lines.push(b'\n');
            }
            // The first one that stays vouches for the last one that goes.
            walk.push(found);
            if !goes {
                break;
            }
        }
        let unlike_the_end = end.seq >= head.end.seq && end != head.end;
        let fault = walk.finish().0.into_iter().next();
        if let Some(fault) = fault.or(unlike_the_end.then_some(AuditFault::Altered(end.seq))) {
            return Err(PruneError::Damaged(fault));
        }
        Ok((end != head.start).then_some(OldRows { start: head.start, end, before, lines }))
    }

    /// Removes them, and writes a row that tells which hash the log continues from now on.
    pub async fn remove_audit_rows(&self, old: &OldRows, now: i64) -> Result<(), PruneError> {
        let mut write = self.write().await?;
        let StoredHead::Sealed(mut head) = write.stored_head().await? else {
            return Err(PruneError::Damaged(AuditFault::Head));
        };
        if head.start != old.start {
            // Another server was first.
            return Ok(());
        }
        let gone = query("DELETE FROM audit WHERE seq <= ? RETURNING seq").bind(old.end.seq);
        let gone = gone.fetch_all(write.connection().await?).await.map_err(StoreError::from)?;
        let expected = old.first()..=old.last();
        let seqs = gone.iter().map(|row| row.try_get::<i64, _>("seq")).collect::<Result<Vec<_>, _>>();
        let mut seqs = seqs.map_err(StoreError::from)?;
        seqs.sort_unstable();
        if !seqs.into_iter().eq(expected) {
            return Err(PruneError::Damaged(AuditFault::Removed(old.first(), old.last())));
        }
        head.start = old.end;
        write.seal_head(&head)?;
        let detail = json!({
            "first": old.first(), "last": old.last(), "hash": hex::encode(old.end.hash), "before": old.before,
        });
        write.append_audit(&AuditEvent::new(AuditKind::LogPruned, detail), now).await?;
        Ok(write.commit().await?)
    }
}
