//! Sources in S3. An object can't grow and can't be written at a place, so such a source lies in pieces: objects
//! `sources/<upload id>/<nonce>`, each written once and never changed, and rows that say which of them count and where they
//! belong. A piece is recorded when its object is there; what is recorded is where the upload stands.
//!
//! **Any server may take the next bytes.** Whoever begins to write takes a number from the source's row, and records pieces
//! as long as nobody took the next one, in the transaction that moves the upload's offset: of two who write at the same time
//! one loses, and its objects are swept. No lock of a process is needed for that.
//!
//! **No byte of keystream is used twice.** Each piece is XORed with ChaCha20 under the source's key and a nonce drawn for it
//! alone: 96 bits by chance, for far fewer than 2³² pieces of one key.
//!
//! A piece is read whole and checked against its SHA-256 in the database before a byte of it is believed, so whoever can
//! write to the bucket can't alter a source unnoticed.

mod append;
mod buffers;
mod cache;
mod cut;
mod read;
mod sweep;
#[cfg(test)]
mod tests;

pub(super) use append::append;
pub(crate) use buffers::PieceBuffers;
pub(crate) use cache::PieceCache;
pub(super) use read::read;
pub(super) use sweep::remove;
pub(crate) use sweep::{remove_gone, sweep};

use chacha20::ChaCha20;
use chacha20::cipher::KeyIvInit;
use keyveil_protocol::{ErrorCode, UploadId};

use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::storage::{PART_LEN, Storage};

/// The longest piece: what goes up in one PUT. A server holds two of them in memory for each upload that comes, and for each
/// source that is read.
const PIECE_LEN: u64 = PART_LEN as u64;

/// Where sources lie in pieces.
fn storage(state: &ServerState) -> Result<&Storage, Refusal> {
    let missing = || Refusal::new(ErrorCode::Unavailable, "the source lies in S3, and no [storage] url is configured");
    state.installation.sources().ok_or_else(missing)
}

fn object(upload_id: &UploadId, nonce: &[u8; 12]) -> String {
    format!("{upload_id}/{}", hex::encode(nonce))
}

fn cipher(key: &[u8; 32], nonce: &[u8; 12]) -> ChaCha20 {
    ChaCha20::new(key.into(), nonce.into())
}
