use std::pin::pin;

use bytes::Bytes;
use futures_util::Stream;
use keyveil_protocol::ErrorCode;

use super::super::checksum::Checksum;
use super::super::turns::Turn;
use super::super::{SOURCE_LEN_MAX, expiry, gone, key, moved_on};
use super::cut::{Cutter, End, OpenPiece};
use super::storage;
use super::sweep::PIECE_KEPT_SECS;
use crate::clock::stored;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{Piece, Upload};

/// The longest source has 32 thousand; the rest is for clients that send in small parts, or whose connection is bad.
const PIECES_MAX: u32 = 1 << 18;

/// As [`super::super::append`].
pub(in super::super) async fn append(
    state: &ServerState,
    turn: &mut Turn,
    upload: &Upload,
    chunks: impl Stream<Item = Result<Bytes, Refusal>>,
    mut checksum: Option<Checksum>,
) -> Result<u64, Refusal> {
    let storage = storage(state)?;
    let mut writer = Writer::begin(state, upload).await?;
    let chunks = pin!(chunks);
    let counts_whole = checksum.is_some();
    let mut cutter = Cutter {
        storage,
        buffers: &state.piece_buffers,
        upload,
        key: key(state, upload).await?,
        turn,
        chunks,
        checksum: checksum.as_mut(),
        left: upload.length.unwrap_or(SOURCE_LEN_MAX).saturating_sub(upload.offset),
        position: upload.offset,
        rest: Bytes::new(),
        end: End::Open,
    };
    let mut next = cutter.next().await;
    while let Some(Ok(piece)) = next {
        // One goes up while the next one comes.
        let coming = async { Ok(cutter.next().await) };
        ((), next) = tokio::try_join!(writer.put(piece, !counts_whole), coming)?;
    }
    if let Some(Err(broken)) = next {
        return Err(broken);
    }
    if let Some(checksum) = checksum {
        checksum.verify()?;
        writer.record().await?;
    }
    Ok(writer.recorded)
}

/// Whoever began last.
struct Writer<'a> {
    state: &'a ServerState,
    upload: &'a Upload,
    number: u64,
    /// Behind the last byte that is recorded.
    recorded: u64,
    /// Stored and not recorded yet.
    pieces: Vec<Piece>,
    /// When the first of them was begun, or sooner.
    since: u64,
}

impl<'a> Writer<'a> {
    /// Whoever wrote before records nothing more.
    async fn begin(state: &'a ServerState, upload: &'a Upload) -> Result<Self, Refusal> {
        let mut write = state.installation.store().write().await?;
        let writer = write.next_piece_writer(&upload.upload_id).await?.ok_or_else(gone)?;
        // Another server may have recorded more since the upload was read.
        let present = write.upload(&upload.upload_id).await?;
        if present.is_none_or(|present| present.offset != upload.offset || present.state != upload.state) {
            return Err(moved_on());
        }
        if writer.pieces >= PIECES_MAX {
            return Err(Refusal::new(ErrorCode::UploadGone, "too many pieces"));
        }
        write.commit().await?;
        let (number, since) = (writer.writer, state.clock.now());
        Ok(Self { state, upload, number, recorded: upload.offset, pieces: Vec::new(), since })
    }

    /// Gives a piece its object. It is the caller's to record where it counts together with others or not at all.
    async fn put(&mut self, piece: OpenPiece, counts: bool) -> Result<(), Refusal> {
        self.pieces.push(piece.store().await?);
        if counts { self.record().await } else { Ok(()) }
    }

    async fn record(&mut self) -> Result<(), Refusal> {
        let Some(to) = self.pieces.last().map(Piece::end) else { return Ok(()) };
        let (upload, now) = (self.upload, self.state.clock.now());
        // What is swept a while later must not be recorded any more.
        if now.saturating_sub(self.since) >= PIECE_KEPT_SECS / 2 {
            return Err(Refusal::new(ErrorCode::Unavailable, "pieces were not recorded for too long"));
        }
        let expires_at = expiry(self.state, upload.kind);
        let mut write = self.state.installation.store().write().await?;
        for piece in &self.pieces {
            if !write.insert_piece(&upload.upload_id, self.number, piece, PIECES_MAX).await? {
                return Err(moved_on());
            }
        }
        if !write.advance_upload(&upload.upload_id, self.recorded, to, stored(now), expires_at).await? {
            return Err(moved_on());
        }
        write.touch_title(&upload.file_id, stored(now)).await?;
        write.commit().await?;
        self.recorded = to;
        self.pieces.clear();
        self.since = now;
        Ok(())
    }
}
