use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chacha20::ChaCha20;
use chacha20::cipher::StreamCipher;
use futures_util::{Stream, StreamExt};
use keyveil_protocol::ErrorCode;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use super::super::checksum::Checksum;
use super::super::turns::Turn;
use super::{PIECE_LEN, PieceBuffers, cipher, object};
use crate::actions::random;
use crate::refusal::Refusal;
use crate::storage::{Incoming, Storage};
use crate::store::{Piece, Upload};

/// A piece takes no more bytes after this while: what a slow client sent is safe so soon.
const PIECE_INTERVAL: Duration = Duration::from_secs(5);

/// Cuts what comes into pieces, and encrypts it on the way.
pub(super) struct Cutter<'a, S> {
    pub(super) storage: &'a Storage,
    pub(super) buffers: &'a PieceBuffers,
    pub(super) upload: &'a Upload,
    pub(super) key: Zeroizing<[u8; 32]>,
    pub(super) turn: &'a mut Turn,
    pub(super) chunks: Pin<&'a mut S>,
    pub(super) checksum: Option<&'a mut Checksum>,
    /// How many more bytes fit.
    pub(super) left: u64,
    /// Where the next piece starts.
    pub(super) position: u64,
    /// What of a chunk did not fit into the piece before.
    pub(super) rest: Bytes,
    pub(super) end: End,
}

/// Whether more is to come.
pub(super) enum End {
    Open,
    /// With a reason that is still to be told, behind the last piece.
    Broken(Refusal),
    Over,
}

/// A piece that still grows, or that is still to be stored.
pub(super) struct OpenPiece {
    start: u64,
    length: u64,
    nonce: [u8; 12],
    cipher: ChaCha20,
    incoming: Incoming,
    due_at: Instant,
    #[expect(dead_code, reason = "held until it is dropped")]
    room: OwnedSemaphorePermit,
}

impl<S: Stream<Item = Result<Bytes, Refusal>>> Cutter<'_, S> {
    /// The next piece, which has at least one byte. What came before a break comes before its reason.
    pub(super) async fn next(&mut self) -> Option<Result<OpenPiece, Refusal>> {
        match self.piece().await {
            Ok(Some(piece)) => Some(Ok(piece)),
            Ok(None) => match std::mem::replace(&mut self.end, End::Over) {
                End::Broken(refusal) => Some(Err(refusal)),
                End::Open | End::Over => None,
            },
            Err(refusal) => {
                self.end = End::Over;
                Some(Err(refusal))
            }
        }
    }

    async fn piece(&mut self) -> Result<Option<OpenPiece>, Refusal> {
        let mut piece: Option<OpenPiece> = None;
        loop {
            let due_at = piece.as_ref().map(|piece| piece.due_at);
            let Some(mut chunk) = self.chunk(due_at).await else { break };
            if chunk.is_empty() {
                continue;
            }
            let mut open = match piece {
                Some(open) => open,
                None => self.open().await?,
            };
            let fits = usize::try_from(PIECE_LEN - open.length).unwrap_or(usize::MAX).min(chunk.len());
            self.rest = chunk.split_off(fits);
            open.push(chunk).await?;
            self.position = open.start.saturating_add(open.length);
            if open.length == PIECE_LEN {
                return Ok(Some(open));
            }
            piece = Some(open);
        }
        Ok(piece)
    }

    /// The next bytes; none at the end, and when the piece is due.
    async fn chunk(&mut self, due_at: Option<Instant>) -> Option<Bytes> {
        if !self.rest.is_empty() {
            return Some(std::mem::take(&mut self.rest));
        }
        if !matches!(self.end, End::Open) {
            return None;
        }
        let (chunks, turn) = (&mut self.chunks, &mut self.turn);
        let next = async {
            tokio::select! {
                next = chunks.next() => next,
                () = turn.wanted() => Some(Err(Refusal::new(ErrorCode::UploadOffset, "the client has come again"))),
            }
        };
        let next = match due_at {
            Some(due_at) => timeout_at(due_at, next).await.ok()?,
            None => next.await,
        };
        match next {
            Some(Ok(chunk)) if chunk.len() as u64 <= self.left => {
                self.left -= chunk.len() as u64;
                if let Some(checksum) = &mut self.checksum {
                    checksum.update(&chunk);
                }
                return Some(chunk);
            }
            Some(Ok(_)) => {
                self.end = End::Broken(Refusal::new(ErrorCode::BodyTooLarge, "more bytes than the upload is long"));
            }
            Some(Err(refusal)) => self.end = End::Broken(refusal),
            None => self.end = End::Over,
        }
        None
    }

    async fn open(&self) -> Result<OpenPiece, Refusal> {
        let room = self.buffers.take().await?;
        let nonce = random::<12>()?;
        let incoming = self.storage.create(&object(&self.upload.upload_id, &nonce)).await;
        Ok(OpenPiece {
            start: self.position,
            length: 0,
            nonce,
            cipher: cipher(&self.key, &nonce),
            incoming: incoming.map_err(|error| error.refusal())?,
            due_at: Instant::now() + PIECE_INTERVAL,
            room,
        })
    }
}

impl OpenPiece {
    async fn push(&mut self, chunk: Bytes) -> Result<(), Refusal> {
        let mut bytes = BytesMut::from(chunk);
        let over = |_| Refusal::new(ErrorCode::Internal, "a piece is longer than its keystream");
        self.cipher.try_apply_keystream(&mut bytes).map_err(over)?;
        self.length += bytes.len() as u64;
        self.incoming.push(bytes.freeze()).await.map_err(|error| error.refusal())
    }

    /// Gives it its object.
    pub(super) async fn store(self) -> Result<Piece, Refusal> {
        let stored = async {
            let received = self.incoming.close().await?;
            let sha256 = received.sha256();
            received.keep().await?;
            Ok(sha256)
        };
        let sha256 = stored.await.map_err(|error: crate::storage::StorageError| error.refusal())?;
        Ok(Piece { start: self.start, length: self.length, nonce: self.nonce, sha256 })
    }
}
