//! The key management service: makes and wraps every secret at rest, each bound to what it belongs to.

pub(crate) mod aws;
mod breaker;
mod cached;
mod context;
mod engines;
mod guarded;
mod local;
mod meter;
mod open;
mod pkcs11;
mod remote;
mod secret_file;
mod secret_text;
mod vault;

use std::time::Duration;

pub use aws::AwsKms;
pub use cached::Cached;
pub use context::KmsContext;
pub use engines::Engines;
use futures_util::future::BoxFuture;
pub use guarded::Guarded;
pub use local::{Existing, KeyVersion, KeyringError, LocalKeyring, LocalKmsError, RootKeyError, RootKeySource};
pub(crate) use open::protect;
pub use open::{KmsOpenError, open_kms, open_local};
pub use pkcs11::Pkcs11Kms;
pub use secret_file::SecretFileError;
pub use vault::VaultKms;
use zeroize::Zeroizing;

/// The longest plaintext that may be wrapped.
pub const PLAINTEXT_LEN_MAX: usize = 1024;

/// A secret in the clear, wiped when dropped.
pub type Plaintext = Zeroizing<Vec<u8>>;

/// A fresh secret, bare and wrapped.
pub type DataKey = (Zeroizing<[u8; 32]>, Vec<u8>);

/// Wraps and unwraps secrets. A ciphertext opens only under the context it was made for, and begins with its engine's
/// [`tag`].
///
/// Async and object-safe, because an engine outside this process has to be asked over a wire. Engines end each call
/// within `[kms] timeout_ms`, repetitions included; whoever calls gives up on one that does not.
pub trait Kms: Send + Sync {
    /// 32 fresh random bytes, bare and wrapped.
    fn generate_data_key<'a>(&'a self, context: &'a KmsContext<'a>) -> BoxFuture<'a, Result<DataKey, KmsError>>;

    /// Wraps at most [`PLAINTEXT_LEN_MAX`] bytes.
    fn encrypt<'a>(
        &'a self,
        plaintext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>>;

    /// Unwraps; any other context, or any altered byte, is [`KmsError::Rejected`]. Only where the engine can't tell an
    /// altered ciphertext from a permission that was lost is it [`KmsError::Unavailable`].
    fn decrypt<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Plaintext, KmsError>>;

    /// The same secret under the newest key.
    fn rewrap<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>>;

    /// Whether the ciphertext is under the newest key, so that [`Kms::rewrap`] would gain nothing.
    fn is_current<'a>(&'a self, ciphertext: &'a [u8]) -> BoxFuture<'a, Result<bool, KmsError>>;

    /// The key that a ciphertext names, as people are told it (`local 3`); `None` for what this engine did not make.
    /// Read off the ciphertext alone: nothing is asked, nothing is proven.
    fn key_name(&self, ciphertext: &[u8]) -> Option<String>;

    /// Makes a new key that wraps from now on, and names it as [`Kms::key_name`] does. Only where the engine's keys are
    /// this server's to command.
    fn new_key(&self) -> BoxFuture<'_, Result<String, KmsError>> {
        Box::pin(async { Err(KmsError::Unsupported) })
    }
}

/// First byte of each engine's ciphertexts.
pub mod tag {
    /// The root key itself: installations before keyrings.
    pub const ROOT_KEY: u8 = 1;
    /// The local keyring.
    pub const LOCAL: u8 = 2;
    /// PKCS#11.
    pub const PKCS11: u8 = 3;
    /// AWS KMS.
    pub const AWS: u8 = 4;
    /// Vault and OpenBao.
    pub const VAULT: u8 = 5;
}

/// Why the KMS did not do it. Never holds a secret; engines write the cause to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KmsError {
    /// The engine does not answer, throttles, or answers nonsense.
    #[error("the KMS does not answer")]
    Unavailable {
        /// When the engine wants to be asked again, where it said so.
        retry_after: Option<Duration>,
    },
    /// Wrong context, wrong key or altered ciphertext: not told apart.
    #[error("the KMS rejected a ciphertext")]
    Rejected,
    /// Over [`PLAINTEXT_LEN_MAX`].
    #[error("too long for the KMS")]
    TooLong,
    /// Something that only some engines do.
    #[error("this KMS engine does not do that")]
    Unsupported,
}

impl KmsError {
    /// Does not answer, and said nothing about when it will.
    pub const UNAVAILABLE: Self = Self::Unavailable { retry_after: None };
}

/// Unwraps a secret that has to be 32 bytes.
pub(crate) async fn decrypt_32(
    kms: &dyn Kms,
    ciphertext: &[u8],
    context: &KmsContext<'_>,
) -> Result<Zeroizing<[u8; 32]>, KmsError> {
    let plaintext = kms.decrypt(ciphertext, context).await?;
    let mut secret = Zeroizing::new([0; 32]);
    if plaintext.len() != secret.len() {
        return Err(KmsError::Rejected);
    }
    secret.copy_from_slice(&plaintext);
    Ok(secret)
}
