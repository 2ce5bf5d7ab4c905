//! The local keyring: XChaCha20-Poly1305 under numbered keys, which lie wrapped under a root key.
//!
//! Several processes share it (the server and its command line), so it is read anew whenever its file has changed:
//! before anything is wrapped, and when a ciphertext names a version that is not known yet.

mod keyring;
mod root_key;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use futures_util::future::BoxFuture;
use keyring::{FileStamp, Keyring, KeyringFile, KeyringLock};
pub use keyring::{KeyVersion, KeyringError};
use root_key::{RootKey, RootKeyForm};
pub use root_key::{RootKeyError, RootKeySource};
use zeroize::Zeroizing;

use super::{DataKey, Kms, KmsContext, KmsError, PLAINTEXT_LEN_MAX, Plaintext, tag};
use crate::clock::Clock;

/// `01 ‖ nonce (24) ‖ sealed` under the root key itself; `02 ‖ version (4) ‖ nonce (24) ‖ sealed` under the keyring.
const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;
/// Requests are over by then: what they wrapped under a version before the newest is stored.
const SETTLED_SECS: u64 = 60;

/// The embedded engine.
pub struct LocalKeyring {
    file: KeyringFile,
    /// Opens what was wrapped before there were keyrings.
    root_cipher: Option<XChaCha20Poly1305>,
    keys: RwLock<Arc<Keys>>,
}

/// The keyring, opened.
struct Keys {
    stamp: FileStamp,
    newest: u32,
    ciphers: BTreeMap<u32, XChaCha20Poly1305>,
}

/// What wrapped secrets there are already: an installation that has some never gets a new keyring or root key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Existing {
    /// Under the root key itself.
    pub under_root_key: bool,
    /// Under a keyring.
    pub under_keyring: bool,
}

/// The local keyring can't be opened or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalKmsError {
    /// The root key.
    #[error(transparent)]
    RootKey(#[from] RootKeyError),
    /// The keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
}

impl LocalKeyring {
    /// Opens the keyring, or makes it (and the root key file) where nothing depends on one yet. Blocks: reads files, and
    /// derives a key where the root key is a passphrase.
    pub fn open(path: &Path, source: &RootKeySource, existing: Existing) -> Result<Self, LocalKmsError> {
        let (root_key, form) = match Keyring::read(path)? {
            Some((keyring, _)) => (source.read(keyring.root_key_form())?, keyring.root_key_form().clone()),
            None if existing.under_keyring => return Err(KeyringError::Missing(path.to_owned()).into()),
            None => create(path, source, existing)?,
        };
        let root_cipher = match form {
            RootKeyForm::Bytes => Some(XChaCha20Poly1305::new((&*root_key).into())),
            RootKeyForm::Passphrase { .. } => None,
        };
        let file = KeyringFile { path: path.to_owned(), root_key };
        let keys = RwLock::new(Arc::new(Keys::read(&file)?));
        Ok(Self { file, root_cipher, keys })
    }

    /// What the ciphertexts under a version begin with.
    #[must_use]
    pub fn prefix(version: u32) -> [u8; 5] {
        let [a, b, c, d] = version.to_be_bytes();
        [tag::LOCAL, a, b, c, d]
    }

    /// The versions, oldest first. Blocks.
    pub fn versions(&self) -> Result<Vec<KeyVersion>, KeyringError> {
        Ok(self.file.read()?.0.versions())
    }

    /// Whether a version could be retired, but for ciphertexts that are under it. Blocks.
    pub fn check_retirable(&self, version: u32, now: u64) -> Result<(), KeyringError> {
        self.file.read()?.0.remove(version, now.saturating_sub(SETTLED_SECS))
    }

    /// Forgets a version. Whoever calls has made sure that no ciphertext is under it. Blocks.
    pub fn retire(&self, version: u32, now: u64) -> Result<(), KeyringError> {
        self.file.change(|keyring| keyring.remove(version, now.saturating_sub(SETTLED_SECS)))
    }

    /// Wraps the keyring under another root key, which is made where it is a file that does not exist. Whoever calls has
    /// made sure that no ciphertext is under the root key itself. Blocks.
    pub fn change_root_key(&self, new: &RootKeySource) -> Result<(), LocalKmsError> {
        let (root_key, form) = new.read_or_create()?;
        let KeyringFile { path, root_key: old } = &self.file;
        self.file.change(|keyring| {
            *keyring = keyring.under(old, &root_key, form, path)?;
            Ok(())
        })?;
        Ok(())
    }

    fn known(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// As the file has it now. Nothing is wrapped under a keyring that can't be read again.
    async fn fresh(&self) -> Result<Arc<Keys>, KmsError> {
        let unavailable = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, keyring = %self.file.path.display(), "the keyring can't be read");
            KmsError::UNAVAILABLE
        };
        let metadata = tokio::fs::metadata(&self.file.path).await.map_err(|error| unavailable(&error))?;
        let known = self.known();
        if known.stamp == FileStamp::of(&metadata) {
            return Ok(known);
        }
        let file = self.file.clone();
        let read = tokio::task::spawn_blocking(move || Keys::read(&file)).await.map_err(|error| unavailable(&error))?;
        let mut keys = read.map_err(|error| unavailable(&error))?;
        // A request under way may hold a ciphertext of a version that was retired since it read it.
        for (version, cipher) in &known.ciphers {
            keys.ciphers.entry(*version).or_insert_with(|| cipher.clone());
        }
        let keys = Arc::new(keys);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&keys);
        Ok(keys)
    }

    async fn seal(&self, plaintext: &[u8], context: &KmsContext<'_>) -> Result<Vec<u8>, KmsError> {
        if plaintext.len() > PLAINTEXT_LEN_MAX {
            return Err(KmsError::TooLong);
        }
        let keys = self.fresh().await?;
        let cipher = keys.ciphers.get(&keys.newest).ok_or(KmsError::UNAVAILABLE)?;
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| KmsError::UNAVAILABLE)?;
        let payload = Payload { msg: plaintext, aad: &context.encode() };
        let sealed = cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| KmsError::UNAVAILABLE)?;
        Ok([Self::prefix(keys.newest).as_slice(), &nonce, &sealed].concat())
    }

    async fn unseal(&self, ciphertext: &[u8], context: &KmsContext<'_>) -> Result<Plaintext, KmsError> {
        match ciphertext.split_first() {
            Some((&tag::ROOT_KEY, sealed)) => {
                open(self.root_cipher.as_ref().ok_or(KmsError::Rejected)?, sealed, context)
            }
            Some((&tag::LOCAL, rest)) => {
                let (version, sealed) = rest.split_first_chunk().ok_or(KmsError::Rejected)?;
                let version = u32::from_be_bytes(*version);
                if let Some(cipher) = self.known().ciphers.get(&version) {
                    return open(cipher, sealed, context);
                }
                open(self.fresh().await?.ciphers.get(&version).ok_or(KmsError::Rejected)?, sealed, context)
            }
            _ => Err(KmsError::Rejected),
        }
    }
}

impl Keys {
    fn read(file: &KeyringFile) -> Result<Self, KeyringError> {
        let (keyring, stamp) = file.read()?;
        let mut ciphers = BTreeMap::new();
        for (version, key) in keyring.unwrap_keys(&file.root_key, &file.path)? {
            let wrong = |_| KeyringError::WrongRootKey(file.path.clone());
            ciphers.insert(version, XChaCha20Poly1305::new_from_slice(&key).map_err(wrong)?);
        }
        let newest = ciphers.last_key_value().map_or(0, |(version, _)| *version);
        Ok(Self { stamp, newest, ciphers })
    }
}

/// The first keyring. Another process may be making it too: the one that is there first is the one.
fn create(path: &Path, source: &RootKeySource, existing: Existing) -> Result<(RootKey, RootKeyForm), LocalKmsError> {
    let lock = KeyringLock::take(path)?;
    if let Some((keyring, _)) = Keyring::read(path)? {
        return Ok((source.read(keyring.root_key_form())?, keyring.root_key_form().clone()));
    }
    let (root_key, form) = match source {
        RootKeySource::File(_) | RootKeySource::Credential(_) if existing.under_root_key => {
            (source.read(&RootKeyForm::Bytes)?, RootKeyForm::Bytes)
        }
        _ if existing.under_root_key => return Err(RootKeyError::NeedsFile.into()),
        _ => source.read_or_create()?,
    };
    Keyring::new(&root_key, form.clone(), Clock::default().now())?.write(path, &lock)?;
    Ok((root_key, form))
}

fn open(cipher: &XChaCha20Poly1305, sealed: &[u8], context: &KmsContext<'_>) -> Result<Plaintext, KmsError> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(KmsError::Rejected)?;
    if sealed.len() > PLAINTEXT_LEN_MAX + TAG_LEN {
        return Err(KmsError::Rejected);
    }
    let payload = Payload { msg: sealed, aad: &context.encode() };
    cipher.decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| KmsError::Rejected)
}

impl Kms for LocalKeyring {
    fn generate_data_key<'a>(&'a self, context: &'a KmsContext<'a>) -> BoxFuture<'a, Result<DataKey, KmsError>> {
        Box::pin(async move {
            let mut secret = Zeroizing::new([0; 32]);
            getrandom::fill(secret.as_mut()).map_err(|_| KmsError::UNAVAILABLE)?;
            let ciphertext = self.seal(secret.as_ref(), context).await?;
            Ok((secret, ciphertext))
        })
    }

    fn encrypt<'a>(
        &'a self,
        plaintext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>> {
        Box::pin(self.seal(plaintext, context))
    }

    fn decrypt<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Plaintext, KmsError>> {
        Box::pin(self.unseal(ciphertext, context))
    }

    fn rewrap<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>> {
        Box::pin(async move { self.seal(&self.unseal(ciphertext, context).await?, context).await })
    }

    fn is_current<'a>(&'a self, ciphertext: &'a [u8]) -> BoxFuture<'a, Result<bool, KmsError>> {
        Box::pin(async move {
            let newest = self.fresh().await?.newest;
            Ok(version_of(ciphertext) == Some(newest))
        })
    }

    fn key_name(&self, ciphertext: &[u8]) -> Option<String> {
        match ciphertext.first() {
            Some(&tag::ROOT_KEY) => Some("local root key".to_owned()),
            _ => version_of(ciphertext).map(name_of),
        }
    }

    fn new_key(&self) -> BoxFuture<'_, Result<String, KmsError>> {
        Box::pin(async move {
            let file = self.file.clone();
            let make = move || file.change(|keyring| keyring.add(&file.root_key, Clock::default().now()));
            let made = tokio::task::spawn_blocking(make).await.map_err(|_| KmsError::UNAVAILABLE)?;
            let version = made.map_err(|error| {
                tracing::error!(%error, "no new keyring key");
                KmsError::UNAVAILABLE
            })?;
            self.fresh().await?;
            Ok(name_of(version))
        })
    }
}

fn version_of(ciphertext: &[u8]) -> Option<u32> {
    let version = ciphertext.strip_prefix(&[tag::LOCAL])?.first_chunk()?;
    Some(u32::from_be_bytes(*version))
}

fn name_of(version: u32) -> String {
    format!("local {version}")
}
