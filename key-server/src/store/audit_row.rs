use ring::digest;

use super::StoreError;
use super::engine::Row;

const LABEL: &[u8] = b"keyveil/v1/audit";

/// A place in the chain and the hash that the next row continues. The default is what the first row continues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) seq: i64,
    pub(crate) hash: [u8; 32],
}

/// What a row's hash covers.
#[derive(Clone, Debug, Default)]
pub(crate) struct AuditRow {
    pub(crate) seq: i64,
    pub(crate) at: i64,
    pub(crate) kind: String,
    pub(crate) app_id: Option<i64>,
    pub(crate) file_id: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) detail: String,
    pub(crate) prev_hash: [u8; 32],
}

/// A row as it was found, with the hash that stands in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct FoundRow {
    pub(crate) row: AuditRow,
    pub(crate) hash: [u8; 32],
}

impl AuditRow {
    pub(crate) fn hash(&self) -> [u8; 32] {
        self.hash_at(self.seq)
    }

    /// Unambiguous: fixed-length numbers, every text behind its presence and length.
    fn hash_at(&self, seq: i64) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(LABEL);
        context.update(&[0]);
        context.update(&self.prev_hash);
        context.update(&seq.to_be_bytes());
        context.update(&self.at.to_be_bytes());
        let app_id = self.app_id.map(|id| id.to_string());
        for text in [
            Some(self.kind.as_str()),
            app_id.as_deref(),
            self.file_id.as_deref(),
            self.session_id.as_deref(),
            Some(self.detail.as_str()),
        ] {
            context.update(&[u8::from(text.is_some())]);
            let text = text.unwrap_or_default();
            context.update(&(text.len() as u64).to_be_bytes());
            context.update(text.as_bytes());
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        hash
    }
}

impl FoundRow {
    /// One with a column that is not of its type, which only someone else can have written, holds nowhere.
    pub(crate) fn from_sqlite(row: &Row) -> Result<Self, StoreError> {
        let seq = row.try_get("seq")?;
        Ok(Self::decoded(row, seq)
            .unwrap_or_else(|_| Self { row: AuditRow { seq, ..AuditRow::default() }, ..Self::default() }))
    }

    fn decoded(row: &Row, seq: i64) -> Result<Self, StoreError> {
        Ok(Self {
            row: AuditRow {
                seq,
                at: row.try_get("at")?,
                kind: row.try_get("kind")?,
                app_id: row.try_get("app_id")?,
                file_id: row.try_get("file_id")?,
                session_id: row.try_get("session_id")?,
                detail: row.try_get("detail")?,
                prev_hash: hash_column(row, "prev_hash")?,
            },
            hash: hash_column(row, "hash")?,
        })
    }

    /// Whether it was made for a place.
    pub(crate) fn holds_at(&self, seq: i64) -> bool {
        self.row.hash_at(seq) == self.hash
    }
}

pub(super) fn hash_column(row: &Row, column: &'static str) -> Result<[u8; 32], StoreError> {
    row.try_get::<Vec<u8>, _>(column)?.try_into().map_err(|_| StoreError::Corrupt("audit hash"))
}
