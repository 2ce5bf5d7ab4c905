//! What wakes the streams of changes, and ends them.

use std::sync::Arc;

use keyveil_protocol::ErrorCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::refusal::Refusal;

const STREAMS_MAX: usize = 256;

/// One for the whole server: whatever the number of streams, one task looks for changes.
pub(crate) struct ChangeStreams {
    /// The number of the latest change; none once the server stops.
    latest: watch::Sender<Option<i64>>,
    slots: Arc<Semaphore>,
}

/// A stream's place among the others, given back when it is dropped.
pub(crate) struct Subscription {
    latest: watch::Receiver<Option<i64>>,
    _slot: OwnedSemaphorePermit,
}

impl Default for ChangeStreams {
    fn default() -> Self {
        Self { latest: watch::Sender::new(Some(0)), slots: Arc::new(Semaphore::new(STREAMS_MAX)) }
    }
}

impl ChangeStreams {
    /// `rate_limited` when there are as many streams as there may be.
    pub(crate) fn subscribe(&self) -> Result<Subscription, Refusal> {
        let slot = Arc::clone(&self.slots).try_acquire_owned();
        let slot = slot.map_err(|_| Refusal::new(ErrorCode::RateLimited, "256 streams of changes are open"))?;
        Ok(Subscription { latest: self.latest.subscribe(), _slot: slot })
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

    #[tokio::test]
    async fn streams_are_woken_counted_and_ended() {
        let streams = ChangeStreams::default();
        assert!(!streams.is_wanted());
        let mut first = streams.subscribe().unwrap();
        let mut others: Vec<_> = (1..STREAMS_MAX).map(|_| streams.subscribe().unwrap()).collect();
        assert_eq!(streams.subscribe().err().map(|refusal| refusal.code()), Some(ErrorCode::RateLimited));
        others.pop();
        assert!(streams.subscribe().is_ok(), "a stream that ended makes room");
        assert!(streams.is_wanted() && first.goes_on());
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
