//! Where the root key comes from: a file, a systemd credential, or a passphrase.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::config::Config;
use crate::kms::secret_file::{SecretFileError, folder_of, hand_over, read_credential, read_private};

pub(super) const ROOT_KEY_LEN: usize = 32;
const PASSPHRASE_LEN_MIN: usize = 12;
const PASSPHRASE_LEN_MAX: usize = 1024;

/// The key that the keyring lies under.
pub(super) type RootKey = Zeroizing<[u8; ROOT_KEY_LEN]>;

/// Where the root key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootKeySource {
    /// 32 bytes in a private file; made at the first start.
    File(PathBuf),
    /// 32 bytes in a systemd credential.
    Credential(String),
    /// A passphrase in a private file.
    PassphraseFile(PathBuf),
    /// A passphrase in a systemd credential.
    PassphraseCredential(String),
}

/// How the keyring's root key is had; stands in the keyring, because a passphrase needs its salt and cost again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(super) enum RootKeyForm {
    /// The 32 bytes as they are.
    Bytes,
    /// argon2id of a passphrase.
    Passphrase {
        #[serde(with = "hex::serde")]
        salt: [u8; 16],
        memory_kib: u32,
        iterations: u32,
        lanes: u32,
    },
}

/// The root key can't be used. Each message says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootKeyError {
    /// An installation without its root key must never get a new one.
    #[error(
        "the root key file {0} is missing but there are secrets under it: restore the file from its backup; without it no title can be opened"
    )]
    Missing(PathBuf),
    /// The file or credential.
    #[error("root key: {0}")]
    File(#[from] SecretFileError),
    /// Not 32 bytes.
    #[error("the root key in {0} is not 32 bytes long: restore it from its backup")]
    Length(String),
    /// Too short to withstand guessing, or not what a passphrase is.
    #[error("the passphrase in {0} must be one line of {PASSPHRASE_LEN_MIN} to {PASSPHRASE_LEN_MAX} bytes")]
    Passphrase(String),
    /// The keyring is under a root key of another kind.
    #[error("the keyring is under {0}: name that under [kms.local]")]
    OtherKind(&'static str),
    /// argon2id with the cost that the keyring states.
    #[error("the root key can't be derived from the passphrase: {0}")]
    Derivation(String),
    /// It has to stay for what was wrapped before there were keyrings.
    #[error(
        "secrets of this installation are still under its root key file itself: start with that one, run `key-server kms rotate`, then `key-server kms root-key change`"
    )]
    NeedsFile,
    /// The random number generator.
    #[error("there is no randomness for a root key")]
    Random,
}

impl RootKeySource {
    /// As configured.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let local = &config.kms.local;
        if let Some(name) = &local.root_key_credential {
            Self::Credential(name.clone())
        } else if let Some(path) = &local.passphrase_file {
            Self::PassphraseFile(path.clone())
        } else if let Some(name) = &local.passphrase_credential {
            Self::PassphraseCredential(name.clone())
        } else {
            Self::File(config.root_key_file())
        }
    }

    /// The root key of a keyring that exists.
    pub(super) fn read(&self, form: &RootKeyForm) -> Result<RootKey, RootKeyError> {
        match (self, form) {
            (Self::File(path), RootKeyForm::Bytes) => {
                let bytes = read_private(path, ROOT_KEY_LEN).map_err(|error| match error {
                    SecretFileError::Missing(path) => RootKeyError::Missing(path),
                    SecretFileError::TooLong(path) => RootKeyError::Length(path.display().to_string()),
                    other => other.into(),
                })?;
                self.exact(&bytes)
            }
            (Self::Credential(name), RootKeyForm::Bytes) => self.exact(&read_credential(name, ROOT_KEY_LEN)?),
            (Self::PassphraseFile(path), RootKeyForm::Passphrase { .. }) => {
                self.derived(&read_private(path, PASSPHRASE_LEN_MAX + 1)?, form)
            }
            (Self::PassphraseCredential(name), RootKeyForm::Passphrase { .. }) => {
                self.derived(&read_credential(name, PASSPHRASE_LEN_MAX + 1)?, form)
            }
            (_, RootKeyForm::Bytes) => Err(RootKeyError::OtherKind("a root key of 32 bytes, not a passphrase")),
            (_, RootKeyForm::Passphrase { .. }) => Err(RootKeyError::OtherKind("a passphrase")),
        }
    }

    /// The root key for a new keyring; only a file is made where there is none.
    pub(super) fn read_or_create(&self) -> Result<(RootKey, RootKeyForm), RootKeyError> {
        let form = self.new_form()?;
        if let Self::File(path) = self
            && !path.exists()
        {
            create(path)?;
        }
        Ok((self.read(&form)?, form))
    }

    pub(super) fn new_form(&self) -> Result<RootKeyForm, RootKeyError> {
        match self {
            Self::File(_) | Self::Credential(_) => Ok(RootKeyForm::Bytes),
            Self::PassphraseFile(_) | Self::PassphraseCredential(_) => {
                let mut salt = [0; 16];
                getrandom::fill(&mut salt).map_err(|_| RootKeyError::Random)?;
                // RFC 9106's second recommendation: it is paid once a start.
                Ok(RootKeyForm::Passphrase { salt, memory_kib: 64 * 1024, iterations: 3, lanes: 4 })
            }
        }
    }

    fn exact(&self, bytes: &[u8]) -> Result<RootKey, RootKeyError> {
        let mut key = Zeroizing::new([0; ROOT_KEY_LEN]);
        if bytes.len() != key.len() {
            return Err(RootKeyError::Length(self.place()));
        }
        key.copy_from_slice(bytes);
        Ok(key)
    }

    fn derived(&self, bytes: &[u8], form: &RootKeyForm) -> Result<RootKey, RootKeyError> {
        let RootKeyForm::Passphrase { salt, memory_kib, iterations, lanes } = form else {
            return Err(RootKeyError::OtherKind("a root key of 32 bytes, not a passphrase"));
        };
        // Editors end a line.
        let passphrase = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let fit = (PASSPHRASE_LEN_MIN..=PASSPHRASE_LEN_MAX).contains(&passphrase.len()) && !passphrase.contains(&b'\n');
        if !fit {
            return Err(RootKeyError::Passphrase(self.place()));
        }
        if *memory_kib > 1024 * 1024 || *iterations > 64 || *lanes > 64 {
            return Err(RootKeyError::Derivation("the keyring states a cost beyond reason".to_owned()));
        }
        let failed = |error: argon2::Error| RootKeyError::Derivation(error.to_string());
        let params = Params::new(*memory_kib, *iterations, *lanes, Some(ROOT_KEY_LEN)).map_err(failed)?;
        let mut key = Zeroizing::new([0; ROOT_KEY_LEN]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase, salt, key.as_mut())
            .map_err(failed)?;
        Ok(key)
    }

    fn place(&self) -> String {
        match self {
            Self::File(path) | Self::PassphraseFile(path) => path.display().to_string(),
            Self::Credential(name) | Self::PassphraseCredential(name) => format!("the credential {name}"),
        }
    }
}

impl std::fmt::Display for RootKeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.place())
    }
}

/// Written aside and linked to its name, so that neither a crash nor a second process ever sees half a key. Where another
/// process is first, its key is the one.
fn create(path: &Path) -> Result<(), RootKeyError> {
    let io = |source| SecretFileError::Io { path: path.to_owned(), source };
    let mut root_key = Zeroizing::new([0; ROOT_KEY_LEN]);
    let mut suffix = [0; 8];
    getrandom::fill(root_key.as_mut()).and_then(|()| getrandom::fill(&mut suffix)).map_err(|_| RootKeyError::Random)?;
    let aside = path.with_extension(format!("{}.new", hex::encode(suffix)));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside).map_err(io)?;
    let owned = hand_over(&file, path);
    let written = owned.and_then(|()| file.write_all(root_key.as_ref())).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| std::fs::hard_link(&aside, path));
    std::fs::remove_file(&aside).map_err(io)?;
    match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(()),
        linked => linked.map_err(io)?,
    }
    sync_folder_of(path).map_err(io)?;
    Ok(())
}

/// A new name in a folder survives a power cut only once the folder was written.
pub(super) fn sync_folder_of(path: &Path) -> std::io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn private(path: &Path, bytes: &[u8]) {
        std::fs::write(path, bytes).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    #[test]
    fn a_root_key_file_is_made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("root.key");
        let source = RootKeySource::File(path.clone());
        assert!(matches!(source.read(&RootKeyForm::Bytes), Err(RootKeyError::Missing(_))));
        assert!(!path.exists(), "a missing root key is never replaced by reading");
        let keys: Vec<_> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| source.read_or_create().unwrap().0)).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]), "starts at the same time end with one key");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
        for len in [0, 31, 33] {
            private(&path, &vec![7; len]);
            assert!(matches!(source.read(&RootKeyForm::Bytes), Err(RootKeyError::Length(_))), "{len}");
        }
        private(&path, &[7; 32]);
        assert_eq!(*source.read(&RootKeyForm::Bytes).unwrap(), [7; 32]);
        assert!(matches!(
            RootKeySource::PassphraseFile(path).read(&RootKeyForm::Bytes),
            Err(RootKeyError::OtherKind(_))
        ));
    }

    #[test]
    fn a_passphrase_is_one_long_enough_line_and_needs_its_salt() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("passphrase");
        let source = RootKeySource::PassphraseFile(path.clone());
        let form = |salt| RootKeyForm::Passphrase { salt, memory_kib: 64, iterations: 1, lanes: 1 };
        private(&path, b"correct horse battery\n");
        let key = source.read(&form([1; 16])).unwrap();
        assert_ne!(key, source.read(&form([2; 16])).unwrap());
        private(&path, b"correct horse battery");
        assert_eq!(key, source.read(&form([1; 16])).unwrap(), "with or without the end of its line");
        private(&path, b"correct horse batterY");
        assert_ne!(key, source.read(&form([1; 16])).unwrap());
        for unfit in [&b"short"[..], b"two lines of\npassphrase", &[b'x'; PASSPHRASE_LEN_MAX + 1]] {
            private(&path, unfit);
            assert!(matches!(source.read(&form([1; 16])), Err(RootKeyError::Passphrase(_))), "{}", unfit.len());
        }
        private(&path, b"correct horse battery");
        let costly = RootKeyForm::Passphrase { salt: [1; 16], memory_kib: u32::MAX, iterations: 1, lanes: 1 };
        assert!(matches!(source.read(&costly), Err(RootKeyError::Derivation(_))));
        assert!(matches!(source.read(&RootKeyForm::Bytes), Err(RootKeyError::OtherKind(_))));
        assert_ne!(source.new_form().unwrap(), source.new_form().unwrap(), "each keyring has a salt of its own");
    }
}
