//! The key management service: makes and wraps every secret at rest, each bound to what it belongs to.

mod context;
mod local;

pub use context::KmsContext;
use futures_util::future::BoxFuture;
pub use local::{LocalKeyring, RootKeyError};
use zeroize::Zeroizing;

/// The longest plaintext that may be wrapped.
pub const PLAINTEXT_LEN_MAX: usize = 1024;

/// A secret in the clear, wiped when dropped.
pub type Plaintext = Zeroizing<Vec<u8>>;

/// A fresh secret, bare and wrapped.
pub type DataKey = (Zeroizing<[u8; 32]>, Vec<u8>);

/// Wraps and unwraps secrets. A ciphertext opens only under the context it was made for.
///
/// Async and object-safe, because an engine outside this process has to be asked over a wire.
pub trait Kms: Send + Sync {
    /// 32 fresh random bytes, bare and wrapped.
    fn generate_data_key<'a>(&'a self, context: &'a KmsContext<'a>) -> BoxFuture<'a, Result<DataKey, KmsError>>;

    /// Wraps at most [`PLAINTEXT_LEN_MAX`] bytes.
    fn encrypt<'a>(
        &'a self,
        plaintext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>>;

    /// Unwraps; any other context, or any altered byte, is [`KmsError::Rejected`].
    fn decrypt<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Plaintext, KmsError>>;
}

/// Why the KMS did not do it. Never holds a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KmsError {
    /// The engine does not answer.
    #[error("the KMS does not answer")]
    Unavailable,
    /// Wrong context, wrong root key or altered ciphertext: not told apart.
    #[error("the KMS rejected a ciphertext")]
    Rejected,
    /// Over [`PLAINTEXT_LEN_MAX`].
    #[error("too long for the KMS")]
    TooLong,
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
