//! A hardware module by PKCS#11: AES-256-GCM inside the token. The keys never leave it; the newest one of their label
//! wraps, every one of them unwraps.

mod connection;
mod keys;
mod token;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use token::Token;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::{DataKey, Kms, KmsContext, KmsError, PLAINTEXT_LEN_MAX, Plaintext, tag};
use crate::config::Pkcs11Config;

/// Calls of the module at once, each on a thread and a session of its own. A module that hangs holds no more threads.
const CALLS_MAX: usize = 8;
const VERSION_LEN: usize = 4;
const IV_LEN: usize = 12;
const TAG_LEN: usize = 16;

/// The engine: `03 ‖ key version (4, big-endian) ‖ IV (12) ‖ ciphertext ‖ tag (16)`, the context as associated data.
pub struct Pkcs11Kms {
    token: Arc<Token>,
    calls: Arc<Semaphore>,
    timeout: Duration,
}

impl Pkcs11Kms {
    /// Loads the module. Whether the token is there shows at the first call: it may come later.
    pub fn open(config: &Pkcs11Config, timeout: Duration) -> Result<Self, String> {
        let token = Arc::new(Token::load(config.clone())?);
        Ok(Self { token, calls: Arc::new(Semaphore::new(CALLS_MAX)), timeout })
    }

    /// Runs `work` where it may block. One that takes too long keeps its place until the module lets it go.
    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Token) -> Result<T, KmsError> + Send + 'static,
    ) -> Result<T, KmsError> {
        let call = async {
            let place = Arc::clone(&self.calls).acquire_owned().await.map_err(|_| KmsError::UNAVAILABLE)?;
            let token = Arc::clone(&self.token);
            let done = tokio::task::spawn_blocking(move || {
                let _place = place;
                work(&token)
            });
            done.await.map_err(|_| KmsError::UNAVAILABLE)?
        };
        tokio::time::timeout(self.timeout, call).await.unwrap_or_else(|_| {
            tracing::error!("the PKCS#11 module did not answer in time");
            Err(KmsError::UNAVAILABLE)
        })
    }

    async fn wrap(&self, plaintext: Plaintext, context: &KmsContext<'_>) -> Result<Vec<u8>, KmsError> {
        if plaintext.len() > PLAINTEXT_LEN_MAX {
            return Err(KmsError::TooLong);
        }
        let aad = context.encode();
        self.call(move |token| {
            let wrapped = token.run("encrypt", |at| at.wrap(&plaintext, &aad))?;
            let mut ciphertext = Vec::with_capacity(1 + VERSION_LEN + IV_LEN + wrapped.sealed.len());
            ciphertext.push(tag::PKCS11);
            ciphertext.extend_from_slice(&wrapped.version.to_be_bytes());
            ciphertext.extend_from_slice(&wrapped.iv);
            ciphertext.extend_from_slice(&wrapped.sealed);
            Ok(ciphertext)
        })
        .await
    }

    async fn unwrap(&self, ciphertext: &[u8], context: &KmsContext<'_>) -> Result<Plaintext, KmsError> {
        let (version, rest) = split_version(ciphertext).ok_or(KmsError::Rejected)?;
        let (iv, sealed) = rest.split_first_chunk::<IV_LEN>().ok_or(KmsError::Rejected)?;
        if !(TAG_LEN..=PLAINTEXT_LEN_MAX + TAG_LEN).contains(&sealed.len()) {
            return Err(KmsError::Rejected);
        }
        let (iv, sealed, aad) = (*iv, sealed.to_vec(), context.encode());
        self.call(move |token| token.run("decrypt", |at| at.unwrap(version, iv, &sealed, &aad))).await
    }
}

/// The key version that a ciphertext of this engine names, and what follows it.
fn split_version(ciphertext: &[u8]) -> Option<(u32, &[u8])> {
    let (version, rest) = ciphertext.strip_prefix(&[tag::PKCS11])?.split_first_chunk::<VERSION_LEN>()?;
    Some((u32::from_be_bytes(*version), rest))
}

fn key_name(version: u32) -> String {
    format!("pkcs11 {version}")
}

impl Kms for Pkcs11Kms {
    fn generate_data_key<'a>(&'a self, context: &'a KmsContext<'a>) -> BoxFuture<'a, Result<DataKey, KmsError>> {
        Box::pin(async move {
            // An installation begins with this one secret, and only then may its first key be made unasked: later, a token
            // without keys is the wrong token.
            if matches!(context, KmsContext::InstallationSecret) {
                self.call(|token| token.run("first key", |at| at.ensure_key())).await?;
            }
            let mut secret = Zeroizing::new([0; 32]);
            getrandom::fill(secret.as_mut()).map_err(|_| KmsError::UNAVAILABLE)?;
            let ciphertext = self.wrap(Zeroizing::new(secret.to_vec()), context).await?;
            Ok((secret, ciphertext))
        })
    }

    fn encrypt<'a>(
        &'a self,
        plaintext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>> {
        Box::pin(async move { self.wrap(Zeroizing::new(plaintext.to_vec()), context).await })
    }

    fn decrypt<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Plaintext, KmsError>> {
        Box::pin(async move { self.unwrap(ciphertext, context).await })
    }

    /// In two steps: PKCS#11 knows none that does both, and the secret is this server's to know.
    fn rewrap<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>> {
        Box::pin(async move {
            let plaintext = self.unwrap(ciphertext, context).await?;
            self.wrap(plaintext, context).await
        })
    }

    fn is_current<'a>(&'a self, ciphertext: &'a [u8]) -> BoxFuture<'a, Result<bool, KmsError>> {
        Box::pin(async move {
            let Some((version, _)) = split_version(ciphertext) else { return Ok(false) };
            let newest = self.call(|token| token.run("list keys", |at| at.newest_version())).await?;
            Ok(version == newest)
        })
    }

    fn key_name(&self, ciphertext: &[u8]) -> Option<String> {
        split_version(ciphertext).map(|(version, _)| key_name(version))
    }

    fn new_key(&self) -> BoxFuture<'_, Result<String, KmsError>> {
        Box::pin(async move {
            let version = self.call(|token| token.run("new key", |at| at.make_key())).await?;
            Ok(key_name(version))
        })
    }
}
