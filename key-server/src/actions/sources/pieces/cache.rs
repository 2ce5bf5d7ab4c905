use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// In memory, encrypted, at most.
const PIECES_MAX: usize = 4;

/// Pieces that were read lately, each in part: whoever looks for a file's tables reads a few bytes here and there, again and
/// again, and a piece has to be fetched whole to be checked.
#[derive(Default)]
pub(crate) struct PieceCache(Mutex<VecDeque<([u8; 12], Bytes)>>);

impl PieceCache {
    /// By the nonce, which no other piece has.
    pub(super) fn find(&self, nonce: &[u8; 12]) -> Option<Bytes> {
        let pieces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pieces.iter().find(|(kept, _)| kept == nonce).map(|(_, bytes)| bytes.clone())
    }

    /// In place of the one that was kept first.
    pub(super) fn keep(&self, nonce: [u8; 12], bytes: Bytes) {
        let mut pieces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pieces.retain(|(kept, _)| *kept != nonce);
        pieces.truncate(PIECES_MAX - 1);
        pieces.push_front((nonce, bytes));
    }
}
