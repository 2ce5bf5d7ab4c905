//! Both ends of the audit log, under a MAC whose key comes from the installation's secret.

use ring::hmac;

use super::audit_row::{Link, hash_column};
use super::engine::{On, Row, query};
use super::{Store, StoreError, WriteTransaction};

const LABEL: &[u8] = b"keyveil/v1/audit-head";
const SELECT: &str = "SELECT start_seq, start_hash, seq, hash, mac FROM audit_head";

pub(super) const PUT: &str = "INSERT INTO audit_head (one, start_seq, start_hash, seq, hash, mac) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (one) DO UPDATE SET start_seq = excluded.start_seq, start_hash = excluded.start_hash, seq = excluded.seq,
         hash = excluded.hash, mac = excluded.mac";

/// Where the log begins and ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AuditHead {
    /// The last row that is kept no more, which the first one here continues.
    pub(crate) start: Link,
    /// The last row.
    pub(crate) end: Link,
}

/// What the database says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoredHead {
    /// Nothing.
    Absent,
    /// Of a database that was made before heads were.
    Unsealed(AuditHead),
    /// As this installation wrote it.
    Sealed(AuditHead),
    /// As somebody else wrote it.
    Broken,
}

/// Not `Debug`: ring's prints no key, but there is nothing else to say.
pub(super) struct AuditKey(hmac::Key);

impl AuditKey {
    fn sign(&self, head: &AuditHead) -> hmac::Tag {
        hmac::sign(&self.0, &signed(head))
    }
}

impl Store {
    /// Tells the key of the log's ends, without which no row is written. The first one told holds.
    pub fn unlock_audit(&self, key: &[u8; 32]) {
        let _ = self.audit_key.set(AuditKey(hmac::Key::new(hmac::HMAC_SHA256, key)));
    }

    pub(super) fn audit_key(&self) -> Result<&AuditKey, StoreError> {
        self.audit_key.get().ok_or(StoreError::NoAuditKey)
    }
}

impl WriteTransaction<'_> {
    pub(super) async fn stored_head(&mut self) -> Result<StoredHead, StoreError> {
        let key = self.audit_key.get().ok_or(StoreError::NoAuditKey)?;
        stored_head(self.connection().await?, key).await
    }

    pub(super) fn seal_head(&mut self, head: &AuditHead) -> Result<(), StoreError> {
        let mac = self.audit_key()?.sign(head);
        self.later(PUT)
            .bind(1)
            .bind(head.start.seq)
            .bind(head.start.hash.as_slice())
            .bind(head.end.seq)
            .bind(head.end.hash.as_slice())
            .bind(mac.as_ref());
        self.sealed = Some(*head);
        Ok(())
    }

    /// The ends as they are now, where no statement of this transaction has told them already.
    pub(super) async fn audit_ends(&mut self) -> Result<AuditEnds, StoreError> {
        if let Some(ends) = self.audit_ends.take() {
            return Ok(ends);
        }
        self.later(
            "SELECT a.seq AS last_seq, a.hash AS last_hash, h.* FROM (SELECT 1) AS always
             LEFT JOIN (SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1) AS a ON true LEFT JOIN audit_head h ON true",
        );
        let row = self.answer().await?.ok_or(sqlx::Error::RowNotFound)?;
        AuditEnds::from_row(&row, self.audit_key()?)
    }

    pub(super) fn audit_key(&self) -> Result<&AuditKey, StoreError> {
        self.audit_key.get().ok_or(StoreError::NoAuditKey)
    }
}

/// The log's last row, and the ends as they are kept.
pub(super) struct AuditEnds {
    pub(super) last: Option<Link>,
    pub(super) stored: StoredHead,
}

impl AuditEnds {
    /// As they are once rows up to that head are written.
    pub(super) const fn after(head: AuditHead) -> Self {
        Self { last: Some(head.end), stored: StoredHead::Sealed(head) }
    }

    /// From the columns `last_seq`, `last_hash` and all of `audit_head`.
    pub(super) fn from_row(row: &Row, key: &AuditKey) -> Result<Self, StoreError> {
        let last: Option<i64> = row.try_get("last_seq")?;
        let last =
            last.map(|seq| Ok::<_, StoreError>(Link { seq, hash: hash_column(row, "last_hash")? })).transpose()?;
        let has_head = row.try_get::<Option<i64>, _>("one")?.is_some();
        Ok(Self { last, stored: if has_head { judged(row, key) } else { StoredHead::Absent } })
    }
}

pub(super) async fn stored_head(on: impl Into<On<'_>>, key: &AuditKey) -> Result<StoredHead, StoreError> {
    let Some(row) = query(SELECT).fetch_optional(on).await? else { return Ok(StoredHead::Absent) };
    Ok(judged(&row, key))
}

fn judged(row: &Row, key: &AuditKey) -> StoredHead {
    let Ok((head, mac)) = decoded(row) else { return StoredHead::Broken };
    if mac.is_empty() {
        StoredHead::Unsealed(head)
    } else if hmac::verify(&key.0, &signed(&head), &mac).is_ok() {
        StoredHead::Sealed(head)
    } else {
        StoredHead::Broken
    }
}

fn decoded(row: &Row) -> Result<(AuditHead, Vec<u8>), StoreError> {
    let start = Link { seq: row.try_get("start_seq")?, hash: hash_column(row, "start_hash")? };
    let end = Link { seq: row.try_get("seq")?, hash: hash_column(row, "hash")? };
    Ok((AuditHead { start, end }, row.try_get("mac")?))
}

fn signed(head: &AuditHead) -> Vec<u8> {
    let mut bytes = [LABEL, &[0]].concat();
    for link in [head.start, head.end] {
        bytes.extend(link.seq.to_be_bytes());
        bytes.extend(link.hash);
    }
    bytes
}
