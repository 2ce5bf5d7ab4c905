use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde_json::json;

use super::retire::by;
use super::status::answers;
use crate::kms::{Kms, KmsError, Plaintext};
use crate::refusal::Refusal;
use crate::store::{
    AuditEvent, AuditKind, CIPHERTEXT_COLUMNS, CiphertextColumn, CiphertextRow, Store, WriteTransaction,
};

/// Rows that are rewrapped before they are written, in one transaction.
const PAGE: u32 = 256;
/// Calls to the engine at once.
const CALLS: usize = 8;

/// What a rotation did. A second one finds nothing left to do.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rotation {
    /// The key that was made for it.
    pub new_key: Option<String>,
    /// By kind of secret.
    pub columns: Vec<ColumnCounts>,
}

/// The ciphertexts of one column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnCounts {
    /// Which secrets.
    pub secrets: &'static str,
    /// Are under the newest key now.
    pub rewrapped: u64,
    /// Were under it already.
    pub current: u64,
    /// Were changed or removed by somebody else meanwhile.
    pub gone: u64,
    /// Don't open at all; left as they are.
    pub rejected: u64,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Which secrets.
    pub secrets: &'static str,
    /// Looked at.
    pub done: u64,
    /// Of so many, when it began.
    pub total: u64,
}

enum Judged {
    Current,
    Rewrapped(CiphertextRow, Vec<u8>),
    Rejected(CiphertextRow),
}

impl Rotation {
    /// Over all columns.
    #[must_use]
    pub fn total(&self, count: impl Fn(&ColumnCounts) -> u64) -> u64 {
        self.columns.iter().map(count).sum()
    }
}

/// Rewraps every ciphertext that is not under the newest key, beside whatever else goes on; `new_key` makes a key first.
/// Each row is replaced only where it is as it was read, and only by what was seen to open to the same secret. What is
/// done stays done when it is broken off.
pub async fn rotate(
    store: &Store,
    kms: &dyn Kms,
    new_key: bool,
    now: i64,
    mut told: impl FnMut(Progress),
) -> Result<Rotation, Refusal> {
    let mut rotation = Rotation::default();
    if new_key {
        // No transaction holds what an engine makes: the log has it first.
        let mut write = store.write().await?;
        write.append_audit(&AuditEvent::new(AuditKind::KmsKeyRequested, json!({ "by": by() })), now).await?;
        write.commit().await?;
        let key = kms.new_key().await?;
        rotation.new_key = Some(key);
    }
    // Not before: a hardware module may have had no key at all.
    answers(kms).await?;
    for column in CIPHERTEXT_COLUMNS {
        rotation.columns.push(rotate_column(store, kms, column, now, &mut told).await?);
    }
    let rewrapped = rotation.total(|counts| counts.rewrapped);
    if rewrapped > 0 {
        // What was under the old key is overwritten in the database file, but still stands in its log.
        store.empty_log().await?;
    }
    Ok(rotation)
}

async fn rotate_column(
    store: &Store,
    kms: &dyn Kms,
    column: &CiphertextColumn,
    now: i64,
    told: &mut impl FnMut(Progress),
) -> Result<ColumnCounts, Refusal> {
    let mut counts = ColumnCounts { secrets: column.what, ..ColumnCounts::default() };
    let (mut after, mut done, total) = (None, 0, store.count_ciphertexts(column).await?);
    loop {
        let rows = store.ciphertexts(column, after.as_ref(), PAGE).await?;
        let Some(last) = rows.last() else { return Ok(counts) };
        after = Some(last.key().clone());
        done += rows.len() as u64;
        let judged: Vec<_> = stream::iter(rows).map(|row| judge(kms, row)).buffer_unordered(CALLS).collect().await;
        let judged: Vec<Judged> = judged.into_iter().collect::<Result<_, _>>()?;
        let writes = judged.iter().any(|judged| matches!(judged, Judged::Rewrapped(..)));
        let mut write = if writes { Some(store.write().await?) } else { None };
        let before = counts.rewrapped;
        for judged in judged {
            count(&mut counts, column, judged, write.as_mut()).await?;
        }
        if let Some(mut write) = write {
            let detail = json!({ "by": by(), "secrets": column.what, "count": counts.rewrapped - before });
            write.append_audit(&AuditEvent::new(AuditKind::KmsRotated, detail), now).await?;
            write.commit().await?;
        }
        told(Progress { secrets: column.what, done, total: total.max(done) });
    }
}

async fn judge(kms: &dyn Kms, row: CiphertextRow) -> Result<Judged, KmsError> {
    if kms.is_current(&row.ciphertext).await? {
        return Ok(Judged::Current);
    }
    match rewrap(kms, &row).await {
        Ok((new, secret)) => {
            check_opens(kms, &row, &new, &secret).await?;
            Ok(Judged::Rewrapped(row, new))
        }
        Err(KmsError::Rejected) => Ok(Judged::Rejected(row)),
        Err(error) => Err(error),
    }
}

/// The new ciphertext, and the secret that the old one holds.
async fn rewrap(kms: &dyn Kms, row: &CiphertextRow) -> Result<(Vec<u8>, Plaintext), KmsError> {
    let context = row.owner.context();
    let secret = kms.decrypt(&row.ciphertext, &context).await?;
    Ok((kms.rewrap(&row.ciphertext, &context).await?, secret))
}

/// The old ciphertext is gone once it is replaced: an engine that wraps what it can't open again must stop before that.
async fn check_opens(kms: &dyn Kms, row: &CiphertextRow, new: &[u8], secret: &Plaintext) -> Result<(), KmsError> {
    let cause = match kms.decrypt(new, &row.owner.context()).await {
        Ok(opened) if opened == *secret => return Ok(()),
        Ok(_) => "opens to another secret",
        Err(KmsError::Rejected) => "does not open",
        Err(error) => return Err(error),
    };
    tracing::error!(owner = ?row.owner, "a ciphertext {cause} once it was rewrapped: nothing more is rotated");
    Err(KmsError::Rejected)
}

async fn count(
    counts: &mut ColumnCounts,
    column: &CiphertextColumn,
    judged: Judged,
    write: Option<&mut WriteTransaction<'_>>,
) -> Result<(), Refusal> {
    match (judged, write) {
        (Judged::Rewrapped(row, new), Some(write)) => {
            if write.replace_ciphertext(column, &row, &new).await? {
                counts.rewrapped += 1;
            } else {
                counts.gone += 1;
            }
        }
        (Judged::Rejected(row), _) => {
            tracing::error!(secrets = column.what, owner = ?row.owner, "a ciphertext does not open and was left as it is");
            counts.rejected += 1;
        }
        (Judged::Current | Judged::Rewrapped(..), _) => counts.current += 1,
    }
    Ok(())
}
