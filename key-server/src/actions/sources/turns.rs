use std::collections::HashMap;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::Duration;

use keyveil_protocol::{ErrorCode, UploadId};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use crate::refusal::Refusal;

/// How long a request that was asked to end may take to record what it has.
const HURRY_TIMEOUT: Duration = Duration::from_secs(10);

/// Who writes to which source: one at a time in this process. Between processes the offset in the database decides.
#[derive(Default)]
pub(crate) struct Turns(SyncMutex<HashMap<UploadId, Arc<Desk>>>);

#[derive(Default)]
struct Desk {
    busy: Arc<Mutex<()>>,
    /// Touched only by whoever has the turn.
    last: Arc<SyncMutex<Option<Written>>>,
    /// How many wait for whoever writes to come to an end.
    waiting: watch::Sender<u32>,
}

/// Up to where this process wrote in which stretch, with nothing behind it: the one case in which the stretch may go on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) stretch: u32,
    pub(super) offset: u64,
}

/// The right to write to one source, until it and every [`Hold`] on it are dropped.
pub(crate) struct Turn {
    hold: Hold,
    last: Arc<SyncMutex<Option<Written>>>,
    waiting: watch::Receiver<u32>,
}

/// Keeps a turn from ending. File work takes one along: it goes on when its request is dropped, and until it has ended
/// nobody else may write.
#[derive(Clone)]
pub(super) struct Hold(#[expect(dead_code, reason = "held until it is dropped")] Arc<OwnedMutexGuard<()>>);

impl Turns {
    /// The turn, unless someone has it.
    pub(crate) fn try_take(&self, upload_id: &UploadId) -> Result<Turn, Refusal> {
        let desk = self.desk(upload_id);
        let busy = Arc::clone(&desk.busy).try_lock_owned();
        let busy = busy.map_err(|_| Refusal::new(ErrorCode::UploadOffset, "another request writes to this upload"))?;
        Ok(desk.turn(busy))
    }

    /// The turn, after whoever has it has recorded what it got and ended. A client that asks where its upload stands does
    /// not send any more, so a request that still waits for bytes is one whose connection died unnoticed.
    pub(crate) async fn take_over(&self, upload_id: &UploadId) -> Result<Turn, Refusal> {
        let desk = self.desk(upload_id);
        let waiting = Waiting::begin(&desk.waiting);
        let busy = tokio::time::timeout(HURRY_TIMEOUT, Arc::clone(&desk.busy).lock_owned()).await;
        drop(waiting);
        let busy = busy.map_err(|_| Refusal::new(ErrorCode::Unavailable, "a request does not let go of the upload"))?;
        Ok(desk.turn(busy))
    }

    /// For an upload that is over.
    pub(super) fn forget(&self, upload_id: &UploadId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(upload_id);
    }

    fn desk(&self, upload_id: &UploadId) -> Arc<Desk> {
        let mut desks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(desks.entry(upload_id.clone()).or_default())
    }
}

impl Desk {
    fn turn(&self, busy: OwnedMutexGuard<()>) -> Turn {
        Turn { hold: Hold(Arc::new(busy)), last: Arc::clone(&self.last), waiting: self.waiting.subscribe() }
    }
}

/// Counts among those who wait until it is dropped: a client that goes away while it waits, too, wants nothing more.
struct Waiting<'a>(&'a watch::Sender<u32>);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a watch::Sender<u32>) -> Self {
        waiting.send_modify(|waiting| *waiting += 1);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}

impl Turn {
    /// Ends when someone wants the turn.
    pub(super) async fn wanted(&mut self) {
        // Without a sender nobody can want it.
        if self.waiting.wait_for(|waiting| *waiting > 0).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    pub(super) fn hold(&self) -> Hold {
        self.hold.clone()
    }

    pub(super) fn written(&self) -> Option<Written> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_written(&mut self, written: Option<Written>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = written;
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn whoever_goes_away_while_waiting_wants_the_turn_no_more() {
        let (turns, upload_id) = (Turns::default(), "up1".parse().unwrap());
        let mut turn = turns.try_take(&upload_id).unwrap();
        {
            let mut waiting = pin!(turns.take_over(&upload_id));
            assert!(waiting.as_mut().now_or_never().is_none());
            assert!(turn.wanted().now_or_never().is_some(), "someone waits");
        }
        assert!(turn.wanted().now_or_never().is_none(), "and has gone away");
        drop(turn);
        assert!(turns.take_over(&upload_id).await.is_ok());
        let mut turn = turns.try_take(&upload_id).unwrap();
        assert!(turn.wanted().now_or_never().is_none(), "who got the turn wants it no more");
    }
}
