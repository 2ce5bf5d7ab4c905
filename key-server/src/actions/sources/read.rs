use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, try_unfold};
use keyveil_protocol::{ErrorCode, FileId};

use super::{blocking, keystream, pieces};
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{Upload, UploadState};

/// Read, decrypted and handed on at once.
const CHUNK_LEN: usize = 256 * 1024;

/// A source on its way out.
pub type Chunks = BoxStream<'static, Result<Bytes, Refusal>>;

/// The length of a title's source, once that is whole.
pub async fn len(state: &ServerState, file_id: &FileId) -> Result<u64, Refusal> {
    Ok(whole(state, file_id).await?.offset)
}

/// A range of a title's source, in the clear. Bytes behind its end are refused with `range_not_satisfiable`.
pub async fn read(state: &ServerState, file_id: &FileId, range: Range<u64>) -> Result<Chunks, Refusal> {
    read_upload(state, &whole(state, file_id).await?, range).await
}

/// As [`read`], also of what has come so far of an upload.
pub(crate) async fn read_upload(state: &ServerState, upload: &Upload, range: Range<u64>) -> Result<Chunks, Refusal> {
    if range.end > upload.offset || range.start > range.end {
        return Err(Refusal::new(ErrorCode::RangeNotSatisfiable, "range lies outside the source"));
    }
    if state.installation.store().is_in_pieces(&upload.upload_id).await? {
        return pieces::read(state, upload, range).await;
    }
    let keystream = Arc::new(keystream(state, upload).await?);
    let path = super::file(state, &upload.upload_id);
    let file = Arc::new(blocking(move || File::open(path)).await?);
    let chunks = try_unfold(range, move |mut range| {
        let (file, keystream) = (Arc::clone(&file), Arc::clone(&keystream));
        async move {
            if range.is_empty() {
                return Ok(None);
            }
            let len = usize::try_from(range.end - range.start).map_or(CHUNK_LEN, |left| left.min(CHUNK_LEN));
            let position = range.start;
            let chunk = blocking(move || {
                let mut chunk = vec![0; len];
                file.read_exact_at(&mut chunk, position)?;
                keystream.apply(position, &mut chunk)?;
                Ok(Bytes::from(chunk))
            });
            range.start += len as u64;
            Ok(Some((chunk.await?, range)))
        }
    });
    Ok(chunks.boxed())
}

async fn whole(state: &ServerState, file_id: &FileId) -> Result<Upload, Refusal> {
    let source = state.installation.store().source(file_id).await?;
    source
        .filter(|upload| upload.state == UploadState::Complete)
        .ok_or_else(|| Refusal::new(ErrorCode::NotFound, "the title has no source"))
}
