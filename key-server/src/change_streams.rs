//! What wakes the streams of changes, and ends them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use keyveil_protocol::{AppId, ErrorCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::refusal::Refusal;

const STREAMS_MAX: usize = 256;
/// No application takes the place of the others.
const STREAMS_OF_APP_MAX: usize = 32;

/// One for the whole server: whatever the number of streams, one task looks for changes.
pub(crate) struct ChangeStreams {
    /// The number of the latest change; none once the server stops.
    latest: watch::Sender<Option<i64>>,
    slots: Arc<Semaphore>,
    /// How many streams each application has open; none is not listed.
    open: Arc<Mutex<HashMap<AppId, usize>>>,
}

/// A stream's place among the others, given back when it is dropped.
pub(crate) struct Subscription {
    latest: watch::Receiver<Option<i64>>,
    _slot: OwnedSemaphorePermit,
    _app_slot: AppSlot,
}

/// A place among those of one application.
struct AppSlot {
    app_id: AppId,
    open: Arc<Mutex<HashMap<AppId, usize>>>,
}

impl AppSlot {
    fn take(open: &Arc<Mutex<HashMap<AppId, usize>>>, app_id: AppId) -> Option<Self> {
        let mut counts = open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get(&app_id).copied().unwrap_or(0);
        if count >= STREAMS_OF_APP_MAX {
            return None;
        }
        counts.insert(app_id, count + 1);
        Some(Self { app_id, open: Arc::clone(open) })
    }
}

impl Drop for AppSlot {
    fn drop(&mut self) {
        let mut counts = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(&self.app_id) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.remove(&self.app_id)),
        }
    }
}

impl Default for ChangeStreams {
    fn default() -> Self {
        Self { latest: watch::Sender::new(Some(0)), slots: Arc::new(Semaphore::new(STREAMS_MAX)), open: Arc::default() }
    }
}

impl ChangeStreams {
    /// `rate_limited` when there are as many streams as there may be, in all or of this application.
    pub(crate) fn subscribe(&self, app_id: AppId) -> Result<Subscription, Refusal> {
        let app_slot = AppSlot::take(&self.open, app_id);
        let app_slot = app_slot
            .ok_or_else(|| Refusal::new(ErrorCode::RateLimited, "32 streams of changes of the application are open"))?;
        let slot = Arc::clone(&self.slots).try_acquire_owned();
        let slot = slot.map_err(|_| Refusal::new(ErrorCode::RateLimited, "256 streams of changes are open"))?;
        Ok(Subscription { latest: self.latest.subscribe(), _slot: slot, _app_slot: app_slot })
    }

    /// How many there are.
    pub(crate) fn open(&self) -> usize {
        STREAMS_MAX.saturating_sub(self.slots.available_permits())
    }

    /// Whether anyone listens.
    pub(crate) fn is_wanted(&self) -> bool {
        self.latest.receiver_count() > 0
    }

    /// Wakes the streams, if there is anything new.
    pub(crate) fn publish(&self, change_seq: i64) {
        self.latest.send_if_modified(|latest| match latest {
            Some(latest) if *latest != change_seq => {
                *latest = change_seq;
                true
            }
            _ => false,
        });
    }

    /// Ends every stream: a server that stops does not wait for them.
    pub(crate) fn end(&self) {
        self.latest.send_replace(None);
    }
}

impl Subscription {
    /// False once the server stops. What is published from here on is not missed by [`Self::changed`].
    pub(crate) fn goes_on(&mut self) -> bool {
        self.latest.borrow_and_update().is_some()
    }

    /// Ends when there is something new, or the server stops.
    pub(crate) async fn changed(&mut self) {
        // An error means that the server is gone: `goes_on` says so, too.
        let _ = self.latest.changed().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_leaves_room_to_the_others() {
        let streams = ChangeStreams::default();
        let [greedy, other] = [1, 2].map(|id| AppId::try_from(id).unwrap());
        let mut open: Vec<_> = (0..STREAMS_OF_APP_MAX).map(|_| streams.subscribe(greedy).unwrap()).collect();
        let code = |app_id| streams.subscribe(app_id).err().map(|refusal| refusal.code());
        assert_eq!(code(greedy), Some(ErrorCode::RateLimited));
        assert_eq!(code(other), None);
        open.pop();
        assert_eq!(code(greedy), None, "a stream that ended makes room");
        open.clear();
        assert!(streams.open.lock().unwrap().is_empty(), "who has none is not kept");
    }

    #[tokio::test]
    async fn streams_are_woken_counted_and_ended() {
        let streams = ChangeStreams::default();
        assert!(!streams.is_wanted());
        let app = |n: usize| AppId::try_from(1 + (n / STREAMS_OF_APP_MAX) as u64).unwrap();
        let another = AppId::try_from(1000).unwrap();
        let code = |app_id| streams.subscribe(app_id).err().map(|refusal| refusal.code());
        let mut first = streams.subscribe(app(0)).unwrap();
        let mut others: Vec<_> = (1..STREAMS_MAX).map(|n| streams.subscribe(app(n)).unwrap()).collect();
        assert_eq!(code(another), Some(ErrorCode::RateLimited));
        others.pop();
        assert_eq!(code(another), None, "a stream that ended makes room");
        assert!(streams.is_wanted() && first.goes_on());
        assert_eq!(streams.open(), STREAMS_MAX - 1);
        streams.publish(7);
        first.changed().await;
        assert!(first.goes_on());
        streams.end();
        first.changed().await;
        assert!(!first.goes_on());
        streams.publish(8);
        assert!(!first.goes_on(), "what has ended is not begun again");
    }
}
