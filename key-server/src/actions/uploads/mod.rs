//! Sources on their way in: what tus does, without HTTP, and pulls by URL.
//!
//! tus is implemented here and not by a library: those there are keep an upload's state beside its bytes and know of
//! no caller, while here one transaction covers upload, title and job, and every step asks whose upload it is.

mod finish;
mod metadata;
mod pace;
mod pull;
mod register;
mod sweep;

use bytes::Bytes;
use futures_util::Stream;
use keyveil_protocol::{ErrorCode, FileId, UploadId};
pub(crate) use metadata::SourceInfo;
pub(crate) use pull::{UrlRequest, create_by_url, pull};
pub(crate) use register::{bytes_max, create};
use serde_json::json;
pub use sweep::sweep;

use super::sources::{self, Checksum};
use super::titles::delete_rows;
use crate::clock::stored;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{AuditEvent, AuditKind, TitleState, Upload, UploadKind, UploadState, WriteTransaction};

/// One PATCH.
pub(crate) struct Part {
    /// Where it begins.
    pub(crate) offset: u64,
    /// How long it is, if it says so.
    pub(crate) len: Option<u64>,
    pub(crate) checksum: Option<Checksum>,
}

/// HEAD: where an upload stands. Whoever asks has lost its connection, so a request that still writes is ended first.
pub(crate) async fn status(
    state: &ServerState,
    principal: &Principal,
    upload_id: &UploadId,
) -> Result<Upload, Refusal> {
    let upload = own(state, principal, upload_id).await?;
    if upload.state == UploadState::Complete {
        return Ok(upload);
    }
    let turn = state.turns.take_over(upload_id).await?;
    let upload = own(state, principal, upload_id).await?;
    // Whoever wrote the last byte was cut off before it could say so; a client that sees its upload full asks no more.
    if upload.state == UploadState::Receiving && upload.length == Some(upload.offset) {
        finish::complete(state, &upload).await?;
        drop(turn);
        return own(state, principal, upload_id).await;
    }
    Ok(upload)
}

/// PATCH: takes what comes, and moves the title on once all of it is there.
pub(crate) async fn receive(
    state: &ServerState,
    principal: &Principal,
    upload_id: &UploadId,
    part: Part,
    chunks: impl Stream<Item = Result<Bytes, Refusal>>,
) -> Result<Upload, Refusal> {
    own(state, principal, upload_id).await?;
    let mut turn = state.turns.try_take(upload_id)?;
    let mut upload = own(state, principal, upload_id).await?;
    if part.offset != upload.offset {
        return Err(Refusal::new(ErrorCode::UploadOffset, "another offset"));
    }
    if upload.state != UploadState::Receiving {
        // An answer that got lost may be asked for again, as long as nothing comes with it.
        return if part.len == Some(0) { Ok(upload) } else { Err(over()) };
    }
    let left = upload.length.unwrap_or_default().saturating_sub(upload.offset);
    if part.len.is_some_and(|len| len > left) {
        return Err(Refusal::new(ErrorCode::BodyTooLarge, "more bytes than the upload is long"));
    }
    upload.offset = sources::append(state, &mut turn, &upload, chunks, part.checksum).await?;
    if upload.length == Some(upload.offset) {
        finish::complete(state, &upload).await?;
    }
    drop(turn);
    own(state, principal, upload_id).await
}

/// DELETE: gives an upload up, and its title with it. One that is complete is its title's business.
pub(crate) async fn terminate(state: &ServerState, principal: &Principal, upload_id: &UploadId) -> Result<(), Refusal> {
    let now = stored(state.clock.now());
    let mut write = state.installation.store().write().await?;
    let upload = write.upload(upload_id).await?;
    let upload = upload.filter(|upload| is_own(upload, principal)).ok_or_else(not_found)?;
    if upload.state != UploadState::Receiving {
        return Err(over());
    }
    delete_rows(&mut write, &upload.file_id, now).await?;
    let forgotten = write.forget_sources(&upload.file_id, now).await?;
    let event = AuditEvent::new(AuditKind::TitleDeleted, json!({ "by": principal.by(), "uploadId": upload_id }));
    write.append_audit(&event.with_app(upload.app_id).with_file(&upload.file_id), now).await?;
    write.commit().await?;
    sources::remove(state, &forgotten).await;
    Ok(())
}

/// An upload of the principal's application. One that was swept or given up is told from one that never was.
async fn own(state: &ServerState, principal: &Principal, upload_id: &UploadId) -> Result<Upload, Refusal> {
    let upload = state.installation.store().upload(upload_id).await?;
    let upload = upload.filter(|upload| is_own(upload, principal)).ok_or_else(not_found)?;
    if upload.state == UploadState::Gone { Err(over()) } else { Ok(upload) }
}

fn is_own(upload: &Upload, principal: &Principal) -> bool {
    upload.app_id == principal.app_id && upload.kind == UploadKind::Tus
}

fn not_found() -> Refusal {
    Refusal::new(ErrorCode::NotFound, "no such upload in this app")
}

fn over() -> Refusal {
    Refusal::new(ErrorCode::UploadGone, "the upload is over")
}

/// Whether the upload may still become something: its title waits for it.
async fn is_awaited(write: &mut WriteTransaction<'_>, file_id: &FileId) -> Result<bool, Refusal> {
    Ok(write.title(file_id).await?.is_some_and(|title| title.state == TitleState::Uploading))
}
