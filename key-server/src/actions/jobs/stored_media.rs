//! What a worker has stored, looked through once before it is committed. Everything here blocks.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use keyveil_protocol::api::MediaInfo;

use crate::origin::{MediaFolder, MediaKind, MediaPath};

const MASTER: &str = "master.m3u8";
/// A day of one-second segments, each with a key tag of its own, is a tenth of this.
const PLAYLIST_LEN_MAX: u64 = 64 << 20;
const LINE_LEN_MAX: u64 = 4096;
/// No file of a version lies deeper.
const DEPTH_MAX: usize = 8;

/// Why a version can't be committed.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// A file is missing, or a playlist can't be followed. Fit for the worker's eyes.
    Incomplete(String),
    /// The disk.
    Io(std::io::Error),
}

impl From<std::io::Error> for Unfit {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// Follows every playlist to the files it lists, makes them safe from a power cut, and returns how long they are together.
pub(super) fn settle(
    media_dir: &Path,
    folder: &MediaFolder,
    media: &MediaInfo,
    pictures: &[String],
) -> Result<u64, Unfit> {
    let mut playlists: BTreeSet<String> = media.renditions.iter().map(|rendition| rendition.playlist.clone()).collect();
    let mut files: BTreeSet<String> = pictures.iter().cloned().collect();
    for named in listed(media_dir, folder, MASTER)? {
        if named.ends_with(".m3u8") {
            playlists.insert(named)
        } else {
            files.insert(named)
        };
    }
    for playlist in &playlists {
        files.extend(listed(media_dir, folder, playlist)?);
    }
    for file in &files {
        find(media_dir, folder, file)?;
    }
    let stored = sync(&folder.path(media_dir), 0)?;
    File::open(media_dir)?.sync_all()?;
    Ok(stored)
}

/// The files that a playlist names, relative to the version's folder.
fn listed(media_dir: &Path, folder: &MediaFolder, playlist: &str) -> Result<BTreeSet<String>, Unfit> {
    let (path, file) = find(media_dir, folder, playlist)?;
    if path.kind() != MediaKind::Playlist {
        return Err(Unfit::Incomplete(format!("{playlist} is not a playlist")));
    }
    let mut reader = BufReader::new(File::open(file)?.take(PLAYLIST_LEN_MAX));
    let named = names(&mut reader, playlist)?;
    if reader.into_inner().limit() == 0 { Err(unreadable(playlist)) } else { Ok(named) }
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

fn find(media_dir: &Path, folder: &MediaFolder, named: &str) -> Result<(MediaPath, std::path::PathBuf), Unfit> {
    let unsafe_path = |_| Unfit::Incomplete("a playlist names a file that can't be one of this title".to_owned());
    let path = MediaPath::parse(named).map_err(unsafe_path)?;
    let missing = || Unfit::Incomplete(format!("{named} is missing"));
    let file = path.locate(media_dir, folder).map_err(|_| missing())?;
    if fs::metadata(&file)?.len() == 0 { Err(missing()) } else { Ok((path, file)) }
}

/// Files were synced when they were stored; here their names are. What was never finished goes.
fn sync(folder: &Path, depth: usize) -> Result<u64, std::io::Error> {
    let mut stored = 0_u64;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            fs::remove_file(entry.path())?;
        } else if entry.file_type()?.is_dir() {
            if depth < DEPTH_MAX {
                stored = stored.saturating_add(sync(&entry.path(), depth + 1)?);
            }
        } else {
            stored = stored.saturating_add(entry.metadata()?.len());
        }
    }
    File::open(folder)?.sync_all()?;
    Ok(stored)
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
