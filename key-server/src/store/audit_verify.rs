use futures_util::TryStreamExt;

use super::audit_chain::Walk;
use super::audit_head::{AuditHead, StoredHead, stored_head};
use super::audit_row::FoundRow;
use super::engine::query;
use super::{AuditEvent, AuditFault, AuditKind, Store, StoreError};

/// The ends of a chain that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditTail {
    /// The first row that is kept.
    pub first: u64,
    /// The last row.
    pub seq: u64,
    /// Hash of the last row.
    pub hash: [u8; 32],
    /// The row that began to seal the ends of a log that is older than seals.
    pub sealed_at: Option<u64>,
}

/// A chain that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditDamage {
    /// By row.
    pub faults: Vec<AuditFault>,
    /// Whether there are more of them than are told.
    pub more: bool,
}

impl Store {
    /// Walks the whole chain.
    pub async fn verify_audit(&self) -> Result<Result<AuditTail, AuditDamage>, StoreError> {
        self.verify_audit_expecting(None).await
    }

    /// Walks the whole chain; a row has to have the hash that was noted elsewhere.
    pub async fn verify_audit_expecting(
        &self,
        expected: Option<[u8; 32]>,
    ) -> Result<Result<AuditTail, AuditDamage>, StoreError> {
        // One snapshot of rows and ends, while others write.
        let mut snapshot = self.pool.snapshot().await?;
        let head = match stored_head(&mut snapshot, self.audit_key()?).await? {
            StoredHead::Sealed(head) => Some(head),
            StoredHead::Absent | StoredHead::Unsealed(_) | StoredHead::Broken => None,
        };
        let mut walk = Walk::new(head.map(|head| head.start), head.map(|head| head.end));
        let (mut sealed_at, mut seen) = (None, expected.is_none());
        let mut rows = query("SELECT * FROM audit ORDER BY seq").fetch(&mut snapshot);
        while let Some(row) = rows.try_next().await? {
            let found = FoundRow::from_sqlite(&row)?;
            seen |= Some(found.hash) == expected;
            if found.row.kind == AuditKind::LogSealed.as_str() {
                sealed_at = u64::try_from(found.row.seq).ok();
            }
            walk.push(found);
        }
        let (mut faults, more) = walk.finish();
        faults.extend(head.is_none().then_some(AuditFault::Head));
        faults.extend((!seen).then_some(AuditFault::ExpectedHead));
        let AuditHead { start, end } = head.unwrap_or_default();
        let tail = |seq: i64| u64::try_from(seq).unwrap_or_default();
        Ok(if faults.is_empty() {
            Ok(AuditTail { first: tail(start.seq) + 1, seq: tail(end.seq), hash: end.hash, sealed_at })
        } else {
            Err(AuditDamage { faults, more })
        })
    }

    /// Seals the ends of a log that is older than seals; once, as the row says that it leaves.
    pub(crate) async fn seal_audit(&self, now: i64) -> Result<(), StoreError> {
        let is_unsealed = |head| matches!(head, StoredHead::Unsealed(_));
        if !is_unsealed(stored_head(&self.pool, self.audit_key()?).await?) {
            return Ok(());
        }
        let mut write = self.write().await?;
        if is_unsealed(write.stored_head().await?) {
            write.append_audit(&AuditEvent::new(AuditKind::LogSealed, serde_json::json!({})), now).await?;
            write.commit().await?;
        }
        Ok(())
    }
}
