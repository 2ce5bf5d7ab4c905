use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use reqwest::RequestBuilder;
use ring::digest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::api::ErrorAnswer;
use super::credentials::CredentialSource;
use crate::config::AwsKmsConfig;
use crate::kms::KmsError;
use crate::kms::remote::{Answer, Remote, Trouble, shortened};

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// Signs requests and understands refusals.
pub(super) struct Client {
    remote: Remote,
    endpoint: Url,
    region: String,
    credentials: CredentialSource,
}

impl Client {
    pub(super) fn new(
        config: &AwsKmsConfig,
        timeout: Duration,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, String> {
        let endpoint = match &config.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => endpoint_of(&config.region)?,
        };
        let remote = Remote::new("aws", timeout)?;
        let credentials = CredentialSource::new(remote.http().clone(), variables);
        Ok(Self { remote, endpoint, region: config.region.clone(), credentials })
    }

    /// `understand` makes of a good answer what was wanted.
    pub(super) async fn call<R: DeserializeOwned, T>(
        &self,
        operation: &'static str,
        request: &impl Serialize,
        understand: impl Fn(R) -> Result<T, Trouble>,
    ) -> Result<T, KmsError> {
        let body = self.remote.body(operation, request)?;
        self.remote.call(operation, || self.attempt(operation, &body), understand).await
    }

    async fn attempt(&self, operation: &'static str, body: &Bytes) -> Result<Answer, Trouble> {
        let credentials = self.credentials.current(&self.remote).await?;
        let request = self.signed(operation, body, credentials)?;
        let answer = self.remote.send(request).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let refusal: ErrorAnswer = serde_json::from_slice(&answer.body).unwrap_or_default();
        if is_about_credentials(refusal.kind()) {
            self.credentials.forget().await;
        }
        Err(trouble(&answer, &refusal))
    }

    fn signed(&self, operation: &str, body: &Bytes, credentials: Credentials) -> Result<RequestBuilder, Trouble> {
        let unsigned = |error: &dyn std::error::Error| Trouble::lasting(format!("a request can't be signed: {error}"));
        let target = format!("TrentService.{operation}");
        let headers = [("content-type", CONTENT_TYPE), ("x-amz-target", target.as_str())];
        // Its hash is all that the signature needs; so nothing but this server and AWS sees the body.
        let hash = hex::encode(digest::digest(&digest::SHA256, body));
        let request =
            SignableRequest::new("POST", self.endpoint.as_str(), headers.into_iter(), SignableBody::Precomputed(hash))
                .map_err(|error| unsigned(&error))?;
        let identity = credentials.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("kms")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| unsigned(&error))?;
        let (signature, _) = sign(request, &params.into()).map_err(|error| unsigned(&error))?.into_parts();
        let mut request = self.remote.http().post(self.endpoint.clone()).body(body.clone());
        for (name, value) in headers.into_iter().chain(signature.headers()) {
            request = request.header(name, value);
        }
        Ok(request)
    }
}

fn endpoint_of(region: &str) -> Result<Url, String> {
    let is_region =
        !region.is_empty() && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let url = Url::parse(&format!("https://kms.{region}.{suffix}/")).ok();
    url.filter(|_| is_region).ok_or_else(|| format!("kms.aws.region {region} is no region"))
}

/// Temporary ones expire, and files get new ones.
fn is_about_credentials(kind: &str) -> bool {
    matches!(
        kind,
        "ExpiredTokenException" | "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidSignatureException"
    )
}

fn trouble(answer: &Answer, refusal: &ErrorAnswer) -> Trouble {
    let (kind, message) = (refusal.kind(), shortened(&refusal.message));
    let cause = format!("{} {kind}: {message}", answer.status.as_u16());
    match kind {
        "InvalidCiphertextException" | "IncorrectKeyException" => Trouble::Rejected(cause),
        // Also said of an altered blob that names somebody else's key. AWS does not tell the two apart, and a permission
        // that comes back must find every secret as it was.
        "AccessDeniedException" | "AccessDenied" => {
            Trouble::Lasting(format!("the credentials may not use the key: {cause}"))
        }
        "ThrottlingException" | "LimitExceededException" | "KeyUnavailableException" => {
            Trouble::Passing { cause, retry_after: answer.retry_after }
        }
        _ if is_about_credentials(kind) => Trouble::passing(cause),
        _ if answer.status.is_server_error() || answer.status.as_u16() == 429 => {
            Trouble::Passing { cause, retry_after: answer.retry_after }
        }
        _ => Trouble::Lasting(cause),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use zeroize::Zeroizing;

    use super::*;

    fn of(status: u16, body: &str) -> Trouble {
        let status = StatusCode::from_u16(status).unwrap();
        let answer = Answer { status, retry_after: None, body: Zeroizing::new(body.into()) };
        trouble(&answer, &serde_json::from_str(body).unwrap_or_default())
    }

    #[test]
    fn refusals_are_told_apart() {
        let denied = "User: arn:aws:iam::1:user/a is not authorized to perform: kms:Decrypt on resource: b";
        for (status, body, rejected, passing) in [
            (400, r#"{"__type":"InvalidCiphertextException"}"#.to_owned(), true, false),
            (400, r#"{"__type":"com.amazonaws.kms#IncorrectKeyException","message":"a"}"#.to_owned(), true, false),
            (
                400,
                r#"{"__type":"AccessDeniedException","Message":"The ciphertext refers to a key"}"#.to_owned(),
                false,
                false,
            ),
            (400, r#"{"__type":"AccessDenied","message":"a"}"#.to_owned(), false, false),
            (400, format!(r#"{{"__type":"AccessDeniedException","Message":"{denied}"}}"#), false, false),
            (400, r#"{"__type":"NotFoundException","message":"a"}"#.to_owned(), false, false),
            (400, r#"{"__type":"ThrottlingException","message":"a"}"#.to_owned(), false, true),
            (400, r#"{"__type":"ExpiredTokenException","message":"a"}"#.to_owned(), false, true),
            (500, r#"{"__type":"KMSInternalException"}"#.to_owned(), false, true),
            (503, "<html>".to_owned(), false, true),
            (404, "<html>".to_owned(), false, false),
        ] {
            let trouble = of(status, &body);
            assert_eq!(matches!(trouble, Trouble::Rejected(_)), rejected, "{body}");
            assert_eq!(matches!(trouble, Trouble::Passing { .. }), passing, "{body}");
        }
    }

    #[test]
    fn a_lost_permission_is_told_as_one() {
        let trouble = of(400, r#"{"__type":"AccessDeniedException","Message":"The ciphertext refers to a key"}"#);
        let cause = "400 AccessDeniedException: The ciphertext refers to a key";
        assert_eq!(trouble, Trouble::Lasting(format!("the credentials may not use the key: {cause}")));
    }

    #[test]
    fn a_region_names_its_endpoint() {
        assert_eq!(endpoint_of("eu-central-1").unwrap().as_str(), "https://kms.eu-central-1.amazonaws.com/");
        assert_eq!(endpoint_of("cn-north-1").unwrap().as_str(), "https://kms.cn-north-1.amazonaws.com.cn/");
        for unfit in ["", "eu/../x", "a.evil.example", "EU"] {
            assert!(endpoint_of(unfit).is_err());
        }
    }
}
