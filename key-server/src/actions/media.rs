//! `GET|HEAD /media/<url token>/<file id>/<path>`: which file an address names.

use std::path::PathBuf;

use keyveil_protocol::{AppId, ErrorCode, FileId};

use crate::origin::{MediaKind, MediaPath};
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::TitleState;

/// A file to send.
pub(crate) struct MediaFile {
    pub(crate) file: PathBuf,
    pub(crate) kind: MediaKind,
    pub(crate) app_id: AppId,
}

/// `path` is the part behind the file id, as it stood in the request.
pub(crate) async fn media(state: &ServerState, token: &str, file_id: &str, path: &str) -> Result<MediaFile, Refusal> {
    let not_found = |cause: &'static str| Refusal::new(ErrorCode::NotFound, cause);
    let file_id: FileId = file_id.parse().map_err(|_| not_found("file id is malformed"))?;
    let path = MediaPath::parse(path)?;
    state.installation.url_key().check(token, &file_id, state.clock.now())?;
    let title = state.installation.store().title(&file_id).await?;
    let title = title
        .filter(|title| title.state == TitleState::Published)
        .ok_or_else(|| not_found("title is not published"))?;
    let (app_id, kind, media_dir) = (title.app_id, path.kind(), state.config.media_dir());
    let located = tokio::task::spawn_blocking(move || path.locate(&media_dir, &file_id)).await;
    match located {
        Ok(Ok(file)) => Ok(MediaFile { file, kind, app_id }),
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
