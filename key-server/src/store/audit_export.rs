//! Rows as JSON lines: a copy holds by itself, because each line has its row's hash and the one before.

use std::io::{self, BufRead};

use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::audit_chain::Walk;
use super::audit_row::{AuditRow, FoundRow};
use super::engine::query;
use super::{AuditDamage, AuditFault, AuditTail, Store, StoreError};

/// No row that this server writes is near it.
const LINE_LEN_MAX: u64 = 1 << 20;

/// A line of a copy.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line {
    seq: i64,
    at: i64,
    kind: String,
    app_id: Option<i64>,
    file_id: Option<String>,
    session_id: Option<String>,
    detail: Detail,
    prev_hash: String,
    hash: String,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Detail {
    /// What somebody else wrote there, byte by byte: a text that no object is written as.
    Text(String),
    Object(Value),
}

/// A copy can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// The file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What stands in it.
    #[error("line {0} is not a row of the audit log")]
    Line(u64),
    /// There is nothing to verify.
    #[error("there is no row in it")]
    Empty,
}

impl Store {
    /// Calls `each` with a JSON line, without its end, for every row from `first` to `last`. Returns how many there were.
    pub async fn export_audit<E: From<StoreError>>(
        &self,
        first: i64,
        last: i64,
        mut each: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<u64, E> {
        let rows = query("SELECT * FROM audit WHERE seq BETWEEN ? AND ? ORDER BY seq").bind(first).bind(last);
        let mut snapshot = self.pool.snapshot().await.map_err(StoreError::from)?;
        let mut rows = rows.fetch(&mut snapshot);
        let mut count = 0;
        while let Some(row) = rows.try_next().await.map_err(StoreError::from)? {
            each(&FoundRow::from_sqlite(&row)?.to_line()?)?;
            count += 1;
        }
        Ok(count)
    }
}

/// Walks a copy. It may begin and end anywhere: what is missing at its ends shows only by a hash that was noted.
pub fn verify_audit_copy(
    mut copy: impl BufRead,
    expected: Option<[u8; 32]>,
) -> Result<Result<AuditTail, AuditDamage>, CopyError> {
    let mut walk = Walk::new(None, None);
    let mut tail: Option<AuditTail> = None;
    let mut seen = expected.is_none();
    for number in 1.. {
        let mut line = Vec::new();
        if io::Read::take(&mut copy, LINE_LEN_MAX).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let found = FoundRow::from_line(&line).ok_or(CopyError::Line(number))?;
        let seq = u64::try_from(found.row.seq).map_err(|_| CopyError::Line(number))?;
        seen |= Some(found.hash) == expected;
        let first = tail.as_ref().map_or(seq, |tail| tail.first);
        tail = Some(AuditTail { first, seq, hash: found.hash, sealed_at: None });
        walk.push(found);
    }
    let (mut faults, more) = walk.finish();
    faults.extend((!seen).then_some(AuditFault::ExpectedHead));
    let tail = tail.ok_or(CopyError::Empty)?;
    Ok(if faults.is_empty() { Ok(tail) } else { Err(AuditDamage { faults, more }) })
}

impl FoundRow {
    pub(super) fn to_line(&self) -> Result<String, StoreError> {
        let row = &self.row;
        // Only what is written again as the same text may stand there as JSON: the hash covers the text.
        let object = serde_json::from_str::<Value>(&row.detail).ok().filter(Value::is_object);
        let detail = match object.map(|value| (value.to_string(), value)) {
            Some((text, value)) if text == row.detail => Detail::Object(value),
            _ => Detail::Text(row.detail.clone()),
        };
        let line = Line {
            seq: row.seq,
            at: row.at,
            kind: row.kind.clone(),
            app_id: row.app_id,
            file_id: row.file_id.clone(),
            session_id: row.session_id.clone(),
            detail,
            prev_hash: hex::encode(row.prev_hash),
            hash: hex::encode(self.hash),
        };
        serde_json::to_string(&line).map_err(|_| StoreError::Corrupt("audit row"))
    }

    fn from_line(line: &[u8]) -> Option<Self> {
        let line: Line = serde_json::from_slice(line).ok()?;
        let mut found = Self {
            row: AuditRow {
                seq: line.seq,
                at: line.at,
                kind: line.kind,
                app_id: line.app_id,
                file_id: line.file_id,
                session_id: line.session_id,
                detail: match line.detail {
                    Detail::Text(text) => text,
                    Detail::Object(value) => value.to_string(),
                },
                prev_hash: [0; 32],
            },
            hash: [0; 32],
        };
        hex::decode_to_slice(line.prev_hash, &mut found.row.prev_hash).ok()?;
        hex::decode_to_slice(line.hash, &mut found.hash).ok()?;
        Some(found)
    }
}
