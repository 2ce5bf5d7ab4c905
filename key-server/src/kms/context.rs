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
    /// What signs the addresses of a media origin: the main or the backup key.
    MediaOrigin {
        /// Its application.
        app_id: AppId,
        /// The media origin.
        origin_id: &'a str,
    },
    /// The readiness check's round trip.
    Probe,
}

impl KmsContext<'_> {
    /// Unambiguous bytes: a label, then each field, each behind its length.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (kind, fields) = self.parts();
        let mut bytes = b"keyveil/v1/kms-context".to_vec();
        let mut push = |part: &[u8]| {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        };
        push(kind.as_bytes());
        for (_, field) in &fields {
            match field {
                Field::App(app_id) => push(&app_id.value().to_be_bytes()),
                Field::Text(text) => push(text.as_bytes()),
                Field::Hash(hash) => push(hash.as_slice()),
            }
        }
        bytes
    }

    /// The same as names and texts, for engines that want it so: `kind` first, then each field.
    #[must_use]
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let (kind, fields) = self.parts();
        let fields = fields.into_iter().map(|(name, field)| match field {
            Field::App(app_id) => (name, app_id.value().to_string()),
            Field::Text(text) => (name, text.to_owned()),
            Field::Hash(hash) => (name, hex::encode(hash)),
        });
        std::iter::once(("kind", kind.to_owned())).chain(fields).collect()
    }

    fn parts(&self) -> (&'static str, Vec<(&'static str, Field<'_>)>) {
        let app = |app_id: &AppId| ("appId", Field::App(*app_id));
        match self {
            Self::Title { app_id, file_id } => ("title", vec![app(app_id), ("fileId", Field::Text(file_id.as_str()))]),
            Self::Source { app_id, file_id, upload_id } => (
                "source",
                vec![
                    app(app_id),
                    ("fileId", Field::Text(file_id.as_str())),
                    ("uploadId", Field::Text(upload_id.as_str())),
                ],
            ),
            Self::SigningKey { app_id, kid } => ("signing-key", vec![app(app_id), ("kid", Field::Text(kid.as_str()))]),
            Self::ServerKey(id) => ("server-key", vec![("id", Field::Text(id.as_str()))]),
            Self::SdkBuild(id) => ("sdk-build", vec![("id", Field::Text(id.as_str()))]),
            Self::ApiKeyPsk(id) => ("api-key-psk", vec![("id", Field::Text(id.as_str()))]),
            Self::InstallationSecret => ("installation-secret", vec![]),
            Self::Webhook { app_id, webhook_id } => {
                ("webhook", vec![app(app_id), ("webhookId", Field::Text(webhook_id.as_str()))])
            }
            Self::ImportedKey { app_id, file_id, text_hash } => (
                "imported-key",
                vec![app(app_id), ("fileId", Field::Text(file_id.as_str())), ("textHash", Field::Hash(text_hash))],
            ),
            Self::MediaOrigin { app_id, origin_id } => {
                ("media-origin", vec![app(app_id), ("originId", Field::Text(origin_id))])
            }
            Self::Probe => ("probe", vec![]),
        }
    }
}

enum Field<'a> {
    App(AppId),
    Text(&'a str),
    Hash(&'a [u8; 32]),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ciphertexts of installations in use depend on these bytes.
    #[test]
    fn the_bytes_of_a_context_stay() {
        let (app_id, file_id) = (AppId::try_from(1_000_001).unwrap(), "film".parse().unwrap());
        let context = KmsContext::Title { app_id, file_id: &file_id };
        let mut expected = b"keyveil/v1/kms-context".to_vec();
        for part in [b"title".as_slice(), &1_000_001_u64.to_be_bytes(), b"film"] {
            expected.extend_from_slice(&(part.len() as u64).to_be_bytes());
            expected.extend_from_slice(part);
        }
        assert_eq!(context.encode(), expected);
        let pairs = [("kind", "title"), ("appId", "1000001"), ("fileId", "film")];
        assert_eq!(context.pairs(), pairs.map(|(name, text)| (name, text.to_owned())));
        assert_eq!(KmsContext::Probe.pairs(), [("kind", "probe".to_owned())]);
    }
}
