//! Transit of HashiCorp Vault and OpenBao. The key is a derived one: transit derives a key of its own for each context,
//! which binds all four operations to it. (`associated_data` would bind `encrypt` and `decrypt` alone: `datakey` and
//! `rewrap` ignore it.)

mod client;

use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use self::client::Client;
use super::remote::Trouble;
use super::secret_text::SecretText;
use super::{DataKey, Kms, KmsContext, KmsError, PLAINTEXT_LEN_MAX, Plaintext, tag};
use crate::config::VaultConfig;

/// A kilobyte, nonce and tag in base64, and more than the prefix.
const TEXT_LEN_MAX: usize = 2048;
/// How long a rotation in Vault may go unnoticed.
const KEY_AGE_MAX: Duration = Duration::from_secs(10);

/// The engine: `05 ‖ Vault's ciphertext, "vault:v1:…"`.
pub struct VaultKms {
    client: Client,
    /// What Vault said of the key. Held while it is asked: calls at once ask once.
    key: Mutex<Option<(Instant, u32)>>,
}

#[derive(Default, Serialize)]
struct Request {
    context: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    plaintext: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ciphertext: Option<String>,
}

#[derive(Deserialize)]
struct Wrapped {
    ciphertext: String,
}

#[derive(Deserialize)]
struct Opened {
    plaintext: SecretText,
}

#[derive(Deserialize)]
struct NewDataKey {
    plaintext: SecretText,
    ciphertext: String,
}

#[derive(Deserialize)]
struct KeyInfo {
    derived: bool,
    latest_version: u32,
}

impl VaultKms {
    /// Asks nothing yet.
    pub fn open(config: &VaultConfig, timeout: Duration) -> Result<Self, String> {
        Ok(Self { client: Client::new(config, timeout)?, key: Mutex::new(None) })
    }

    /// The version that wraps. A key that is not derived would take any context, and is refused.
    async fn latest_version(&self, age_max: Duration) -> Result<u32, KmsError> {
        let mut known = self.key.lock().await;
        if let Some((asked_at, version)) = *known
            && asked_at.elapsed() < age_max
        {
            return Ok(version);
        }
        let version = self
            .client
            .read_key(
                |key: KeyInfo| {
                    if key.derived { Ok(key.latest_version) } else { Err(Trouble::lasting(NOT_DERIVED)) }
                },
            )
            .await?;
        *known = Some((Instant::now(), version));
        Ok(version)
    }

    /// Whether a key is derived is decided when it is made, so once is enough.
    async fn ensure_derived(&self) -> Result<(), KmsError> {
        self.latest_version(Duration::MAX).await.map(|_| ())
    }
}

const NOT_DERIVED: &str =
    "the transit key is not a derived one and would ignore the context: make one with `derived=true`";

fn encoded(context: &KmsContext<'_>) -> String {
    Base64::encode_string(&context.encode())
}

fn framed(text: &str) -> Result<Vec<u8>, Trouble> {
    let ciphertext = [&[tag::VAULT], text.as_bytes()].concat();
    if split(&ciphertext).is_none() {
        return Err(Trouble::passing("the answer holds no ciphertext"));
    }
    Ok(ciphertext)
}

/// Vault's text and the key version in it. Vault forgives spellings that differ and mean the same; a ciphertext has one.
fn split(ciphertext: &[u8]) -> Option<(u32, &str)> {
    let text = std::str::from_utf8(ciphertext.strip_prefix(&[tag::VAULT])?).ok()?;
    let (version, base64) = text.strip_prefix("vault:v")?.split_once(':')?;
    let number: u32 = version.parse().ok()?;
    let fits = text.len() <= TEXT_LEN_MAX && number > 0 && number.to_string() == version;
    (fits && Base64::decode_vec(base64).is_ok_and(|bytes| !bytes.is_empty())).then_some((number, text))
}

impl Kms for VaultKms {
    fn generate_data_key<'a>(&'a self, context: &'a KmsContext<'a>) -> BoxFuture<'a, Result<DataKey, KmsError>> {
        Box::pin(async move {
            self.ensure_derived().await?;
            let request = Request { context: encoded(context), ..Request::default() };
            let understand = |answer: NewDataKey| Ok((answer.plaintext.decoded_32()?, framed(&answer.ciphertext)?));
            self.client.call("datakey/plaintext", &request, understand).await
        })
    }

    fn encrypt<'a>(
        &'a self,
        plaintext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>> {
        Box::pin(async move {
            if plaintext.len() > PLAINTEXT_LEN_MAX {
                return Err(KmsError::TooLong);
            }
            self.ensure_derived().await?;
            let plaintext = Some(SecretText::of(plaintext));
            let request = Request { context: encoded(context), plaintext, ..Request::default() };
            self.client.call("encrypt", &request, |answer: Wrapped| framed(&answer.ciphertext)).await
        })
    }

    fn decrypt<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Plaintext, KmsError>> {
        Box::pin(async move {
            let (_, text) = split(ciphertext).ok_or(KmsError::Rejected)?;
            self.ensure_derived().await?;
            let request =
                Request { context: encoded(context), ciphertext: Some(text.to_owned()), ..Request::default() };
            self.client.call("decrypt", &request, |answer: Opened| answer.plaintext.decoded()).await
        })
    }

    /// Inside Vault: the secret does not come here.
    fn rewrap<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>> {
        Box::pin(async move {
            let (_, text) = split(ciphertext).ok_or(KmsError::Rejected)?;
            self.ensure_derived().await?;
            let request =
                Request { context: encoded(context), ciphertext: Some(text.to_owned()), ..Request::default() };
            self.client.call("rewrap", &request, |answer: Wrapped| framed(&answer.ciphertext)).await
        })
    }

    fn is_current<'a>(&'a self, ciphertext: &'a [u8]) -> BoxFuture<'a, Result<bool, KmsError>> {
        Box::pin(async move {
            let Some((version, _)) = split(ciphertext) else { return Ok(false) };
            Ok(version >= self.latest_version(KEY_AGE_MAX).await?)
        })
    }

    fn key_name(&self, ciphertext: &[u8]) -> Option<String> {
        split(ciphertext).map(|(version, _)| format!("vault {version}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ciphertext_has_one_spelling() {
        let of = |text: &str| split(&[&[tag::VAULT], text.as_bytes()].concat()).map(|(version, _)| version);
        assert_eq!(of("vault:v1:AAAA"), Some(1));
        assert_eq!(of("vault:v12:AAA="), Some(12));
        for other in [
            "vault:v0:AAAA",
            "vault:v01:AAAA",
            "vault:v+1:AAAA",
            "vault:v1:AAB=",
            "vault:v1:AAAA\n",
            "vault:v1:AAA",
            "vault:v1:",
            "vault:1:AAAA",
            "Vault:v1:AAAA",
            "vault:v4294967296:AAAA",
            "",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
        assert!(split(b"vault:v1:AAAA").is_none(), "another engine's");
    }
}
