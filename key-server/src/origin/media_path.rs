use std::path::{Path, PathBuf};

use keyveil_protocol::ErrorCode;

use super::{MediaFolder, UrlScope};
use crate::refusal::Refusal;

const INIT_NAME: &str = "init.mp4";
const COMPONENTS_MAX: usize = 8;
const COMPONENT_LEN_MAX: usize = 128;

/// A path inside a title's folder whose components can name nothing outside of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MediaPath {
    relative: PathBuf,
    kind: MediaKind,
}

/// What a media file is: decides MIME type, caching and compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaKind {
    /// A playlist: short-lived in caches, compressed.
    Playlist,
    /// A segment, init segment or subtitle file: never changes, never compressed.
    Segment(&'static str),
}

impl MediaPath {
    /// `not_found` unless every component is plain. Takes the path as it stood in the request: nothing is decoded, so
    /// nothing can hide in an encoding.
    pub(crate) fn parse(raw: &str) -> Result<Self, Refusal> {
        let unsafe_path = || Refusal::new(ErrorCode::NotFound, "media path is not plain");
        let relative = plain_path(raw).ok_or_else(unsafe_path)?;
        let kind = kind_of(raw).ok_or_else(unsafe_path)?;
        Ok(Self { relative, kind })
    }

    /// What the file is.
    #[must_use]
    pub(crate) const fn kind(&self) -> MediaKind {
        self.kind
    }

    /// Whether it is a picture that says what a title is, which its owner may see before it is published.
    #[must_use]
    pub(crate) fn is_preview(&self) -> bool {
        self.relative == Path::new("cover.jpg") || self.relative.starts_with("sprites")
    }

    /// The tokens that open it: a picture can be shown to who may not play, and players show it under the address that
    /// they play from.
    #[must_use]
    pub(crate) fn url_scopes(&self) -> &'static [UrlScope] {
        if self.is_preview() { &[UrlScope::Media, UrlScope::Previews] } else { &[UrlScope::Media] }
    }

    /// Whether a preview of so many segments has the file: playlists (which end there), init segments and pictures, and of the
    /// numbered segments those before its end. A media file without a number is not known to be before it.
    #[must_use]
    pub(crate) fn is_before(&self, segments: u32) -> bool {
        let name = self.relative.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        self.kind == MediaKind::Playlist
            || self.is_preview()
            || name == INIT_NAME
            || segment_number(name).is_some_and(|number| number < segments)
    }

    /// As storage names the file.
    #[must_use]
    pub(crate) fn object(&self, folder: &MediaFolder) -> String {
        format!("{folder}/{}", self.relative.display())
    }

    /// The file itself, if it exists inside the version's folder, also after every symbolic link. Blocks.
    pub(crate) fn locate(&self, media_dir: &Path, folder: &MediaFolder) -> std::io::Result<PathBuf> {
        let file = locate(&folder.path(media_dir), &self.relative)?;
        if file.is_file() { Ok(file) } else { Err(std::io::ErrorKind::NotFound.into()) }
    }
}

/// `seg-00042.m4s`, as the packager names segments.
fn segment_number(name: &str) -> Option<u32> {
    let (number, _) = name.strip_prefix("seg-")?.split_once('.')?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse().ok().filter(|_| is_number)
}

impl MediaKind {
    /// `Content-Type`.
    #[must_use]
    pub(crate) const fn mime(self) -> &'static str {
        match self {
            Self::Playlist => "application/vnd.apple.mpegurl",
            Self::Segment(mime) => mime,
        }
    }
}

/// A relative path of at most eight components that each are plain: nothing hidden, nothing encoded, no way up.
pub(crate) fn plain_path(raw: &str) -> Option<PathBuf> {
    let components: Vec<&str> = raw.split('/').collect();
    let plain = components.len() <= COMPONENTS_MAX && components.iter().all(|component| is_plain(component));
    plain.then(|| components.iter().collect())
}

/// The file or folder itself, if it lies inside `folder` also after every symbolic link. Blocks.
pub(crate) fn locate(folder: &Path, relative: &Path) -> std::io::Result<PathBuf> {
    let folder = folder.canonicalize()?;
    let found = folder.join(relative).canonicalize()?;
    if found.starts_with(&folder) { Ok(found) } else { Err(std::io::ErrorKind::NotFound.into()) }
}

fn is_plain(component: &str) -> bool {
    (1..=COMPONENT_LEN_MAX).contains(&component.len())
        && !component.starts_with('.')
        && component.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// `Content-Type` of a file by its name.
pub(crate) fn content_type(path: &str) -> Option<&'static str> {
    kind_of(path).map(MediaKind::mime)
}

fn kind_of(path: &str) -> Option<MediaKind> {
    let (_, extension) = path.rsplit_once('.')?;
    Some(match extension {
        "m3u8" => MediaKind::Playlist,
        "m4s" => MediaKind::Segment("video/iso.segment"),
        "mp4" => MediaKind::Segment("video/mp4"),
        "m4a" => MediaKind::Segment("audio/mp4"),
        "ts" => MediaKind::Segment("video/mp2t"),
        "aac" => MediaKind::Segment("audio/aac"),
        "vtt" => MediaKind::Segment("text/vtt"),
        "jpg" => MediaKind::Segment("image/jpeg"),
        "png" => MediaKind::Segment("image/png"),
        "webp" => MediaKind::Segment("image/webp"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_are_taken() {
        for path in ["master.m3u8", "v720p/playlist.m3u8", "v720p/00001.m4s", "a_1/init-0.mp4"] {
            assert!(MediaPath::parse(path).is_ok(), "{path}");
        }
    }

    #[test]
    fn unsafe_paths_are_not_found() {
        for path in [
            "",
            "/",
            "../a.ts",
            "a/../b.ts",
            "./a.ts",
            "a//b.ts",
            "/etc/a.ts",
            ".hidden.ts",
            "a/.git/b.ts",
            "a%2fb.ts",
            "%2e%2e/a.ts",
            "a\\b.ts",
            "a\0.ts",
            "a%00.ts",
            "a:b.ts",
            "ä.ts",
            "a.ts/",
            "noextension",
            "a.html",
            "a.m3u8.bak",
            "1/2/3/4/5/6/7/8/9.ts",
        ] {
            assert_eq!(MediaPath::parse(path).unwrap_err().code(), ErrorCode::NotFound, "{path}");
        }
    }

    #[test]
    fn a_preview_has_the_segments_before_its_end() {
        let is_before = |path: &str| MediaPath::parse(path).unwrap().is_before(12);
        for path in [
            "master.m3u8",
            "v720p/playlist.m3u8",
            "v720p/init.mp4",
            "v720p/seg-00000.m4s",
            "v720p/seg-00011.ts",
            "subs/seg-00011.vtt",
            "cover.jpg",
            "sprites/sprite-00040.jpg",
            "sprites/sprites.vtt",
        ] {
            assert!(is_before(path), "{path}");
        }
        for path in [
            "v720p/seg-00012.m4s",
            "v720p/seg-99999.ts",
            "v720p/seg-99999999999.ts",
            "v720p/00001.m4s",
            "v720p/seg-.m4s",
            "v720p/seg-+1.m4s",
            "v720p/seg-00001",
            "v720p/video.mp4",
            "v720p/picture.jpg",
        ] {
            let path = MediaPath::parse(path);
            assert!(path.is_err() || !path.unwrap().is_before(12));
        }
    }

    #[test]
    fn a_link_out_of_the_folder_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let folder = MediaFolder::parse("film").unwrap();
        std::fs::create_dir(dir.path().join("film")).unwrap();
        std::fs::write(dir.path().join("outside.ts"), b"x").unwrap();
        std::fs::write(dir.path().join("film/inside.ts"), b"x").unwrap();
        std::os::unix::fs::symlink("../outside.ts", dir.path().join("film/link.ts")).unwrap();
        std::os::unix::fs::symlink("inside.ts", dir.path().join("film/inner.ts")).unwrap();
        let locate = |path| MediaPath::parse(path).unwrap().locate(dir.path(), &folder);
        assert!(locate("inside.ts").is_ok());
        assert!(locate("inner.ts").is_ok());
        assert!(locate("link.ts").is_err());
        assert!(locate("missing.ts").is_err());
    }
}
