use std::sync::Arc;

use keyveil_protocol::ErrorCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::refusal::Refusal;

/// 256 MiB for all uploads together: with more of them each waits for its turn, and its client with it.
const PIECES_MAX: usize = 32;

/// How many pieces may be in memory on their way into the store. Each of them leaves it without waiting for another one, and
/// takes no more bytes after a while, so everybody gets a turn.
pub(crate) struct PieceBuffers(Arc<Semaphore>);

impl Default for PieceBuffers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(PIECES_MAX)))
    }
}

impl PieceBuffers {
    /// Room for one piece, until it is dropped.
    pub(super) async fn take(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let closed = |_| Refusal::new(ErrorCode::Unavailable, "no more pieces are taken");
        Arc::clone(&self.0).acquire_owned().await.map_err(closed)
    }

    /// How many more there is room for.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.0.available_permits()
    }
}
