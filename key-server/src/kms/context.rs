use keyveil_protocol::{ApiKeyId, AppId, BuildId, FileId, KeyId, ServerKeyId, UploadId, WebhookId};

/// What a wrapped secret belongs to. It is authenticated, not stored: a ciphertext moved to another row does not open.
#[derive(Clone, Copy, Debug)]
pub enum KmsContext<'a> {
    /// A title secret.
    Title {
        /// Its application.
        app_id: AppId,
        /// The title.
        file_id: &'a FileId,
    },
    /// The key that a source lies under.
    Source {
        /// Its application.
        app_id: AppId,
        /// Its title.
        file_id: &'a FileId,
        /// The upload that brought it.
        upload_id: &'a UploadId,
    },
    /// The text of a signing key.
    SigningKey {
        /// Its application.
        app_id: AppId,
        /// The key.
        kid: &'a KeyId,
    },
    /// A static X25519 private key of this server.
    ServerKey(&'a ServerKeyId),
    /// The secret compiled into an SDK build.
    SdkBuild(&'a BuildId),
    /// The PSK derived from an API key.
    ApiKeyPsk(&'a ApiKeyId),
    /// The root of URL and session MAC keys.
    InstallationSecret,
    /// What signs the deliveries to a webhook.
    Webhook {
        /// Its application.
        app_id: AppId,
        /// The webhook.
        webhook_id: &'a WebhookId,
    },
    /// A key that another vendor's playlists name by a text.
    ImportedKey {
        /// Its application.
        app_id: AppId,
        /// Its title.
        file_id: &'a FileId,
        /// SHA-256 of the text.
        text_hash: &'a [u8; 32],
    },
    /// The readiness check's round trip.
    Probe,
}

impl KmsContext<'_> {
    /// Unambiguous bytes: a label, then each field, each behind its length.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Title { app_id, file_id } => {
                encode("title", &[&app_id.value().to_be_bytes(), file_id.as_str().as_bytes()])
            }
            Self::Source { app_id, file_id, upload_id } => encode(
                "source",
                &[&app_id.value().to_be_bytes(), file_id.as_str().as_bytes(), upload_id.as_str().as_bytes()],
            ),
            Self::SigningKey { app_id, kid } => {
                encode("signing-key", &[&app_id.value().to_be_bytes(), kid.as_str().as_bytes()])
            }
            Self::ServerKey(id) => encode("server-key", &[id.as_str().as_bytes()]),
            Self::SdkBuild(id) => encode("sdk-build", &[id.as_str().as_bytes()]),
            Self::ApiKeyPsk(id) => encode("api-key-psk", &[id.as_str().as_bytes()]),
            Self::InstallationSecret => encode("installation-secret", &[]),
            Self::Webhook { app_id, webhook_id } => {
                encode("webhook", &[&app_id.value().to_be_bytes(), webhook_id.as_str().as_bytes()])
            }
            Self::ImportedKey { app_id, file_id, text_hash } => encode(
                "imported-key",
                &[&app_id.value().to_be_bytes(), file_id.as_str().as_bytes(), text_hash.as_slice()],
            ),
            Self::Probe => encode("probe", &[]),
        }
    }
}

fn encode(kind: &str, fields: &[&[u8]]) -> Vec<u8> {
    let mut bytes = b"keyveil/v1/kms-context".to_vec();
    for part in std::iter::once(&kind.as_bytes()).chain(fields) {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}
