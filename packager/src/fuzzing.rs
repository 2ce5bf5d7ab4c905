//! For `fuzz/` alone, and no part of what this crate promises: readers of playlists and of MP4 files as plain functions.

use std::path::Path;

use keyveil_protocol::{Container, Segment};

use crate::error::PackError;
pub use crate::remux::{Copied, CopiedSegment};
use crate::{import, playlist, remux};

/// Names and seconds of the segments that a media playlist lists.
pub fn listed(playlist: &[u8]) -> Result<Vec<(String, f64)>, PackError> {
    let listed = playlist::read_listed(playlist)?;
    Ok(listed.into_iter().map(|listed| (listed.uri, listed.duration_secs)).collect())
}

/// The init segment that a media playlist names.
pub fn map_of(playlist: &[u8]) -> Result<Option<String>, PackError> {
    playlist::map_of(playlist)
}

/// A media playlist with other key tags.
pub fn with_key_tags(playlist: &[u8], key_tag: impl Fn(Segment) -> Option<String>) -> Result<Vec<u8>, PackError> {
    playlist::with_key_tags(playlist, key_tag)
}

/// A media playlist of another vendor as an import publishes it, and how many segments it has.
pub fn imported(playlist: &str, folder: &Path) -> Result<(usize, String), PackError> {
    import::published(playlist, folder)
}

/// The variants of another vendor's master playlist as an import publishes them.
pub fn imported_variants(playlist: &str, folder: &Path) -> Result<Vec<String>, PackError> {
    import::published_variants(playlist, folder)
}

/// What the streams of an MP4 file are copied into without ffmpeg, clear: its video, and its sound where that is asked for.
pub fn copied(file: &Path, container: Container, segment_secs: u32, has_sound: bool) -> Option<Vec<Copied>> {
    remux::copied(file, container, segment_secs, has_sound)
}
