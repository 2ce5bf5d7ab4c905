//! `keyring.json`: numbered keys, each wrapped under the root key.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::root_key::{RootKey, RootKeyForm, sync_folder_of};
use crate::kms::secret_file::hand_over;

const FORMAT: u8 = 1;
const FILE_LEN_MAX: u64 = 1024 * 1024;
const KEYS_MAX: usize = 1000;
const NONCE_LEN: usize = 24;
const KEY_LEN: usize = 32;
const LABEL: &[u8] = b"keyveil/v1/keyring-key";

/// The file's content.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Keyring {
    format: u8,
    root_key: RootKeyForm,
    keys: Vec<WrappedKey>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrappedKey {
    version: u32,
    /// Seconds since 1970.
    created_at: u64,
    /// nonce (24) ‖ XChaCha20-Poly1305 under the root key.
    #[serde(with = "hex::serde")]
    wrapped: Vec<u8>,
}

/// Version and key.
type BareKey = (u32, Zeroizing<Vec<u8>>);

/// A version of the keyring, as people are told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyVersion {
    /// Its number.
    pub version: u32,
    /// Seconds since 1970.
    pub created_at: u64,
}

/// The keyring can't be used. Each message says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// An installation without its keyring must never get a new one.
    #[error("the keyring {0} is missing but there are secrets under it: restore the file from its backup")]
    Missing(PathBuf),
    /// Others may read it.
    #[error("the keyring {path} may be read by others (mode {mode:o}): run `chmod 600 {path}`")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not what this program writes.
    #[error("the keyring {path} is damaged ({cause}): restore the file from its backup")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// The root key is another one.
    #[error("the root key does not open the keyring {0}: is it the one that belongs to this installation?")]
    WrongRootKey(PathBuf),
    /// The version is none of the keyring.
    #[error("the keyring has no version {0}")]
    NoSuchVersion(u32),
    /// The newest wraps.
    #[error("version {0} is the one that wraps: make a new one first (`key-server kms rotate --new-key`)")]
    InUse(u32),
    /// A request that is under way may still hold what it wrapped.
    #[error(
        "the newest version was made moments ago, and a request under way may still use version {0}: try again in a minute"
    )]
    TooSoon(u32),
    /// As many as there may be.
    #[error("the keyring holds {KEYS_MAX} versions: retire some (`key-server kms retire VERSION`)")]
    Full,
    /// The random number generator or the cipher.
    #[error("a keyring key can't be made")]
    Random,
    /// The system refused.
    #[error("the keyring {path} can't be used: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
}

impl Keyring {
    /// With its first version.
    pub(super) fn new(root_key: &RootKey, form: RootKeyForm, now: u64) -> Result<Self, KeyringError> {
        let mut keyring = Self { format: FORMAT, root_key: form, keys: Vec::new() };
        keyring.add(root_key, now)?;
        Ok(keyring)
    }

    /// `None` when there is no such file. The stamp is of what was read.
    pub(super) fn read(path: &Path) -> Result<Option<(Self, FileStamp)>, KeyringError> {
        let io = |source| KeyringError::Io { path: path.to_owned(), source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        let metadata = file.metadata().map_err(io)?;
        // Wrapped, but under what may be a passphrase that can be guessed at.
        if metadata.mode() & 0o077 != 0 {
            return Err(KeyringError::Exposed { path: path.to_owned(), mode: metadata.mode() & 0o777 });
        }
        let mut text = Vec::new();
        file.take(FILE_LEN_MAX).read_to_end(&mut text).map_err(io)?;
        let damaged = |cause: String| KeyringError::Damaged { path: path.to_owned(), cause };
        let keyring: Self = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        if keyring.format != FORMAT {
            return Err(damaged(format!("format {} is unknown", keyring.format)));
        }
        let ascending = keyring.keys.windows(2).all(|pair| pair[0].version < pair[1].version);
        if keyring.keys.is_empty() || keyring.keys.len() > KEYS_MAX || !ascending {
            return Err(damaged("its versions are not in order".to_owned()));
        }
        Ok(Some((keyring, FileStamp::of(&metadata))))
    }

    /// Written aside and moved into place: a crash leaves the one before or the new one, whole. Without the lock two
    /// writers would undo each other.
    pub(super) fn write(&self, path: &Path, _lock: &KeyringLock) -> Result<(), KeyringError> {
        let io = |source| KeyringError::Io { path: path.to_owned(), source };
        let text = serde_json::to_vec_pretty(self).map_err(|error| io(error.into()))?;
        let aside = path.with_extension("json.new");
        // What a crash left aside may not be ours to write to.
        match std::fs::remove_file(&aside) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside).map_err(io)?;
        hand_over(&file, path).and_then(|()| file.write_all(&text)).and_then(|()| file.sync_all()).map_err(io)?;
        std::fs::rename(&aside, path).and_then(|()| sync_folder_of(path)).map_err(io)
    }

    pub(super) fn root_key_form(&self) -> &RootKeyForm {
        &self.root_key
    }

    pub(super) fn versions(&self) -> Vec<KeyVersion> {
        self.keys.iter().map(|key| KeyVersion { version: key.version, created_at: key.created_at }).collect()
    }

    /// Makes the next version; it wraps from now on.
    pub(super) fn add(&mut self, root_key: &RootKey, now: u64) -> Result<u32, KeyringError> {
        if self.keys.len() >= KEYS_MAX {
            return Err(KeyringError::Full);
        }
        let version = self.keys.last().map_or(Some(1), |key| key.version.checked_add(1)).ok_or(KeyringError::Full)?;
        let mut key = Zeroizing::new([0; KEY_LEN]);
        getrandom::fill(key.as_mut()).map_err(|_| KeyringError::Random)?;
        self.keys.push(WrappedKey { version, created_at: now, wrapped: wrap(root_key, version, key.as_ref())? });
        Ok(version)
    }

    /// Forgets a version. `settled_before` is when the newest one has to have been made for requests under way to use it.
    pub(super) fn remove(&mut self, version: u32, settled_before: u64) -> Result<(), KeyringError> {
        let at = self.keys.iter().position(|key| key.version == version).ok_or(KeyringError::NoSuchVersion(version))?;
        match self.keys.last() {
            Some(newest) if newest.version == version => return Err(KeyringError::InUse(version)),
            Some(newest) if newest.created_at > settled_before => return Err(KeyringError::TooSoon(version)),
            _ => {}
        }
        self.keys.remove(at);
        Ok(())
    }

    /// The bare keys, oldest first.
    pub(super) fn unwrap_keys(&self, root_key: &RootKey, path: &Path) -> Result<Vec<BareKey>, KeyringError> {
        let wrong = || KeyringError::WrongRootKey(path.to_owned());
        let unwrapped = |key: &WrappedKey| {
            let (nonce, sealed) = key.wrapped.split_first_chunk::<NONCE_LEN>().ok_or_else(wrong)?;
            let payload = Payload { msg: sealed, aad: &aad(key.version) };
            let bare = cipher(root_key).decrypt(&XNonce::from(*nonce), payload).map_err(|_| wrong())?;
            let bare = Zeroizing::new(bare);
            if bare.len() == KEY_LEN { Ok((key.version, bare)) } else { Err(wrong()) }
        };
        self.keys.iter().map(unwrapped).collect()
    }

    /// The same keys under another root key.
    pub(super) fn under(
        &self,
        old: &RootKey,
        new: &RootKey,
        form: RootKeyForm,
        path: &Path,
    ) -> Result<Self, KeyringError> {
        let bare = self.unwrap_keys(old, path)?;
        let rewrapped = |(key, (version, bare)): (&WrappedKey, &BareKey)| {
            Ok(WrappedKey { version: *version, created_at: key.created_at, wrapped: wrap(new, *version, bare)? })
        };
        let keys = self.keys.iter().zip(&bare).map(rewrapped).collect::<Result<_, KeyringError>>()?;
        Ok(Self { format: FORMAT, root_key: form, keys })
    }
}

fn wrap(root_key: &RootKey, version: u32, key: &[u8]) -> Result<Vec<u8>, KeyringError> {
    let mut nonce = [0; NONCE_LEN];
    getrandom::fill(&mut nonce).map_err(|_| KeyringError::Random)?;
    let payload = Payload { msg: key, aad: &aad(version) };
    let sealed = cipher(root_key).encrypt(&XNonce::from(nonce), payload).map_err(|_| KeyringError::Random)?;
    Ok([nonce.as_slice(), &sealed].concat())
}

fn cipher(key: &RootKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new((&**key).into())
}

fn aad(version: u32) -> Vec<u8> {
    [LABEL, &[0], &version.to_be_bytes()].concat()
}

/// The file and what opens it. Its calls block.
#[derive(Clone)]
pub(super) struct KeyringFile {
    pub(super) path: PathBuf,
    pub(super) root_key: RootKey,
}

impl KeyringFile {
    /// Of an installation that has one.
    pub(super) fn read(&self) -> Result<(Keyring, FileStamp), KeyringError> {
        Keyring::read(&self.path)?.ok_or_else(|| KeyringError::Missing(self.path.clone()))
    }

    /// One change at a time, over all processes of this machine.
    pub(super) fn change<T>(
        &self,
        change: impl FnOnce(&mut Keyring) -> Result<T, KeyringError>,
    ) -> Result<T, KeyringError> {
        let lock = KeyringLock::take(&self.path)?;
        let (mut keyring, _) = self.read()?;
        // The root key may have been changed meanwhile; then this is not the one to write with.
        keyring.unwrap_keys(&self.root_key, &self.path)?;
        let changed = change(&mut keyring)?;
        keyring.write(&self.path, &lock)?;
        Ok(changed)
    }
}

/// Held while the keyring is read, changed and written, over all processes of this machine.
pub(super) struct KeyringLock(#[expect(dead_code, reason = "the lock ends when the file is closed")] File);

impl KeyringLock {
    /// Waits for its turn.
    pub(super) fn take(keyring: &Path) -> Result<Self, KeyringError> {
        let path = keyring.with_extension("lock");
        let io = |source| KeyringError::Io { path: path.clone(), source };
        let file = Self::open(&path, keyring).map_err(io)?;
        file.lock().map_err(io)?;
        Ok(Self(file))
    }

    /// Is never removed, so there is nothing to be tried again.
    fn open(path: &Path, keyring: &Path) -> std::io::Result<File> {
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => OpenOptions::new().write(true).open(path),
            made => made.and_then(|file| hand_over(&file, keyring).map(|()| file)),
        }
    }
}

/// Tells one state of the file from the next: each is written as a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileStamp(u64, i64, i64, u64);

impl FileStamp {
    pub(super) fn of(metadata: &std::fs::Metadata) -> Self {
        Self(metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), metadata.size())
    }
}
