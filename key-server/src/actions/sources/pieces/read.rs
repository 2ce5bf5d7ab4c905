use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use chacha20::cipher::StreamCipher;
use futures_util::stream::iter;
use futures_util::{StreamExt, TryStreamExt};
use keyveil_protocol::{ErrorCode, UploadId};
use ring::digest::{SHA256, digest};
use zeroize::Zeroizing;

use super::super::{Chunks, key};
use super::{PIECE_LEN, cipher, object};
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::storage::{Storage, StorageError};
use crate::store::{Piece, StoreError, Upload};

/// One comes while the one before goes out.
const READS_AT_ONCE: usize = 2;
/// Handed on at once.
const CHUNK_LEN: usize = 256 * 1024;

/// A range that lies inside what is recorded. The first piece has been read when this answers.
pub(in super::super) async fn read(state: &ServerState, upload: &Upload, range: Range<u64>) -> Result<Chunks, Refusal> {
    let pieces = state.installation.store().pieces(&upload.upload_id, &range).await?;
    if range.is_empty() {
        return Ok(iter([]).boxed());
    }
    check_cover(&pieces, &range)?;
    let key = Arc::new(key(state, upload).await?);
    // Both are cheap to share, and the chunks outlive the request's borrow of the state.
    let reader = Arc::new(Reader {
        storage: super::storage(state)?.clone(),
        cache: Arc::clone(&state.piece_cache),
        upload_id: upload.upload_id.clone(),
        key,
        range,
    });
    let read = move |piece| {
        let reader = Arc::clone(&reader);
        async move { reader.read(piece).await }
    };
    let mut parts = iter(pieces).map(read).buffered(READS_AT_ONCE);
    let first = parts.try_next().await?;
    let parts = iter(first.map(Ok)).chain(parts);
    Ok(parts.map_ok(|part| iter(chunks(part)).map(Ok)).try_flatten().boxed())
}

/// Rows that leave a gap would give a source that nobody sent.
fn check_cover(pieces: &[Piece], range: &Range<u64>) -> Result<(), StoreError> {
    let starts = pieces.first().is_some_and(|piece| piece.start <= range.start);
    let ends = pieces.last().is_some_and(|piece| piece.end() >= range.end);
    let joined = pieces.iter().zip(pieces.iter().skip(1)).all(|(piece, next)| piece.end() == next.start);
    if starts && ends && joined { Ok(()) } else { Err(StoreError::Corrupt("pieces of a source")) }
}

fn chunks(part: Bytes) -> impl Iterator<Item = Bytes> {
    (0..part.len()).step_by(CHUNK_LEN).map(move |at| part.slice(at..part.len().min(at + CHUNK_LEN)))
}

struct Reader {
    storage: Storage,
    cache: Arc<super::PieceCache>,
    upload_id: UploadId,
    key: Arc<Zeroizing<[u8; 32]>>,
    range: Range<u64>,
}

impl Reader {
    /// What of a piece lies in the range, in the clear.
    async fn read(&self, piece: Piece) -> Result<Bytes, Refusal> {
        let from = self.range.start.saturating_sub(piece.start);
        let to = self.range.end.min(piece.end()).saturating_sub(piece.start);
        let is_part = to.saturating_sub(from) < piece.length;
        let sealed = match self.cache.find(&piece.nonce) {
            Some(sealed) => sealed,
            None => self.fetch(&piece).await?,
        };
        if is_part {
            self.cache.keep(piece.nonce, sealed.clone());
        }
        let key = Arc::clone(&self.key);
        super::super::blocking(move || open(&key, &piece.nonce, sealed, from, to)).await
    }

    /// As it lies there, checked.
    async fn fetch(&self, piece: &Piece) -> Result<Bytes, Refusal> {
        let object = object(&self.upload_id, &piece.nonce);
        let sealed = self.storage.read_all(&object, PIECE_LEN).await.map_err(|error| match error {
            StorageError::TooLong => altered(),
            error => error.refusal(),
        })?;
        let sha256 = piece.sha256;
        let checked =
            super::super::blocking(move || Ok((digest(&SHA256, &sealed).as_ref() == sha256).then_some(sealed)));
        checked.await?.map(Bytes::from).ok_or_else(altered)
    }
}

/// In place, where nobody keeps what is sealed.
fn open(key: &[u8; 32], nonce: &[u8; 12], mut sealed: Bytes, from: u64, to: u64) -> std::io::Result<Bytes> {
    let outside = || std::io::Error::other("a piece is shorter than its row says");
    let (from, to) = (usize::try_from(from).map_err(|_| outside())?, usize::try_from(to).map_err(|_| outside())?);
    if from > to || to > sealed.len() {
        return Err(outside());
    }
    sealed.truncate(to);
    let mut clear = match sealed.try_into_mut() {
        Ok(own) => own,
        Err(shared) => BytesMut::from(&shared[..]),
    };
    cipher(key, nonce).try_apply_keystream(&mut clear).map_err(|_| outside())?;
    Ok(clear.freeze().slice(from..))
}

fn altered() -> Refusal {
    Refusal::new(ErrorCode::Unavailable, "storage: a piece of a source differs from what was stored")
}
