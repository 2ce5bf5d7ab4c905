//! The source of a title, as a worker reads it.

use std::ops::Range;

use keyveil_protocol::{ErrorCode, FileId};

use crate::actions::sources;
use crate::refusal::Refusal;
use crate::state::ServerState;

/// A source that is whole.
pub(crate) struct Source {
    pub(crate) len: u64,
    /// For messages.
    pub(crate) file_name: String,
}

/// None once it is gone.
pub(crate) async fn source_of(state: &ServerState, file_id: &FileId) -> Result<Option<Source>, Refusal> {
    let len = match sources::len(state, file_id).await {
        Ok(len) => len,
        Err(refusal) if refusal.code() == ErrorCode::NotFound => return Ok(None),
        Err(refusal) => return Err(refusal),
    };
    let title = state.installation.store().title(file_id).await?;
    Ok(Some(Source { len, file_name: title.and_then(|title| title.file_name).unwrap_or_default() }))
}

/// A range of it, in the clear.
pub(crate) async fn read_source(
    state: &ServerState,
    file_id: &FileId,
    range: Range<u64>,
) -> Result<sources::Chunks, Refusal> {
    sources::read(state, file_id, range).await
}
