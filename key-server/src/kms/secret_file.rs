//! Files that hold a secret: read only where nobody else can read them, and left to the server by whoever makes them.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Component, Path, PathBuf};

use zeroize::Zeroizing;

/// No PIN or token is longer.
const TEXT_LEN_MAX: usize = 4096;

/// A file that holds a secret can't be used. Each message says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretFileError {
    /// Not there.
    #[error("the file {0} is missing")]
    Missing(PathBuf),
    /// Others may read it.
    #[error(
        "the file {path} may be read by others (mode {mode:o}): run `chmod 600 {path}`, and change the secret if it was exposed"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not a plain file.
    #[error("{0} is not a regular file")]
    NotAFile(PathBuf),
    /// Longer than any such secret.
    #[error("the file {0} is longer than a secret of its kind can be")]
    TooLong(PathBuf),
    /// Nothing in it, or no text.
    #[error("{0} holds no text")]
    NoText(PathBuf),
    /// The name of a credential is one part of a path.
    #[error("{0:?} can't be the name of a credential")]
    CredentialName(String),
    /// Not started by systemd, or without credentials.
    #[error(
        "the credential {0} can't be read: CREDENTIALS_DIRECTORY is not set; start as a systemd service with LoadCredential= or LoadCredentialEncrypted="
    )]
    NoCredentials(String),
    /// The system refused.
    #[error("the file {path} can't be used: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
}

/// Reads a file that only its owner may read.
pub(crate) fn read_private(path: &Path, len_max: usize) -> Result<Zeroizing<Vec<u8>>, SecretFileError> {
    read(path, len_max, 0o077)
}

/// Reads a systemd credential. systemd itself keeps others out, by an access list that shows in the group's bits.
pub(crate) fn read_credential(name: &str, len_max: usize) -> Result<Zeroizing<Vec<u8>>, SecretFileError> {
    let mut parts = Path::new(name).components();
    if !matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) {
        return Err(SecretFileError::CredentialName(name.to_owned()));
    }
    let Some(dir) = std::env::var_os("CREDENTIALS_DIRECTORY") else {
        return Err(SecretFileError::NoCredentials(name.to_owned()));
    };
    read(&Path::new(&dir).join(name), len_max, 0o007)
}

/// [`read_private`] for a PIN or a token: text, without the newline that editors put at its end.
pub(crate) fn read_private_text(path: &Path) -> Result<Zeroizing<String>, SecretFileError> {
    text_of(&read_private(path, TEXT_LEN_MAX)?).ok_or_else(|| SecretFileError::NoText(path.to_owned()))
}

/// [`read_credential`], likewise.
pub(crate) fn read_credential_text(name: &str) -> Result<Zeroizing<String>, SecretFileError> {
    text_of(&read_credential(name, TEXT_LEN_MAX)?).ok_or_else(|| SecretFileError::NoText(name.into()))
}

/// What root makes on the command line has to be the server's: `file`, which is about to be `path`, gets the owner of the
/// file that it replaces, or of the folder where there is none. `file` must be freshly made (`create_new`): one that was
/// there already may be a link to anything.
pub(crate) fn hand_over(file: &File, path: &Path) -> std::io::Result<()> {
    // Nobody else may give files away.
    if file.metadata()?.uid() != 0 {
        return Ok(());
    }
    let give = |to: std::fs::Metadata| {
        if to.uid() == 0 { Ok(()) } else { fchown(file, Some(to.uid()), Some(to.gid())) }
    };
    match std::fs::metadata(path) {
        Ok(replaced) => return give(replaced),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Err(_) => {}
    }
    // Where root is none but in name, the folder may belong to nobody known; then it serves, too.
    if let Err(error) = std::fs::metadata(folder_of(path)).and_then(give) {
        tracing::warn!(path = %path.display(), %error, "a file stays root's though its folder is another user's");
    }
    Ok(())
}

/// Where the file is.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn text_of(bytes: &[u8]) -> Option<Zeroizing<String>> {
    let text = std::str::from_utf8(bytes).ok()?.trim_end_matches(['\n', '\r']);
    (!text.is_empty()).then(|| Zeroizing::new(text.to_owned()))
}

fn read(path: &Path, len_max: usize, others: u32) -> Result<Zeroizing<Vec<u8>>, SecretFileError> {
    let io = |source: std::io::Error| match source.kind() {
        ErrorKind::NotFound => SecretFileError::Missing(path.to_owned()),
        _ => SecretFileError::Io { path: path.to_owned(), source },
    };
    let file = File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(SecretFileError::NotAFile(path.to_owned()));
    }
    if metadata.mode() & others != 0 {
        return Err(SecretFileError::Exposed { path: path.to_owned(), mode: metadata.mode() & 0o777 });
    }
    // Never grown, so that no copy is left behind unwiped.
    let mut bytes = Zeroizing::new(Vec::with_capacity(len_max + 1));
    file.take(len_max as u64 + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() > len_max {
        return Err(SecretFileError::TooLong(path.to_owned()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_read_only_from_a_private_plain_file_of_fit_length() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        assert!(matches!(read_private(&path, 8), Err(SecretFileError::Missing(_))));
        std::fs::write(&path, b"12345678").unwrap();
        for mode in [0o640, 0o604, 0o660, 0o644] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(read_private(&path, 8), Err(SecretFileError::Exposed { .. })), "{mode:o}");
        }
        for mode in [0o600, 0o400] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read_private(&path, 8).unwrap().as_slice(), b"12345678");
        }
        assert!(matches!(read_private(&path, 7), Err(SecretFileError::TooLong(_))));
        assert!(matches!(read_private(dir.path(), 8), Err(SecretFileError::NotAFile(_))));
    }

    #[test]
    fn a_file_is_handed_to_the_owner_of_its_folder_or_of_the_one_that_it_replaces() {
        let dir = tempfile::tempdir().unwrap();
        let ours = std::fs::metadata(dir.path()).unwrap().uid();
        // Only root can give files away; everybody else keeps what is made.
        let [of_folder, of_file] = if ours == 0 { [12345, 12346] } else { [ours; 2] };
        let (path, aside) = (dir.path().join("keyring.json"), dir.path().join("keyring.json.new"));
        std::os::unix::fs::chown(dir.path(), Some(of_folder), None).unwrap();
        let file = File::create_new(&aside).unwrap();
        assert_eq!(file.metadata().unwrap().uid(), ours);
        hand_over(&file, &path).unwrap();
        assert_eq!(file.metadata().unwrap().uid(), of_folder);
        std::fs::rename(&aside, &path).unwrap();
        std::os::unix::fs::chown(&path, Some(of_file), None).unwrap();
        let file = File::create_new(&aside).unwrap();
        hand_over(&file, &path).unwrap();
        assert_eq!(file.metadata().unwrap().uid(), of_file);
    }

    #[test]
    fn a_text_ends_where_its_line_does() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pin");
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            read_private_text(&path)
        };
        for bytes in [b"1234".as_slice(), b"1234\n", b"1234\r\n"] {
            assert_eq!(*read(bytes).unwrap(), "1234");
        }
        for bytes in [b"".as_slice(), b"\n", b"\xff"] {
            assert!(matches!(read(bytes), Err(SecretFileError::NoText(_))));
        }
    }

    #[test]
    fn a_credential_is_named_by_one_part_of_a_path() {
        for name in ["", ".", "..", "../root.key", "/etc/passwd", "a/b"] {
            assert!(matches!(read_credential(name, 8), Err(SecretFileError::CredentialName(_))), "{name}");
        }
    }
}
