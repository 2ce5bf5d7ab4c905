//! Requests and answers of the KMS API that are used, in its own words.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::kms::secret_text::SecretText;

type EncryptionContext = BTreeMap<String, String>;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DataKeyRequest<'a> {
    pub(super) key_id: &'a str,
    pub(super) key_spec: &'static str,
    pub(super) encryption_context: EncryptionContext,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DataKeyAnswer {
    pub(super) plaintext: SecretText,
    #[serde(flatten)]
    pub(super) wrapped: EncryptAnswer,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EncryptRequest<'a> {
    pub(super) key_id: &'a str,
    pub(super) plaintext: SecretText,
    pub(super) encryption_context: EncryptionContext,
}

/// Of `ReEncrypt` too; `KeyId` is always an ARN.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EncryptAnswer {
    pub(super) ciphertext_blob: String,
    pub(super) key_id: String,
}

/// Names no key: the blob does, and after a rotation to another key both have to open.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DecryptRequest {
    pub(super) ciphertext_blob: String,
    pub(super) encryption_context: EncryptionContext,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DecryptAnswer {
    pub(super) plaintext: SecretText,
    pub(super) key_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReEncryptRequest<'a> {
    pub(super) ciphertext_blob: String,
    pub(super) source_encryption_context: EncryptionContext,
    pub(super) destination_key_id: &'a str,
    pub(super) destination_encryption_context: EncryptionContext,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeKeyRequest<'a> {
    pub(super) key_id: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeKeyAnswer {
    pub(super) key_metadata: KeyMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct KeyMetadata {
    pub(super) arn: String,
}

/// What stands in the body of a refusal.
#[derive(Default, Deserialize)]
pub(super) struct ErrorAnswer {
    #[serde(rename = "__type", default)]
    kind: String,
    #[serde(alias = "Message", default)]
    pub(super) message: String,
}

impl ErrorAnswer {
    /// Without the namespace that some services set before it.
    pub(super) fn kind(&self) -> &str {
        self.kind.rsplit('#').next().unwrap_or(&self.kind)
    }
}
