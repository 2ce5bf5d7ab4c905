use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;

use crate::kms::aws::{CredentialSource, Remote};

/// How long it may take to find them.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where AWS's own tools look, as the AWS engine of the KMS does.
pub(super) struct Credentials {
    remote: Remote,
    source: CredentialSource,
}

impl Credentials {
    pub(super) fn new(variables: impl Iterator<Item = (String, String)>) -> Result<Self, String> {
        let remote = Remote::new("s3", TIMEOUT)?;
        let source = CredentialSource::new(remote.http().clone(), variables);
        Ok(Self { remote, source })
    }
}

#[async_trait]
impl CredentialProvider for Credentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let failed = |cause: String| object_store::Error::Generic { store: "S3", source: cause.into() };
        let found = tokio::time::timeout(TIMEOUT, self.source.current(&self.remote)).await;
        let found = found.map_err(|_| failed("no credentials in time".to_owned()))?;
        let found = found.map_err(|trouble| failed(trouble.cause().to_owned()))?;
        Ok(Arc::new(AwsCredential {
            key_id: found.access_key_id().to_owned(),
            secret_key: found.secret_access_key().to_owned(),
            token: found.session_token().map(str::to_owned),
        }))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(redacted)")
    }
}
