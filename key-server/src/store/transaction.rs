use std::sync::OnceLock;

use super::ahead::OwnRows;
use super::audit_head::{AuditEnds, AuditHead, AuditKey};
use super::batch::{Batch, Later};
use super::engine::{Connection, Row};
use super::recent::Forget;
use super::writer::Turn;
use super::{Store, StoreError};

/// A write in progress. Dropped without [`WriteTransaction::commit`], it leaves nothing behind.
pub struct WriteTransaction<'a> {
    /// None after a statement has failed.
    turn: Option<Turn>,
    /// What was said and not sent yet.
    deferred: Batch,
    is_begun: bool,
    /// None where it shares its transaction with others.
    forget: Option<Forget<'a>>,
    pub(super) audit_key: &'a OnceLock<AuditKey>,
    /// Where a statement has told them, for the next row.
    pub(super) audit_ends: Option<AuditEnds>,
    /// Where the log ends with what is deferred.
    pub(super) sealed: Option<AuditHead>,
    /// The rows that it has looked at, and no others.
    own: Option<OwnRows>,
}

impl Store {
    /// Starts an immediate transaction: it never has to upgrade, so it never fails with BUSY half way.
    pub async fn write(&self) -> Result<WriteTransaction<'_>, StoreError> {
        let turn = Some(self.writer.turn().await?.begin().await?);
        let forget = Some(self.recent.forget_later());
        Ok(WriteTransaction { is_begun: true, forget, ..WriteTransaction::of(turn, &self.audit_key) })
    }

    /// A write that leaves applications, titles, builds and their keys as they are: sessions, accounts, events and the log. It shares a
    /// transaction with others of its kind, and begins with its first statement.
    pub(crate) async fn write_release(&self) -> Result<WriteTransaction<'_>, StoreError> {
        Ok(WriteTransaction::of(Some(self.writer.turn().await?), &self.audit_key))
    }
}

impl<'a> WriteTransaction<'a> {
    fn of(turn: Option<Turn>, audit_key: &'a OnceLock<AuditKey>) -> Self {
        let (deferred, is_begun, forget) = (Batch::default(), false, None);
        Self { turn, deferred, is_begun, forget, audit_key, audit_ends: None, sealed: None, own: None }
    }

    /// Makes the write durable.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        let turn = self.turn.take().ok_or(sqlx::Error::WorkerCrashed)?;
        let Some(forget) = self.forget.take() else {
            return turn.leave(self.deferred, self.own.zip(self.sealed)).await;
        };
        let log_sync = turn.commit(self.deferred).await?;
        drop(forget);
        log_sync.durable().await.map_err(StoreError::NotDurable)
    }

    /// Has `statement` executed in its order among all, but not at once: what is wrong with it is told later.
    pub(super) fn later(&mut self, statement: &'static str) -> Later<'_> {
        self.deferred.later(statement)
    }

    /// The row that the deferred question is answered by, which is about no rows but `own`, the log's end and what no release changes. Where
    /// the log's end is not as the row has it, it is told besides.
    pub(super) async fn look(&mut self, own: OwnRows) -> Result<(Option<Row>, Option<AuditHead>), StoreError> {
        if self.is_begun {
            return Ok((self.answer().await?, None));
        }
        let turn = self.turn.take().ok_or(sqlx::Error::WorkerCrashed)?;
        let (turn, row, head) = turn.look(std::mem::take(&mut self.deferred), &own).await?;
        (self.turn, self.own) = (Some(turn), Some(own));
        Ok((row, head))
    }

    /// Sends what was deferred; the first row of the last of it.
    pub(super) async fn answer(&mut self) -> Result<Option<Row>, StoreError> {
        let turn = self.turn.take().ok_or(sqlx::Error::WorkerCrashed)?;
        let batch = std::mem::take(&mut self.deferred);
        let (turn, row) = if self.forget.is_some() { turn.send(batch).await? } else { turn.ask(batch).await? };
        self.turn = Some(turn);
        self.is_begun = true;
        Ok(row)
    }

    /// The connection, once it has done all that was deferred.
    pub(super) async fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        if !self.is_begun || !self.deferred.is_empty() {
            self.answer().await?;
        }
        self.turn.as_mut().ok_or(sqlx::Error::WorkerCrashed)?.connection()
    }
}
