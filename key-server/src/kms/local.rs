//! The local keyring: XChaCha20-Poly1305 under one root key in a file that only its owner may read.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use futures_util::future::BoxFuture;
use zeroize::Zeroizing;

use super::{DataKey, Kms, KmsContext, KmsError, PLAINTEXT_LEN_MAX, Plaintext};

const ROOT_KEY_LEN: usize = 32;
/// First byte of a ciphertext: version 1 is `01 ‖ nonce (24) ‖ XChaCha20-Poly1305 ciphertext and tag`.
const VERSION: u8 = 1;
const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;

/// The embedded engine.
pub struct LocalKeyring {
    cipher: XChaCha20Poly1305,
}

/// The root key file can't be used. Each message says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootKeyError {
    /// A database without its root key must never get a new one.
    #[error(
        "the root key file {0} is missing but a database exists: restore the file from its backup; without it no title can be opened"
    )]
    Missing(PathBuf),
    /// Others may read it.
    #[error(
        "the root key file {path} may be read by others (mode {mode:o}): run `chmod 600 {path}`, and rotate it if it was exposed"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not 32 bytes.
    #[error("the root key file {0} is not 32 bytes long: restore it from its backup")]
    Length(PathBuf),
    /// Not a plain file.
    #[error("the root key file {0} is not a regular file")]
    NotAFile(PathBuf),
    /// The system refused.
    #[error("the root key file {path} can't be used: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
}

impl LocalKeyring {
    /// Opens the root key, or makes it when there is no database yet that could depend on it.
    pub fn open_or_create(path: &Path, database_exists: bool) -> Result<Self, RootKeyError> {
        match File::open(path) {
            Ok(file) => Self::from_file(file, path),
            Err(error) if error.kind() == ErrorKind::NotFound && database_exists => {
                Err(RootKeyError::Missing(path.to_owned()))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Self::create(path),
            Err(source) => Err(RootKeyError::Io { path: path.to_owned(), source }),
        }
    }

    fn create(path: &Path) -> Result<Self, RootKeyError> {
        let io = |source| RootKeyError::Io { path: path.to_owned(), source };
        let mut root_key = Zeroizing::new([0; ROOT_KEY_LEN]);
        getrandom::fill(root_key.as_mut()).map_err(|error| io(std::io::Error::other(error)))?;
        // Written aside and linked to its name, so that neither a crash nor a second process ever sees half a key.
        let mut suffix = [0; 8];
        getrandom::fill(&mut suffix).map_err(|error| io(std::io::Error::other(error)))?;
        let aside = path.with_extension(format!("{}.new", hex::encode(suffix)));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside).map_err(io)?;
        let written = file.write_all(root_key.as_ref()).and_then(|()| file.sync_all());
        let linked = written.and_then(|()| std::fs::hard_link(&aside, path));
        std::fs::remove_file(&aside).map_err(io)?;
        match linked {
            // Another process was first: its key is the one.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Self::from_file(File::open(path).map_err(io)?, path);
            }
            linked => linked.map_err(io)?,
        }
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            File::open(parent).and_then(|dir| dir.sync_all()).map_err(io)?;
        }
        Ok(Self::from_root_key(&root_key))
    }

    fn from_file(file: File, path: &Path) -> Result<Self, RootKeyError> {
        let io = |source| RootKeyError::Io { path: path.to_owned(), source };
        let metadata = file.metadata().map_err(io)?;
        if !metadata.is_file() {
            return Err(RootKeyError::NotAFile(path.to_owned()));
        }
        if metadata.mode() & 0o077 != 0 {
            return Err(RootKeyError::Exposed { path: path.to_owned(), mode: metadata.mode() & 0o777 });
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(ROOT_KEY_LEN + 1));
        file.take(ROOT_KEY_LEN as u64 + 1).read_to_end(&mut bytes).map_err(io)?;
        let mut root_key = Zeroizing::new([0; ROOT_KEY_LEN]);
        if bytes.len() != ROOT_KEY_LEN {
            return Err(RootKeyError::Length(path.to_owned()));
        }
        root_key.copy_from_slice(&bytes);
        Ok(Self::from_root_key(&root_key))
    }

    fn from_root_key(root_key: &[u8; ROOT_KEY_LEN]) -> Self {
        Self { cipher: XChaCha20Poly1305::new(root_key.into()) }
    }

    fn seal(&self, plaintext: &[u8], context: &KmsContext<'_>) -> Result<Vec<u8>, KmsError> {
        if plaintext.len() > PLAINTEXT_LEN_MAX {
            return Err(KmsError::TooLong);
        }
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| KmsError::UNAVAILABLE)?;
        let payload = Payload { msg: plaintext, aad: &context.encode() };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| KmsError::UNAVAILABLE)?;
        let mut ciphertext = Vec::with_capacity(1 + NONCE_LEN + sealed.len());
        ciphertext.push(VERSION);
        ciphertext.extend_from_slice(&nonce);
        ciphertext.extend_from_slice(&sealed);
        Ok(ciphertext)
    }

    fn unseal(&self, ciphertext: &[u8], context: &KmsContext<'_>) -> Result<Plaintext, KmsError> {
        let (version, rest) = ciphertext.split_first().ok_or(KmsError::Rejected)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or(KmsError::Rejected)?;
        if *version != VERSION || sealed.len() > PLAINTEXT_LEN_MAX + TAG_LEN {
            return Err(KmsError::Rejected);
        }
        let payload = Payload { msg: sealed, aad: &context.encode() };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| KmsError::Rejected)
    }
}

impl Kms for LocalKeyring {
    fn generate_data_key<'a>(&'a self, context: &'a KmsContext<'a>) -> BoxFuture<'a, Result<DataKey, KmsError>> {
        Box::pin(async move {
            let mut secret = Zeroizing::new([0; 32]);
            getrandom::fill(secret.as_mut()).map_err(|_| KmsError::UNAVAILABLE)?;
            let ciphertext = self.seal(secret.as_ref(), context)?;
            Ok((secret, ciphertext))
        })
    }

    fn encrypt<'a>(
        &'a self,
        plaintext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>> {
        Box::pin(async move { self.seal(plaintext, context) })
    }

    fn decrypt<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Plaintext, KmsError>> {
        Box::pin(async move { self.unseal(ciphertext, context) })
    }

    fn rewrap<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>> {
        Box::pin(async move { self.seal(&self.unseal(ciphertext, context)?, context) })
    }

    fn is_current<'a>(&'a self, ciphertext: &'a [u8]) -> BoxFuture<'a, Result<bool, KmsError>> {
        Box::pin(async move { Ok(ciphertext.first() == Some(&VERSION)) })
    }

    fn key_name(&self, ciphertext: &[u8]) -> Option<String> {
        (ciphertext.first() == Some(&VERSION)).then(|| "root key".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use keyveil_protocol::{AppId, FileId, KeyId};

    use super::*;

    fn root_key_path() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("root.key");
        (dir, path)
    }

    #[test]
    fn a_new_root_key_is_private_and_is_found_again() {
        let (_dir, path) = root_key_path();
        let first = LocalKeyring::open_or_create(&path, false).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let ciphertext = first.seal(b"secret", &KmsContext::Probe).unwrap();
        let again = LocalKeyring::open_or_create(&path, true).unwrap();
        assert_eq!(again.unseal(&ciphertext, &KmsContext::Probe).unwrap().as_slice(), b"secret");
    }

    #[test]
    fn an_unfit_root_key_file_is_refused() {
        let (_dir, path) = root_key_path();
        assert!(matches!(LocalKeyring::open_or_create(&path, true), Err(RootKeyError::Missing(_))));
        assert!(!path.exists(), "a missing root key is never replaced");
        drop(LocalKeyring::open_or_create(&path, false).unwrap());
        for mode in [0o640, 0o604, 0o660] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(LocalKeyring::open_or_create(&path, true), Err(RootKeyError::Exposed { .. })));
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        for len in [0, 31, 33] {
            std::fs::write(&path, vec![7; len]).unwrap();
            assert!(matches!(LocalKeyring::open_or_create(&path, true), Err(RootKeyError::Length(_))));
        }
    }

    #[test]
    fn another_context_does_not_open() {
        let keyring = LocalKeyring::from_root_key(&[1; 32]);
        let (app_id, other_app) = (AppId::try_from(1).unwrap(), AppId::try_from(2).unwrap());
        let (file_id, other_file): (FileId, FileId) = ("a".parse().unwrap(), "b".parse().unwrap());
        let kid: KeyId = "a".parse().unwrap();
        let context = KmsContext::Title { app_id, file_id: &file_id };
        let ciphertext = keyring.seal(&[5; 32], &context).unwrap();
        assert_eq!(keyring.unseal(&ciphertext, &context).unwrap().as_slice(), [5; 32]);
        for wrong in [
            KmsContext::Title { app_id: other_app, file_id: &file_id },
            KmsContext::Title { app_id, file_id: &other_file },
            KmsContext::SigningKey { app_id, kid: &kid },
            KmsContext::InstallationSecret,
        ] {
            assert_eq!(keyring.unseal(&ciphertext, &wrong).unwrap_err(), KmsError::Rejected);
        }
        let other_root = LocalKeyring::from_root_key(&[2; 32]);
        assert_eq!(other_root.unseal(&ciphertext, &context).unwrap_err(), KmsError::Rejected);
    }

    #[test]
    fn an_altered_or_overlong_ciphertext_does_not_open() {
        let keyring = LocalKeyring::from_root_key(&[1; 32]);
        let ciphertext = keyring.seal(b"secret", &KmsContext::Probe).unwrap();
        for at in 0..ciphertext.len() {
            let mut altered = ciphertext.clone();
            altered[at] ^= 1;
            assert!(keyring.unseal(&altered, &KmsContext::Probe).is_err(), "byte {at}");
            assert!(keyring.unseal(&ciphertext[..at], &KmsContext::Probe).is_err(), "cut at {at}");
        }
        assert_eq!(keyring.seal(&[0; PLAINTEXT_LEN_MAX + 1], &KmsContext::Probe), Err(KmsError::TooLong));
    }

    #[test]
    fn first_starts_at_the_same_time_end_with_one_whole_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("root.key");
        let keyrings: Vec<_> = std::thread::scope(|scope| {
            let starts: Vec<_> =
                (0..8).map(|_| scope.spawn(|| LocalKeyring::open_or_create(&path, false).unwrap())).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        let ciphertext = keyrings[0].seal(b"secret", &KmsContext::Probe).unwrap();
        for keyring in &keyrings {
            assert_eq!(keyring.unseal(&ciphertext, &KmsContext::Probe).unwrap().as_slice(), b"secret");
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
    }
}
