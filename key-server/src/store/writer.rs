//! The one connection that writes, and how releases of keys share its transaction.
//!
//! To begin and to commit costs as much as what a release writes, and so those that wait for each other share it: each is a savepoint
//! in a transaction that the first of them began. When the first has done its part, the commit queues behind those that wait by
//! then; nobody's part counts before all of it is committed and durable. A refusal takes back its own savepoint alone. An error of the
//! database ends the transaction for all who share it: SQLite may have taken back more than one statement.
//!
//! What a request that was given up has begun is always ended: statements run in tasks of their own, and [`Turn`] notes on its way
//! out what there is to take back.
//!
//! Over PostgreSQL a release that only looks, and then leaves changes of its own rows, needs no savepoint; and the next one looks before these
//! are sent, where they are not its own: all of them go with the commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use super::StoreError;
use super::abroad::{Abroad, Writes};
use super::ahead::{Left, OwnRows};
use super::audit_head::AuditHead;
use super::batch::Batch;
use super::engine::{BEGIN, COMMIT, Connection, Row, query};
use super::listener::NOTIFY;
use super::log_sync::LogSync;
use super::open::Reconnect;

/// Whoever finds as many before it commits at once.
const MEMBERS_MAX: u32 = 256;
const UNDO: &str = "ROLLBACK TO member; RELEASE member";
/// What SQLite counts by itself: writes that may change what others keep in memory.
const COUNT_WRITE: &str = "UPDATE writes SET seq = seq + 1";
const WRITES: &str = "SELECT seq FROM writes";

/// How the transaction that a release shares has ended.
type Outcome = Result<(), Arc<StoreError>>;

/// The connection, and what is open on it.
pub(super) struct Writer {
    /// None once it is lost or closed.
    connection: Option<Connection>,
    /// How to open another one in place of one that was lost.
    reconnect: Option<Reconnect>,
    group: Option<Group>,
    /// What those who have done their part leave to be sent.
    pending: Batch,
    left: Left,
    /// Somebody went away in the midst of its part.
    torn: bool,
    /// Statements are under way, or were when the runtime ended.
    unsure: bool,
    groups: u64,
}

/// Those who share a transaction.
struct Group {
    number: u64,
    /// How many have done their part.
    members: u32,
    outcome: watch::Sender<Option<Outcome>>,
}

/// The queue for the connection: in order, instead of polling SQLite's lock.
#[derive(Clone)]
pub(super) struct Queue {
    writer: Arc<Mutex<Writer>>,
    waiting: Arc<AtomicUsize>,
    log_sync: Arc<LogSync>,
    abroad: Arc<Abroad>,
}

/// The right to write, and how far that has gone.
pub(super) struct Turn {
    writer: OwnedMutexGuard<Writer>,
    queue: Queue,
    part: Part,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Nothing is begun.
    None,
    /// Questions in a shared transaction.
    Look,
    /// A savepoint in a shared transaction.
    Savepoint,
    /// A transaction of its own.
    Whole,
}

/// Counts itself among those who wait.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Queue {
    pub(super) fn new(connection: Connection, reconnect: Option<Reconnect>, log_sync: LogSync) -> Self {
        let writer = Writer {
            connection: Some(connection),
            reconnect,
            group: None,
            pending: Batch::default(),
            left: Left::Nothing,
            torn: false,
            unsure: false,
            groups: 0,
        };
        Self {
            writer: Arc::new(Mutex::new(writer)),
            waiting: Arc::default(),
            log_sync: Arc::new(log_sync),
            abroad: Arc::default(),
        }
    }

    /// Waits for the turn. Nothing is begun by that.
    pub(super) async fn turn(&self) -> Result<Turn, StoreError> {
        let writer = if let Ok(writer) = Arc::clone(&self.writer).try_lock_owned() {
            writer
        } else {
            self.waiting.fetch_add(1, Ordering::AcqRel);
            let _waiting = Waiting(&self.waiting);
            // Behind a write that hangs (on the KMS, on another process) requests would pile up without end.
            let lock = Arc::clone(&self.writer).lock_owned();
            tokio::time::timeout(super::BUSY_TIMEOUT, lock).await.map_err(|_| sqlx::Error::PoolTimedOut)?
        };
        self.log_sync.check().map_err(StoreError::NotDurable)?;
        let mut turn = Turn { writer, queue: self.clone(), part: Part::None }.connected().await?;
        if self.abroad.is_due() {
            turn = turn.look_abroad().await?;
        }
        // Somebody's own transaction, which is still to be taken back.
        if turn.writer.torn && turn.writer.group.is_none() { turn.alone().await } else { Ok(turn) }
    }

    /// The connection, if nobody writes.
    pub(super) fn idle(&self) -> Option<Turn> {
        let writer = Arc::clone(&self.writer).try_lock_owned().ok()?;
        let is_idle = writer.connection.is_some() && writer.group.is_none() && !writer.torn && !writer.unsure;
        is_idle.then(|| Turn { writer, queue: self.clone(), part: Part::None })
    }

    /// What is known of other processes' writes; asked for if it is time to, and nobody writes.
    pub(super) async fn abroad(&self) -> Writes {
        let known = self.abroad.writes();
        if known.is_known {
            return known;
        }
        if let Some(turn) = self.idle() {
            // Where that fails nothing is known.
            let _ = turn.look_abroad().await;
        }
        self.abroad.writes()
    }

    /// Another process has written: what is known of that is old.
    pub(super) fn forget_abroad(&self) {
        self.abroad.forget();
    }

    /// How many transactions were shared, or could have been.
    #[cfg(test)]
    pub(super) async fn groups(&self) -> u64 {
        self.writer.lock().await.groups
    }

    pub(super) async fn close(&self) {
        let mut writer = self.writer.lock().await;
        writer.reconnect = None;
        if let Some(connection) = writer.connection.take() {
            connection.close().await;
        }
    }

    /// Commits a group, if it still stands, once those who wait now have had their turn.
    async fn finish_later(self, number: u64) {
        let writer = Arc::clone(&self.writer).lock_owned().await;
        if writer.group.as_ref().is_some_and(|group| group.number == number) {
            self.finish(writer).await;
        }
    }

    async fn finish(self, mut writer: OwnedMutexGuard<Writer>) {
        let Some(group) = writer.commit_group().await else { return };
        drop(writer);
        self.tell(group).await;
    }

    async fn tell(self, group: Group) {
        let outcome = self.log_sync.durable().await.map_err(|error| Arc::new(StoreError::NotDurable(error)));
        group.outcome.send_replace(Some(outcome));
    }

    /// Ends a transaction that was left with nobody's part in it.
    async fn tidy_later(self) {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        writer.undo_all().await;
    }
}

impl Turn {
    /// Sends what others have left and `batch`, in a transaction that others may share; the first row that there is.
    pub(super) async fn ask(mut self, batch: Batch) -> Result<(Self, Option<Row>), StoreError> {
        apart(async move {
            let mut all = self.writer.take_pending();
            self.begin_part(&mut all);
            all.append(batch);
            let row = self.writer.send(all).await.inspect_err(|_| self.part = Part::None)?;
            Ok((self, row))
        })
        .await
    }

    /// Asks for nothing but `own` rows, the log's end and what no release changes. Where others' changes are not sent for it, the log ends
    /// as is told besides.
    pub(super) async fn look(
        mut self,
        question: Batch,
        own: &OwnRows,
    ) -> Result<(Self, Option<Row>, Option<AuditHead>), StoreError> {
        let may_look = self.part == Part::None && question.is_one();
        if !may_look || !matches!(self.writer.connection, Some(Connection::Postgres(_))) {
            let (turn, row) = self.ask(question).await?;
            return Ok((turn, row, None));
        }
        let is_ahead = !self.writer.torn && self.writer.left.is_apart_from(own);
        apart(async move {
            let mut all = if is_ahead { Batch::default() } else { self.writer.take_pending() };
            self.begin_group(&mut all);
            all.append(question);
            self.part = Part::Look;
            let row = self.writer.send(all).await.inspect_err(|_| self.part = Part::None)?;
            let head = self.writer.left.head();
            Ok((self, row, head))
        })
        .await
    }

    fn begin_group(&mut self, all: &mut Batch) {
        if self.writer.group.is_none() {
            self.writer.groups += 1;
            let number = self.writer.groups;
            self.writer.group = Some(Group { number, members: 0, outcome: watch::Sender::new(None) });
            all.later(BEGIN);
        }
    }

    fn begin_part(&mut self, all: &mut Batch) {
        if matches!(self.part, Part::Savepoint | Part::Whole) {
            return;
        }
        self.begin_group(all);
        all.later("SAVEPOINT member");
        self.part = Part::Savepoint;
    }

    /// Adds the rest of its part to the shared transaction, and waits until all of that is durable. `own`: its rows, where it has looked at
    /// no others, and the log's end with what it leaves.
    pub(super) async fn leave(mut self, batch: Batch, own: Option<(OwnRows, AuditHead)>) -> Result<(), StoreError> {
        if self.part == Part::Look && batch.is_a_release() {
            self.writer.left = std::mem::take(&mut self.writer.left).add(own);
            self.writer.pending.append(batch);
        } else {
            let mut all = self.writer.take_pending();
            self.begin_part(&mut all);
            all.append(batch);
            all.later("RELEASE member");
            (self.writer.pending, self.writer.left) = (all, Left::More);
        }
        self.part = Part::None;
        let Some(group) = &mut self.writer.group else { return Err(interrupted()) };
        group.members += 1;
        let (number, members, mut outcome) = (group.number, group.members, group.outcome.subscribe());
        let queue = self.queue.clone();
        if members >= MEMBERS_MAX || queue.waiting.load(Ordering::Acquire) == 0 {
            tokio::spawn(async move {
                let committed = self.writer.commit_group().await;
                drop(self);
                if let Some(group) = committed {
                    queue.tell(group).await;
                }
            });
        } else {
            if members == 1 {
                tokio::spawn(queue.finish_later(number));
            }
            drop(self);
        }
        let outcome = outcome.wait_for(Option::is_some).await.map_err(|_| interrupted())?.clone();
        outcome.unwrap_or_else(|| Err(Arc::new(interrupted()))).map_err(StoreError::Shared)
    }

    /// Opens a connection in place of one that was lost. Nothing is begun on that one, and so nobody's part is cut in two.
    async fn connected(mut self) -> Result<Self, StoreError> {
        if self.writer.connection.is_some() {
            return Ok(self);
        }
        apart(async move {
            let reconnect = self.writer.reconnect.as_ref().ok_or(sqlx::Error::PoolClosed)?;
            let connection = reconnect.connect().await?;
            self.writer.connection = Some(connection);
            Ok(self)
        })
        .await
    }

    /// Asks whether another process has written.
    pub(super) async fn look_abroad(mut self) -> Result<Self, StoreError> {
        apart(async move {
            let at = Instant::now();
            let connection = self.connection()?;
            let asked = if let Connection::Sqlite(_) = connection { "PRAGMA data_version" } else { WRITES };
            let row = match query(asked).fetch_one(connection).await {
                Ok(row) => row,
                Err(error) => return Err(self.writer.abandon(error.into()).await),
            };
            self.queue.abroad.said(row.try_get(0)?, at);
            Ok(self)
        })
        .await
    }

    /// Ends what is open: commits what is shared, and takes back what somebody has left.
    pub(super) async fn alone(mut self) -> Result<Self, StoreError> {
        apart(async move {
            if self.writer.has_members() {
                if let Some(group) = self.writer.commit_group().await {
                    tokio::spawn(self.queue.clone().tell(group));
                }
            } else {
                self.writer.undo_all().await;
            }
            Ok(self)
        })
        .await
    }

    /// Begins a transaction of its own.
    pub(super) async fn begin(self) -> Result<Self, StoreError> {
        let mut turn = self.alone().await?;
        apart(async move {
            let mut begin = Batch::default();
            begin.later(BEGIN);
            if let Some(Connection::Postgres(_)) = turn.writer.connection {
                begin.later(COUNT_WRITE);
                begin.later(NOTIFY);
            }
            turn.writer.send(begin).await?;
            turn.part = Part::Whole;
            Ok(turn)
        })
        .await
    }

    /// Commits a transaction of its own. Others may write as soon as it is in the log; it counts when that is durable.
    pub(super) async fn commit(mut self, mut batch: Batch) -> Result<Arc<LogSync>, StoreError> {
        batch.later(COMMIT);
        apart(async move {
            let sent = self.writer.send(batch).await;
            self.part = Part::None;
            sent.map(|_| Arc::clone(&self.queue.log_sync))
        })
        .await
    }

    /// Sends statements of a transaction of its own.
    pub(super) async fn send(mut self, batch: Batch) -> Result<(Self, Option<Row>), StoreError> {
        apart(async move {
            let row = self.writer.send(batch).await.inspect_err(|_| self.part = Part::None)?;
            Ok((self, row))
        })
        .await
    }

    pub(super) fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        Ok(self.writer.connection.as_mut().ok_or(sqlx::Error::PoolClosed)?)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.part == Part::None {
            return;
        }
        // Who only looked leaves nothing to be taken back.
        self.writer.torn |= self.part != Part::Look;
        // Else its commit is on its way. Without a runtime whoever writes next does it.
        if !self.writer.has_members()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(self.queue.clone().tidy_later());
        }
    }
}

impl Writer {
    fn has_members(&self) -> bool {
        self.group.as_ref().is_some_and(|group| group.members > 0)
    }

    /// What is to be sent before all else.
    fn take_pending(&mut self) -> Batch {
        let mut pending = std::mem::take(&mut self.pending);
        self.left = Left::Nothing;
        if std::mem::take(&mut self.torn) && self.group.is_some() {
            pending.later(UNDO);
        }
        pending
    }

    async fn send(&mut self, batch: Batch) -> Result<Option<Row>, StoreError> {
        if self.unsure {
            return Err(self.abandon(interrupted()).await);
        }
        let connection = self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        self.unsure = true;
        match batch.send(connection).await {
            Ok(row) => {
                self.unsure = false;
                Ok(row)
            }
            Err(error) => Err(self.abandon(error).await),
        }
    }

    /// Commits what is shared; nothing where that failed, which its members have been told.
    async fn commit_group(&mut self) -> Option<Group> {
        let mut all = self.take_pending();
        all.later(COMMIT);
        self.send(all).await.ok()?;
        self.group.take()
    }

    /// Ends the transaction for all who share it, and tells them why.
    async fn abandon(&mut self, error: StoreError) -> StoreError {
        let error = Arc::new(error);
        self.unsure = true;
        if let Some(group) = self.group.take() {
            group.outcome.send_replace(Some(Err(Arc::clone(&error))));
        }
        (self.pending, self.left, self.torn) = (Batch::default(), Left::Nothing, false);
        self.roll_back(&error).await;
        self.unsure = false;
        StoreError::Shared(error)
    }

    async fn roll_back(&mut self, error: &StoreError) {
        let Some(connection) = &mut self.connection else { return };
        let is_lost = match connection {
            // Refused where SQLite has ended it by itself.
            Connection::Sqlite(_) => {
                let _ = query("ROLLBACK").execute(connection).await;
                false
            }
            Connection::Postgres(_) => !error.is_an_answer() || query("ROLLBACK").execute(connection).await.is_err(),
        };
        if is_lost {
            tracing::warn!(%error, "the connection that writes is lost");
            self.connection = None;
        }
    }

    /// Takes back a transaction that nobody has a part in.
    async fn undo_all(&mut self) {
        if !self.has_members() && (self.torn || self.unsure || self.group.is_some()) {
            self.abandon(interrupted()).await;
        }
    }
}

/// In a task of its own: done also when whoever asked has gone.
async fn apart<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::spawn(work).await.map_err(|_| interrupted())?
}

fn interrupted() -> StoreError {
    sqlx::Error::WorkerCrashed.into()
}
