use std::fmt;
use std::path::{Path, PathBuf};

use keyveil_protocol::FileId;

/// The folder of one version's media: `<file id>` for the first version, `<file id>.<version>` for later ones. A file id
/// holds no dot, so the two never meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MediaFolder {
    pub(crate) file_id: FileId,
    pub(crate) version: u32,
}

impl MediaFolder {
    pub(crate) const fn new(file_id: FileId, version: u32) -> Self {
        Self { file_id, version }
    }

    /// The one spelling of a folder's name, or nothing.
    #[must_use]
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (file_id, version) = match name.split_once('.') {
            None => (name, 1),
            Some((file_id, version)) => (file_id, version.parse().ok()?),
        };
        let folder = Self { file_id: file_id.parse().ok()?, version };
        (version > 0 && folder.to_string() == name).then_some(folder)
    }

    /// Where it is.
    #[must_use]
    pub(crate) fn path(&self, media_dir: &Path) -> PathBuf {
        media_dir.join(self.to_string())
    }
}

impl fmt::Display for MediaFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.version {
            1 => write!(f, "{}", self.file_id),
            version => write!(f, "{}.{version}", self.file_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_name() {
        for (name, file_id, version) in [("film", "film", 1), ("film.2", "film", 2), ("a-b_c.17", "a-b_c", 17)] {
            let folder = MediaFolder::parse(name).unwrap();
            assert_eq!((folder.file_id.as_str(), folder.version), (file_id, version));
            assert_eq!(folder.to_string(), name);
        }
        for name in
            ["", ".", "film.", "film.1", "film.0", "film.02", "film.+2", "film.2.3", ".2", "fi/lm", "film.99999999999"]
        {
            assert_eq!(MediaFolder::parse(name), None, "{name}");
        }
    }
}
