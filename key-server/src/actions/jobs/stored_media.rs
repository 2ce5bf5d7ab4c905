//! What a worker has stored, looked through once before it is committed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, Read};

use keyveil_protocol::api::MediaInfo;

use crate::origin::{MediaFolder, MediaKind, MediaPath};
use crate::storage::{Storage, StorageError};

const MASTER: &str = "master.m3u8";
/// A day of one-second segments, each with a key tag of its own, is a tenth of this.
const PLAYLIST_LEN_MAX: u64 = 64 << 20;
const LINE_LEN_MAX: u64 = 4096;

/// Why a version can't be committed.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// A file is missing, or a playlist can't be followed. Fit for the worker's eyes.
    Incomplete(String),
    /// The storage.
    Storage(StorageError),
}

impl From<StorageError> for Unfit {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<std::io::Error> for Unfit {
    fn from(error: std::io::Error) -> Self {
        Self::Storage(error.into())
    }
}

/// Follows every playlist to the files it lists, makes them safe from a power cut, and returns how long they are together.
pub(super) async fn settle(
    storage: &Storage,
    folder: &MediaFolder,
    media: &MediaInfo,
    pictures: &[String],
) -> Result<u64, Unfit> {
    let stored = storage.list(&folder.to_string()).await?;
    let found = Found { storage, folder, lens: stored.into_iter().map(|stored| (stored.path, stored.len)).collect() };
    let mut playlists: BTreeSet<String> = media.renditions.iter().map(|rendition| rendition.playlist.clone()).collect();
    let mut files: BTreeSet<String> = pictures.iter().cloned().collect();
    for named in found.listed(MASTER).await? {
        if named.ends_with(".m3u8") {
            playlists.insert(named)
        } else {
            files.insert(named)
        };
    }
    for playlist in &playlists {
        files.extend(found.listed(playlist).await?);
    }
    for file in &files {
        found.find(file)?;
    }
    storage.settle(&folder.to_string()).await?;
    Ok(found.lens.values().fold(0, |all: u64, len| all.saturating_add(*len)))
}

/// What is there.
struct Found<'a> {
    storage: &'a Storage,
    folder: &'a MediaFolder,
    lens: BTreeMap<String, u64>,
}

impl Found<'_> {
    /// The files that a playlist names, relative to the version's folder.
    async fn listed(&self, playlist: &str) -> Result<BTreeSet<String>, Unfit> {
        let path = self.find(playlist)?;
        if path.kind() != MediaKind::Playlist {
            return Err(Unfit::Incomplete(format!("{playlist} is not a playlist")));
        }
        match self.storage.read_all(&path.object(self.folder), PLAYLIST_LEN_MAX).await {
            Ok(text) => names(&mut &text[..], playlist),
            Err(StorageError::TooLong) => Err(unreadable(playlist)),
            Err(error) => Err(error.into()),
        }
    }

    /// A file that is there and not empty.
    fn find(&self, named: &str) -> Result<MediaPath, Unfit> {
        let unsafe_path = |_| Unfit::Incomplete("a playlist names a file that can't be one of this title".to_owned());
        let path = MediaPath::parse(named).map_err(unsafe_path)?;
        let missing = || Unfit::Incomplete(format!("{named} is missing"));
        self.lens.get(named).filter(|len| **len > 0).map(|_| path).ok_or_else(missing)
    }
}

fn unreadable(playlist: &str) -> Unfit {
    Unfit::Incomplete(format!("{playlist} can't be read as a playlist"))
}

/// The files that the lines of a playlist name.
pub(crate) fn names(reader: &mut impl BufRead, playlist: &str) -> Result<BTreeSet<String>, Unfit> {
    let base = playlist.rsplit_once('/').map_or(String::new(), |(base, _)| format!("{base}/"));
    let (mut named, mut line, mut first) = (BTreeSet::new(), Vec::new(), true);
    loop {
        line.clear();
        let len = reader.take(LINE_LEN_MAX).read_until(b'\n', &mut line)?;
        if len == 0 {
            break;
        }
        let text = std::str::from_utf8(&line).map_err(|_| unreadable(playlist))?.trim_end_matches(['\r', '\n']);
        if len as u64 == LINE_LEN_MAX || (first && text != "#EXTM3U") {
            return Err(unreadable(playlist));
        }
        first = false;
        named.extend(uri(text).map(|uri| format!("{base}{uri}")));
    }
    if first { Err(unreadable(playlist)) } else { Ok(named) }
}

/// The file that a line names. A key tag's address is none.
fn uri(line: &str) -> Option<&str> {
    if !line.starts_with('#') {
        return Some(line).filter(|line| !line.is_empty());
    }
    let attributes = ["#EXT-X-MAP:", "#EXT-X-MEDIA:"].iter().find_map(|tag| line.strip_prefix(tag))?;
    let (_, rest) = attributes.split_once("URI=\"")?;
    rest.split_once('"').map(|(uri, _)| uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_name_files() {
        for (line, named) in [
            ("00001.m4s", Some("00001.m4s")),
            ("v720p/playlist.m3u8", Some("v720p/playlist.m3u8")),
            ("#EXT-X-MAP:URI=\"init.mp4\"", Some("init.mp4")),
            (
                "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",URI=\"audio/playlist.m3u8\",NAME=\"x\"",
                Some("audio/playlist.m3u8"),
            ),
            ("#EXT-X-KEY:METHOD=KEYVEIL,URI=\"keyveil:film/0\"", None),
            ("#EXTINF:6.0,", None),
            ("", None),
        ] {
            assert_eq!(uri(line), named, "{line}");
        }
    }
}
