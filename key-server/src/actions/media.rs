//! `GET|HEAD /media/<url token>/<folder>/<path>`: which file an address names.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyveil_protocol::{AppId, ErrorCode, Mode};

use crate::origin::{MediaFolder, MediaKind, MediaPath};
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::storage::StorageError;
use crate::store::{StoreError, TitleState, TitleVersion};

/// A file to send.
pub(crate) struct MediaFile {
    pub(crate) content: MediaContent,
    pub(crate) kind: MediaKind,
    pub(crate) app_id: AppId,
    pub(crate) folder: MediaFolder,
    /// Of a preview: a playlist ends after so many segments.
    pub(super) preview_segments: Option<u32>,
    pub(super) mode: Mode,
}

/// Where its bytes are.
pub(crate) enum MediaContent {
    /// In a folder. Opened where it was found: one step on a blocking thread is dearer than either.
    File(PathBuf, File),
    /// In a bucket, under this name. Not looked for: whoever reads it is told whether it is there.
    Object(String),
}

/// A file that an address opens, not yet looked for.
pub(super) struct Opened {
    path: MediaPath,
    folder: MediaFolder,
    title: VisibleTitle,
    preview_segments: Option<u32>,
}

/// A version of a title that may be seen, or whose pictures may.
pub(super) struct VisibleTitle {
    pub(super) app_id: AppId,
    pub(super) mode: Mode,
    /// Committed.
    version: Arc<TitleVersion>,
}

impl VisibleTitle {
    /// MediaInfo as JSON.
    pub(super) fn publication(&self) -> Result<&str, StoreError> {
        self.version.publication.as_deref().ok_or(StoreError::Corrupt("publication"))
    }
}

impl MediaFile {
    /// Whether it is sent otherwise than it is stored: with tokens and key addresses, or cut.
    pub(crate) fn is_rewritten(&self) -> bool {
        self.kind == MediaKind::Playlist && (self.mode == Mode::Standard || self.preview_segments.is_some())
    }
}

/// `path` is the part behind the folder, as it stood in the request.
pub(crate) async fn media(state: &ServerState, token: &str, folder: &str, path: &str) -> Result<MediaFile, Refusal> {
    let Opened { path, folder, title, preview_segments } = opened(state, token, folder, path).await?;
    let found = located(state, path, folder, title.app_id, title.mode).await?;
    Ok(MediaFile { preview_segments, ..found })
}

/// What a url token opens.
pub(super) async fn opened(state: &ServerState, token: &str, folder: &str, path: &str) -> Result<Opened, Refusal> {
    let folder = MediaFolder::parse(folder).ok_or_else(|| not_found("folder is malformed"))?;
    let path = MediaPath::parse(path)?;
    let preview_segments = state.installation.url_key().check(token, path.url_scopes(), &folder, state.clock.now())?;
    let title = visible(state, &folder, &path).await?;
    check_preview(&path, preview_segments).map_err(|refusal| refusal.for_app(title.app_id))?;
    Ok(Opened { path, folder, title, preview_segments })
}

/// What any address may name, whoever signed it.
pub(super) async fn visible(
    state: &ServerState,
    folder: &MediaFolder,
    path: &MediaPath,
) -> Result<VisibleTitle, Refusal> {
    let store = state.installation.store();
    let visible = |state| state == TitleState::Published || (state == TitleState::Ready && path.is_preview());
    let title = store.recent_title(&folder.file_id).await?.filter(|title| visible(title.state));
    let title = title.ok_or_else(|| not_found("title is not published"))?;
    let version = store.recent_version(&folder.file_id, folder.version).await?;
    let version = version.filter(|version| version.publication.is_some());
    let version = version.ok_or_else(|| not_found("version is not committed").for_app(title.app_id))?;
    Ok(VisibleTitle { app_id: title.app_id, mode: title.mode, version })
}

/// Refuses what lies behind a preview's end.
pub(super) fn check_preview(path: &MediaPath, preview_segments: Option<u32>) -> Result<(), Refusal> {
    if preview_segments.is_some_and(|segments| !path.is_before(segments)) {
        return Err(Refusal::new(ErrorCode::PreviewEnded, "behind the preview's end"));
    }
    Ok(())
}

/// The file of a title that may be seen.
pub(super) async fn located(
    state: &ServerState,
    path: MediaPath,
    folder: MediaFolder,
    app_id: AppId,
    mode: Mode,
) -> Result<MediaFile, Refusal> {
    let (kind, within) = (path.kind(), folder.clone());
    let Some(media_dir) = state.installation.media().root().map(Path::to_owned) else {
        let content = MediaContent::Object(path.object(&folder));
        return Ok(MediaFile { content, kind, app_id, folder, mode, preview_segments: None });
    };
    let located = tokio::task::spawn_blocking(move || {
        let path = path.locate(&media_dir, &within)?;
        Ok((File::open(&path)?, path))
    });
    match located.await {
        Ok(Ok((file, path))) => {
            let content = MediaContent::File(path, file);
            Ok(MediaFile { content, kind, app_id, folder, mode, preview_segments: None })
        }
        Ok(Err(error)) if is_absence(&error) => Err(not_found("no such media file").for_app(app_id)),
        Ok(Err(error)) => Err(unreadable(&error).for_app(app_id)),
        Err(_) => Err(Refusal::new(ErrorCode::Internal, "media look-up was cut off")),
    }
}

/// What a text file holds, if that is at most `len_max` bytes.
pub(super) async fn read_text(state: &ServerState, found: &MediaFile, len_max: u64) -> Result<String, Refusal> {
    let file = match &found.content {
        MediaContent::File(_, file) => file.try_clone(),
        MediaContent::Object(name) => {
            return read_object(state, name, len_max).await.map_err(|refusal| refusal.for_app(found.app_id));
        }
    };
    let read = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        // One more than there may be, so that more is noticed.
        file?.take(len_max.saturating_add(1)).read_to_string(&mut text)?;
        Ok::<_, std::io::Error>(text)
    });
    match read.await {
        Ok(Ok(text)) if text.len() as u64 <= len_max => Ok(text),
        Ok(Ok(_)) => Err(Refusal::new(ErrorCode::Internal, "media text is over its limit").for_app(found.app_id)),
        Ok(Err(error)) => Err(unreadable(&error).for_app(found.app_id)),
        Err(_) => Err(Refusal::new(ErrorCode::Internal, "reading media was cut off")),
    }
}

async fn read_object(state: &ServerState, name: &str, len_max: u64) -> Result<String, Refusal> {
    let read = state.installation.media().read_all(name, len_max).await.map_err(|error| refusal_of(&error))?;
    String::from_utf8(read).map_err(|_| Refusal::new(ErrorCode::Unavailable, "media text is none"))
}

/// Of a file that an address names.
pub(crate) fn refusal_of(error: &StorageError) -> Refusal {
    match error {
        StorageError::NotFound => not_found("no such media file"),
        StorageError::TooLong => Refusal::new(ErrorCode::Internal, "media text is over its limit"),
        error => error.refusal(),
    }
}

fn not_found(cause: &'static str) -> Refusal {
    Refusal::new(ErrorCode::NotFound, cause)
}

fn unreadable(error: &std::io::Error) -> Refusal {
    Refusal::new(ErrorCode::Unavailable, format!("media file: {}", error.kind()))
}

fn is_absence(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}
