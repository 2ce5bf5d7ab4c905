use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use keyveil_protocol::ErrorCode;

use super::checksum::Checksum;
use super::keystream::Keystream;
use super::turns::{Turn, Written};
use super::{SOURCE_LEN_MAX, blocking, expiry, keystream, moved_on, pieces};
use crate::clock::stored;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::Upload;

/// Encrypted and written at once.
const BATCH_LEN: usize = 1 << 20;
/// How often what has come is made safe and told.
const RECORD_INTERVAL: Duration = Duration::from_secs(1);
/// How often an upload may break off in a way that needs a new stretch.
const STRETCHES_MAX: u32 = 10_000;

/// Writes `chunks` behind what is there and answers where the source then ends. When the chunks, the storage or the turn
/// break off, what had come is recorded all the same (unless `checksum` had still to judge it: such bytes count together or not at all) and the reason is the answer.
///
/// `upload` was read after the turn was taken.
pub(crate) async fn append(
    state: &ServerState,
    turn: &mut Turn,
    upload: &Upload,
    chunks: impl Stream<Item = Result<Bytes, Refusal>>,
    mut checksum: Option<Checksum>,
) -> Result<u64, Refusal> {
    if state.installation.store().is_in_pieces(&upload.upload_id).await? {
        return pieces::append(state, turn, upload, chunks, checksum).await;
    }
    let mut writer = Writer::open(state, turn, upload).await?;
    let received = writer.receive(chunks, checksum.as_mut()).await;
    if let Some(checksum) = checksum {
        received?;
        checksum.verify()?;
        writer.record().await?;
        return Ok(writer.position);
    }
    // What was written before a failure is whole: a full disk cuts off the batch that did not fit.
    writer.record().await?;
    received.map(|()| writer.position)
}

/// Lets a source begin again: what is there counts no more.
pub(crate) async fn restart(state: &ServerState, turn: &mut Turn, upload: &mut Upload) -> Result<(), Refusal> {
    turn.set_written(None);
    let now = state.clock.now();
    let mut write = state.installation.store().write().await?;
    let expires_at = expiry(state, upload.kind);
    if !write.advance_upload(&upload.upload_id, upload.offset, 0, stored(now), expires_at).await? {
        return Err(moved_on());
    }
    // Who still writes records nothing more; the objects are swept, or removed with the rest.
    write.next_piece_writer(&upload.upload_id).await?;
    write.drop_pieces(&upload.upload_id).await?;
    write.commit().await?;
    upload.offset = 0;
    Ok(())
}

pub(super) struct Writer<'a> {
    state: &'a ServerState,
    turn: &'a mut Turn,
    upload: &'a Upload,
    file: Arc<File>,
    keystream: Arc<Keystream>,
    stretch: u32,
    /// Behind the last byte that lies in the file.
    position: u64,
    /// Behind the last byte that is recorded.
    recorded: u64,
    /// Whether a write failed or was dropped: then bytes may lie behind the position that nothing will ever record.
    torn: bool,
    recorded_at: Instant,
}

impl<'a> Writer<'a> {
    pub(super) async fn open(state: &'a ServerState, turn: &'a mut Turn, upload: &'a Upload) -> Result<Self, Refusal> {
        let offset = upload.offset;
        let mut keystream = keystream(state, upload).await?;
        let last = keystream.last().map(|stretch| Written { stretch: stretch.number, offset });
        let goes_on = last.is_some() && turn.written() == last;
        if !goes_on {
            let mut write = state.installation.store().write().await?;
            // A request that was dropped may have recorded more since the upload was read: that must not be cut off.
            if write.upload(&upload.upload_id).await?.is_none_or(|present| present.offset != offset) {
                return Err(moved_on());
            }
            let begun = write.begin_stretch(&upload.upload_id, offset, STRETCHES_MAX).await?;
            keystream.begin(begun.ok_or_else(|| Refusal::new(ErrorCode::UploadGone, "broken off too often"))?);
            write.commit().await?;
        }
        let stretch = keystream.last().map_or(0, |stretch| stretch.number);
        // Until a record says otherwise, bytes may lie behind the offset.
        turn.set_written(None);
        let (dir, path) = (state.config.uploads_dir(), super::file(state, &upload.upload_id));
        let file = Arc::new(held(turn, move || open_file(&dir, &path, offset)).await?);
        Ok(Self {
            state,
            turn,
            upload,
            file,
            keystream: Arc::new(keystream),
            stretch,
            position: offset,
            recorded: offset,
            torn: false,
            recorded_at: Instant::now(),
        })
    }

    async fn receive(
        &mut self,
        chunks: impl Stream<Item = Result<Bytes, Refusal>>,
        mut checksum: Option<&mut Checksum>,
    ) -> Result<(), Refusal> {
        let mut chunks = pin!(chunks);
        let mut batch = BytesMut::with_capacity(BATCH_LEN);
        let length = self.upload.length.unwrap_or(SOURCE_LEN_MAX);
        loop {
            let next = tokio::select! {
                next = chunks.next() => next,
                () = self.turn.wanted() => Some(Err(Refusal::new(ErrorCode::UploadOffset, "the client has come again"))),
            };
            let ended = match next {
                None => Some(Ok(())),
                Some(Err(refusal)) => Some(Err(refusal)),
                Some(Ok(chunk)) if chunk.len() as u64 > length - self.position - batch.len() as u64 => {
                    Some(Err(Refusal::new(ErrorCode::BodyTooLarge, "more bytes than the upload is long")))
                }
                Some(Ok(chunk)) => {
                    if let Some(checksum) = &mut checksum {
                        checksum.update(&chunk);
                    }
                    batch.extend_from_slice(&chunk);
                    None
                }
            };
            let due = checksum.is_none() && self.recorded_at.elapsed() >= RECORD_INTERVAL;
            if batch.len() >= BATCH_LEN || due || ended.is_some() {
                self.write(std::mem::take(&mut batch)).await?;
            }
            if let Some(ended) = ended {
                return ended;
            }
            if due {
                self.record().await?;
            }
        }
    }

    pub(super) async fn write(&mut self, mut batch: BytesMut) -> Result<(), Refusal> {
        let (file, keystream, position) = (Arc::clone(&self.file), Arc::clone(&self.keystream), self.position);
        let len = batch.len() as u64;
        // From here until a record, these positions have met this stretch: whatever fails now, it must not go on.
        self.turn.set_written(None);
        let torn_before = std::mem::replace(&mut self.torn, true);
        held(self.turn, move || {
            keystream.apply(position, &mut batch)?;
            file.write_all_at(&batch, position)
        })
        .await?;
        self.torn = torn_before;
        self.position += len;
        Ok(())
    }

    /// Makes what was written safe from a power cut, and then counts it.
    pub(super) async fn record(&mut self) -> Result<(), Refusal> {
        let file = Arc::clone(&self.file);
        held(self.turn, move || file.sync_data()).await?;
        let (upload, now) = (self.upload, self.state.clock.now());
        let expires_at = expiry(self.state, upload.kind);
        let mut write = self.state.installation.store().write().await?;
        let (from, to) = (self.recorded, self.position);
        if !write.advance_upload(&upload.upload_id, from, to, stored(now), expires_at).await? {
            return Err(moved_on());
        }
        write.touch_title(&upload.file_id, stored(now)).await?;
        write.commit().await?;
        self.recorded = self.position;
        self.recorded_at = Instant::now();
        if !self.torn {
            self.turn.set_written(Some(Written { stretch: self.stretch, offset: self.recorded }));
        }
        Ok(())
    }
}

/// File work that keeps the turn until it has ended, also when whoever waits for it is dropped.
async fn held<T: Send + 'static>(
    turn: &Turn,
    work: impl FnOnce() -> Result<T, std::io::Error> + Send + 'static,
) -> Result<T, Refusal> {
    let hold = turn.hold();
    blocking(move || {
        let done = work();
        drop(hold);
        done
    })
    .await
}

/// The source, cut to what is recorded.
fn open_file(dir: &Path, path: &Path, offset: u64) -> Result<File, std::io::Error> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    if offset > 0 {
        let file = options.open(path)?;
        file.set_len(offset)?;
        return Ok(file);
    }
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let file = options.create(true).truncate(true).open(path)?;
    File::open(dir)?.sync_all()?;
    Ok(file)
}
