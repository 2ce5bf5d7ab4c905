use std::sync::OnceLock;

use super::audit_head::{AuditEnds, AuditKey};
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
}

impl Store {
    /// Starts an immediate transaction: it never has to upgrade, so it never fails with BUSY half way.
    pub async fn write(&self) -> Result<WriteTransaction<'_>, StoreError> {
        let turn = Some(self.writer.turn().await?.begin().await?);
        let (forget, audit_key) = (Some(self.recent.forget_later()), &self.audit_key);
        Ok(WriteTransaction { turn, deferred: Batch::default(), is_begun: true, forget, audit_key, audit_ends: None })
    }

    /// A write that leaves applications, titles, builds and their keys as they are: sessions, accounts, events and the log. It shares a
    /// transaction with others of its kind, and begins with its first statement.
    pub(crate) async fn write_release(&self) -> Result<WriteTransaction<'_>, StoreError> {
        let turn = Some(self.writer.turn().await?);
        let (deferred, audit_key) = (Batch::default(), &self.audit_key);
        Ok(WriteTransaction { turn, deferred, is_begun: false, forget: None, audit_key, audit_ends: None })
    }
}

impl WriteTransaction<'_> {
    /// Makes the write durable.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        let turn = self.turn.take().ok_or(sqlx::Error::WorkerCrashed)?;
        let Some(forget) = self.forget.take() else { return turn.leave(self.deferred).await };
        let log_sync = turn.commit(self.deferred).await?;
        drop(forget);
        log_sync.durable().await.map_err(StoreError::NotDurable)
    }

    /// Has `statement` executed in its order among all, but not at once: what is wrong with it is told later.
    pub(super) fn later(&mut self, statement: &'static str) -> Later<'_> {
        self.deferred.later(statement)
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
