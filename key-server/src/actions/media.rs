//! `GET|HEAD /media/<url token>/<folder>/<path>`: which file an address names.

use std::io::Read;
use std::path::PathBuf;

use keyveil_protocol::{AppId, ErrorCode};

use crate::origin::{MediaFolder, MediaKind, MediaPath};
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::TitleState;

/// Some tens of bytes per segment and key tag, of a day of segments of a second.
const PLAYLIST_LEN_MAX: u64 = 32 << 20;

/// A file to send.
pub(crate) struct MediaFile {
    pub(crate) file: PathBuf,
    pub(crate) kind: MediaKind,
    pub(crate) app_id: AppId,
}

/// `path` is `<url token>/<folder>/<path>`, as it stood in the request.
pub(crate) async fn media(state: &ServerState, path: &str) -> Result<MediaFile, Refusal> {
    let (path, folder, app_id) = checked(state, path).await?;
    located(state, path, folder, app_id).await
}

/// `<url token>/<folder>/<path>`, if it opens a file that may be seen.
pub(super) async fn checked(state: &ServerState, path: &str) -> Result<(MediaPath, MediaFolder, AppId), Refusal> {
    let mut parts = path.splitn(3, '/');
    let (Some(token), Some(folder), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(not_found("media path is too short"));
    };
    let folder = MediaFolder::parse(folder).ok_or_else(|| not_found("folder is malformed"))?;
    let path = MediaPath::parse(path)?;
    state.installation.url_key().check(token, path.url_scopes(), &folder, state.clock.now())?;
    let title = visible(state, &folder, &path).await?;
    Ok((path, folder, title.app_id))
}

/// A version of a title that may be seen, or whose pictures may.
pub(super) struct VisibleTitle {
    pub(super) app_id: AppId,
    /// MediaInfo as JSON.
    pub(super) publication: String,
}

/// What an address may name, whoever signed it.
pub(super) async fn visible(
    state: &ServerState,
    folder: &MediaFolder,
    path: &MediaPath,
) -> Result<VisibleTitle, Refusal> {
    let store = state.installation.store();
    let visible = |state| state == TitleState::Published || (state == TitleState::Ready && path.is_preview());
    let title = store.title(&folder.file_id).await?.filter(|title| visible(title.state));
    let title = title.ok_or_else(|| not_found("title is not published"))?;
    let version = store.title_version(&folder.file_id, folder.version).await?;
    let publication = version.and_then(|version| version.publication);
    let publication = publication.ok_or_else(|| not_found("version is not committed").for_app(title.app_id))?;
    Ok(VisibleTitle { app_id: title.app_id, publication })
}

/// The file of a version that may be seen.
pub(super) async fn located(
    state: &ServerState,
    path: MediaPath,
    folder: MediaFolder,
    app_id: AppId,
) -> Result<MediaFile, Refusal> {
    let (kind, media_dir) = (path.kind(), state.config.media_dir());
    let located = tokio::task::spawn_blocking(move || path.locate(&media_dir, &folder)).await;
    match located {
        Ok(Ok(file)) => Ok(MediaFile { file, kind, app_id }),
        Ok(Err(error)) if is_absence(&error) => Err(not_found("no such media file").for_app(app_id)),
        Ok(Err(error)) => Err(unreadable(&error).for_app(app_id)),
        Err(_) => Err(Refusal::new(ErrorCode::Internal, "media look-up was cut off")),
    }
}

/// What a playlist holds.
pub(super) async fn read_text(found: &MediaFile) -> Result<String, Refusal> {
    let path = found.file.clone();
    let read = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        // One more than there may be, so that more is noticed.
        std::fs::File::open(path)?.take(PLAYLIST_LEN_MAX + 1).read_to_string(&mut text)?;
        Ok::<_, std::io::Error>(text)
    });
    match read.await {
        Ok(Ok(text)) if text.len() as u64 <= PLAYLIST_LEN_MAX => Ok(text),
        Ok(Ok(_)) => Err(Refusal::new(ErrorCode::Internal, "playlist is over its limit").for_app(found.app_id)),
        Ok(Err(error)) => Err(unreadable(&error).for_app(found.app_id)),
        Err(_) => Err(Refusal::new(ErrorCode::Internal, "reading media was cut off")),
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
