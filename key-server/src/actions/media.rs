//! `GET|HEAD /media/<url token>/<folder>/<path>`: which file an address names.

use std::path::PathBuf;

use keyveil_protocol::{AppId, ErrorCode};

use crate::origin::{MediaFolder, MediaKind, MediaPath};
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::TitleState;

/// A file to send.
pub(crate) struct MediaFile {
    pub(crate) file: PathBuf,
    pub(crate) kind: MediaKind,
    pub(crate) app_id: AppId,
    /// Of a preview: a playlist ends after so many segments.
    pub(crate) preview_segments: Option<u32>,
}

/// `path` is the part behind the folder, as it stood in the request.
pub(crate) async fn media(state: &ServerState, token: &str, folder: &str, path: &str) -> Result<MediaFile, Refusal> {
    let not_found = |cause: &'static str| Refusal::new(ErrorCode::NotFound, cause);
    let folder = MediaFolder::parse(folder).ok_or_else(|| not_found("folder is malformed"))?;
    let path = MediaPath::parse(path)?;
    let preview_segments = state.installation.url_key().check(token, path.url_scopes(), &folder, state.clock.now())?;
    let store = state.installation.store();
    let visible = |state| state == TitleState::Published || (state == TitleState::Ready && path.is_preview());
    let title = store.title(&folder.file_id).await?.filter(|title| visible(title.state));
    let title = title.ok_or_else(|| not_found("title is not published"))?;
    let version = store.title_version(&folder.file_id, folder.version).await?;
    if version.is_none_or(|version| version.publication.is_none()) {
        return Err(not_found("version is not committed").for_app(title.app_id));
    }
    if preview_segments.is_some_and(|segments| !path.is_before(segments)) {
        return Err(Refusal::new(ErrorCode::PreviewEnded, "behind the preview's end").for_app(title.app_id));
    }
    let (app_id, kind, media_dir) = (title.app_id, path.kind(), state.config.media_dir());
    let located = tokio::task::spawn_blocking(move || path.locate(&media_dir, &folder)).await;
    match located {
        Ok(Ok(file)) => Ok(MediaFile { file, kind, app_id, preview_segments }),
        Ok(Err(error)) if is_absence(&error) => Err(not_found("no such media file").for_app(app_id)),
        Ok(Err(error)) => {
            Err(Refusal::new(ErrorCode::Unavailable, format!("media file: {}", error.kind())).for_app(app_id))
        }
        Err(_) => Err(Refusal::new(ErrorCode::Internal, "media look-up was cut off")),
    }
}

fn is_absence(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}
