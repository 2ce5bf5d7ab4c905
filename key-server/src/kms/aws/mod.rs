//! AWS KMS. Secrets are made, wrapped and moved to another key there; the context is the encryption context, which AWS
//! authenticates and shows in its own log.

mod api;
mod client;
mod credentials;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding};
use futures_util::future::BoxFuture;
use ring::digest;

use self::api::{
    DataKeyAnswer, DataKeyRequest, DecryptAnswer, DecryptRequest, DescribeKeyAnswer, DescribeKeyRequest, EncryptAnswer,
    EncryptRequest, ReEncryptRequest,
};
use self::client::Client;
pub(crate) use self::credentials::CredentialSource;
pub(crate) use super::remote::Remote;
use super::remote::Trouble;
use super::secret_text::{SecretText, decoded};
use super::{DataKey, Kms, KmsContext, KmsError, PLAINTEXT_LEN_MAX, Plaintext, tag};
use crate::config::AwsKmsConfig;

const MARK_LEN: usize = 4;
/// As AWS bounds it.
const BLOB_LEN_MAX: usize = 6144;
/// How long an alias that was moved to another key may go unnoticed.
const KEY_AGE_MAX: Duration = Duration::from_secs(10);

/// Which key a ciphertext is under: the beginning of the SHA-256 of its key id. AWS's own rotation makes new material
/// under the same id and keeps the old, so there is nothing to be moved then.
type Mark = [u8; MARK_LEN];

/// The engine: `04 ‖ mark (4) ‖ AWS's ciphertext blob`.
pub struct AwsKms {
    client: Client,
    key_id: String,
    current: Mutex<Option<(Instant, Mark)>>,
}

impl AwsKms {
    /// Asks nothing yet. `variables` are those of the environment, where credentials may stand.
    pub fn open(
        config: &AwsKmsConfig,
        timeout: Duration,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, String> {
        let client = Client::new(config, timeout, variables)?;
        Ok(Self { client, key_id: config.key_id.clone(), current: Mutex::new(None) })
    }

    async fn wrap(&self, plaintext: &[u8], context: &KmsContext<'_>) -> Result<Vec<u8>, KmsError> {
        if plaintext.len() > PLAINTEXT_LEN_MAX {
            return Err(KmsError::TooLong);
        }
        let request = EncryptRequest {
            key_id: &self.key_id,
            plaintext: SecretText::of(plaintext),
            encryption_context: encryption_context(context),
        };
        self.client.call("Encrypt", &request, |answer: EncryptAnswer| framed(&answer)).await
    }

    async fn unwrap(&self, ciphertext: &[u8], context: &KmsContext<'_>) -> Result<Plaintext, KmsError> {
        let (mark, blob) = split(ciphertext).ok_or(KmsError::Rejected)?;
        let request = DecryptRequest {
            ciphertext_blob: Base64::encode_string(blob),
            encryption_context: encryption_context(context),
        };
        self.client
            .call("Decrypt", &request, |answer: DecryptAnswer| {
                let plaintext = answer.plaintext.decoded()?;
                same_key(mark, &answer.key_id)?;
                Ok(plaintext)
            })
            .await
    }

    /// The mark of the key that wraps.
    async fn current_mark(&self) -> Result<Mark, KmsError> {
        let known = *self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((asked_at, mark)) = known
            && asked_at.elapsed() < KEY_AGE_MAX
        {
            return Ok(mark);
        }
        let request = DescribeKeyRequest { key_id: &self.key_id };
        let mark = self
            .client
            .call("DescribeKey", &request, |answer: DescribeKeyAnswer| Ok(mark_of(&answer.key_metadata.arn)))
            .await?;
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), mark));
        Ok(mark)
    }
}

/// Names that no other application's policies mean.
fn encryption_context(context: &KmsContext<'_>) -> BTreeMap<String, String> {
    context.pairs().into_iter().map(|(name, text)| (format!("keyveil:{name}"), text)).collect()
}

/// Without region and account: the replicas of a multi-region key are one key.
fn mark_of(arn: &str) -> Mark {
    let key_id = arn.rsplit('/').next().unwrap_or(arn);
    let hash = digest::digest(&digest::SHA256, key_id.as_bytes());
    let mut mark = [0; MARK_LEN];
    mark.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    mark
}

fn framed(answer: &EncryptAnswer) -> Result<Vec<u8>, Trouble> {
    let blob = decoded(&answer.ciphertext_blob)?;
    if blob.is_empty() || blob.len() > BLOB_LEN_MAX {
        return Err(Trouble::passing(format!("the answer holds a ciphertext of {} bytes", blob.len())));
    }
    Ok([&[tag::AWS], mark_of(&answer.key_id).as_slice(), &blob].concat())
}

fn split(ciphertext: &[u8]) -> Option<(Mark, &[u8])> {
    let (mark, blob) = ciphertext.strip_prefix(&[tag::AWS])?.split_first_chunk::<MARK_LEN>()?;
    (1..=BLOB_LEN_MAX).contains(&blob.len()).then_some((*mark, blob))
}

fn same_key(mark: Mark, arn: &str) -> Result<(), Trouble> {
    if mark == mark_of(arn) { Ok(()) } else { Err(Trouble::Rejected("it names another key".to_owned())) }
}

fn key_name(mark: Mark) -> String {
    format!("aws {}", hex::encode(mark))
}

impl Kms for AwsKms {
    fn generate_data_key<'a>(&'a self, context: &'a KmsContext<'a>) -> BoxFuture<'a, Result<DataKey, KmsError>> {
        Box::pin(async move {
            let request = DataKeyRequest {
                key_id: &self.key_id,
                key_spec: "AES_256",
                encryption_context: encryption_context(context),
            };
            let understand = |answer: DataKeyAnswer| Ok((answer.plaintext.decoded_32()?, framed(&answer.wrapped)?));
            self.client.call("GenerateDataKey", &request, understand).await
        })
    }

    fn encrypt<'a>(
        &'a self,
        plaintext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>> {
        Box::pin(self.wrap(plaintext, context))
    }

    fn decrypt<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Plaintext, KmsError>> {
        Box::pin(self.unwrap(ciphertext, context))
    }

    /// Inside AWS: the secret does not come here.
    fn rewrap<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>> {
        Box::pin(async move {
            let (_, blob) = split(ciphertext).ok_or(KmsError::Rejected)?;
            let request = ReEncryptRequest {
                ciphertext_blob: Base64::encode_string(blob),
                source_encryption_context: encryption_context(context),
                destination_key_id: &self.key_id,
                destination_encryption_context: encryption_context(context),
            };
            self.client.call("ReEncrypt", &request, |answer: EncryptAnswer| framed(&answer)).await
        })
    }

    fn is_current<'a>(&'a self, ciphertext: &'a [u8]) -> BoxFuture<'a, Result<bool, KmsError>> {
        Box::pin(async move {
            let Some((mark, _)) = split(ciphertext) else { return Ok(false) };
            Ok(mark == self.current_mark().await?)
        })
    }

    fn key_name(&self, ciphertext: &[u8]) -> Option<String> {
        split(ciphertext).map(|(mark, _)| key_name(mark))
    }
}
