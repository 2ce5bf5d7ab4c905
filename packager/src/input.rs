//! Where the video comes from: a file, or a source that only answers byte ranges.

use std::{
    ffi::OsString,
    fs::File,
    io::{Read, Seek},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    error::PackError,
    source::{RangeReader, ServedSource},
};

/// Formats that may be opened. Playlists and scripts (HLS, DASH, concat) are left out: they name further files.
const FORMATS: &str =
    "mov,mp4,matroska,webm,mpegts,mpeg,mpegvideo,avi,flv,asf,ogg,mxf,nut,rm,dv,ivf,h264,hevc,m4v,wtv,gif,yuv4mpegpipe";

/// What ffmpeg and the packager itself read.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    File(PathBuf),
    /// Served to ffmpeg on loopback while this value lives.
    Source(Arc<ServedSource>),
}

/// What reads bytes at any place.
pub(crate) trait Bytes: Read + Seek {}
impl<T: Read + Seek> Bytes for T {}

impl Input {
    pub(crate) fn file(path: &Path) -> Self {
        Self::File(path.to_owned())
    }

    /// For messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Source(source) => source.name().to_owned(),
        }
    }

    /// Opens exactly this input, by a demuxer that opens no other.
    pub(crate) fn arguments(&self) -> Result<Vec<OsString>, PackError> {
        let (protocols, address) = match self {
            Self::File(path) => {
                let absolute = std::path::absolute(path)
                    .map_err(|error| PackError::InputNotFound(self.name(), error.to_string()))?;
                // The prefix keeps a name such as "a:b" from being read as a protocol.
                let mut file = OsString::from("file:");
                file.push(&absolute);
                ("file", file)
            }
            Self::Source(source) => ("http,tcp", source.url().into()),
        };
        let text = ["-protocol_whitelist", protocols, "-format_whitelist", FORMATS, "-i"];
        Ok(text.into_iter().map(OsString::from).chain([address]).collect())
    }

    /// What ffmpeg says about the input, without its address: that of a source holds a secret.
    pub(crate) fn scrub(&self, text: &str) -> String {
        match self {
            Self::File(path) => text.replace(&format!("file:{}: ", path.display()), ""),
            Self::Source(source) => {
                text.replace(&format!("{}: ", source.url()), "").replace(source.url(), source.name())
            }
        }
    }

    /// Opens it for reading here, and gives its length. Blocking.
    pub(crate) fn open(&self) -> Result<(Box<dyn Bytes>, u64), PackError> {
        match self {
            Self::File(path) => {
                let not_found = |error: std::io::Error| PackError::InputNotFound(self.name(), error.to_string());
                let file = File::open(path).map_err(not_found)?;
                let metadata = file.metadata().map_err(not_found)?;
                if !metadata.is_file() {
                    return Err(PackError::InputNotVideo(self.name(), "it is not a regular file".into()));
                }
                Ok((Box::new(file), metadata.len()))
            }
            Self::Source(source) => Ok((Box::new(RangeReader::new(source)), source.len())),
        }
    }

    /// Resolves when the input can't be read to its end any more, and never otherwise.
    pub(crate) async fn failure(&self) -> PackError {
        match self {
            Self::File(_) => std::future::pending().await,
            Self::Source(source) => source.failure().await,
        }
    }
}
