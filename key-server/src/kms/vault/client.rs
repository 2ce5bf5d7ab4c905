use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

use crate::config::VaultConfig;
use crate::kms::KmsError;
use crate::kms::remote::{Answer, Remote, Trouble, shortened};
use crate::kms::secret_file::read_private_text;

/// What transit says of a ciphertext that does not open, in Vault and in OpenBao. `rewrap` says the first of them with
/// status 500.
const REJECTIONS: [&str; 4] =
    ["message authentication failed", "invalid ciphertext", "no such key version", "invalid key version"];

/// Speaks to one transit key with the token of a file.
pub(super) struct Client {
    remote: Remote,
    /// `<address>/v1/<mount>`.
    base: Url,
    key: String,
    namespace: Option<String>,
    token_file: PathBuf,
    token: Mutex<Option<Zeroizing<String>>>,
}

#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Default, Deserialize)]
struct ErrorAnswer {
    #[serde(default)]
    errors: Vec<String>,
}

impl Client {
    pub(super) fn new(config: &VaultConfig, timeout: Duration) -> Result<Self, String> {
        let address = config.address.clone().ok_or("kms.vault.address is missing")?;
        let token_file = config.token_file.clone().ok_or("kms.vault.token_file is missing")?;
        if address.scheme() != "https" {
            tracing::warn!(%address, "kms.vault.address is not https: whoever sees the network sees token and secrets");
        }
        let mut base = address;
        base.path_segments_mut()
            .map_err(|()| "kms.vault.address can't be one of a server")?
            .pop_if_empty()
            .push("v1")
            .extend(config.mount.split('/').filter(|part| !part.is_empty()));
        let remote = Remote::new("vault", timeout)?;
        let (key, namespace) = (config.key.clone(), config.namespace.clone());
        Ok(Self { remote, base, key, namespace, token_file, token: Mutex::new(None) })
    }

    /// `POST <operation>/<key>`; `understand` makes of a good answer what was wanted.
    pub(super) async fn call<R: DeserializeOwned, T>(
        &self,
        operation: &'static str,
        request: &impl Serialize,
        understand: impl Fn(R) -> Result<T, Trouble>,
    ) -> Result<T, KmsError> {
        let body = self.remote.body(operation, request)?;
        self.ask_for(operation, Some(body), understand).await
    }

    /// `GET keys/<key>`.
    pub(super) async fn read_key<R: DeserializeOwned, T>(
        &self,
        understand: impl Fn(R) -> Result<T, Trouble>,
    ) -> Result<T, KmsError> {
        self.ask_for("keys", None, understand).await
    }

    async fn ask_for<R: DeserializeOwned, T>(
        &self,
        operation: &'static str,
        body: Option<Bytes>,
        understand: impl Fn(R) -> Result<T, Trouble>,
    ) -> Result<T, KmsError> {
        let understand = |answer: Envelope<R>| understand(answer.data);
        self.remote.call(operation, || self.attempt(operation, &body), understand).await
    }

    async fn attempt(&self, operation: &str, body: &Option<Bytes>) -> Result<Answer, Trouble> {
        let token = self.token().await?;
        let mut answer = self.ask(operation, body, &token).await?;
        if answer.status == StatusCode::FORBIDDEN {
            // Whoever renews tokens writes a new one into the file.
            *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
            let renewed = self.token().await?;
            if renewed != token {
                answer = self.ask(operation, body, &renewed).await?;
            }
        }
        if answer.status.is_success() { Ok(answer) } else { Err(trouble(&answer)) }
    }

    async fn ask(&self, operation: &str, body: &Option<Bytes>, token: &str) -> Result<Answer, Trouble> {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(operation.split('/')).push(&self.key);
        }
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let mut request = self.remote.http().request(method, url).header("x-vault-request", "true");
        let mut token = header::HeaderValue::from_str(token)
            .map_err(|_| Trouble::lasting(format!("{} holds no token", self.token_file.display())))?;
        token.set_sensitive(true);
        request = request.header("x-vault-token", token);
        if let Some(namespace) = &self.namespace {
            request = request.header("x-vault-namespace", namespace);
        }
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body.clone());
        }
        self.remote.send(request).await
    }

    async fn token(&self) -> Result<Zeroizing<String>, Trouble> {
        if let Some(token) = &*self.token.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(token.clone());
        }
        let path = self.token_file.clone();
        let read = tokio::task::spawn_blocking(move || read_private_text(&path)).await;
        let token = read.map_err(|error| Trouble::passing(error.to_string()))?;
        let token = token.map_err(|error| Trouble::lasting(error.to_string()))?;
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        Ok(token)
    }
}

fn trouble(answer: &Answer) -> Trouble {
    let errors = serde_json::from_slice::<ErrorAnswer>(&answer.body).unwrap_or_default().errors.join("; ");
    let (status, retry_after) = (answer.status.as_u16(), answer.retry_after);
    let cause = format!("{status}: {}", shortened(&errors));
    match status {
        _ if REJECTIONS.iter().any(|words| errors.contains(words)) => Trouble::Rejected(cause),
        // 412: a standby that has not caught up. 429: a quota, or a standby asked for its health.
        412 | 429 | 500.. => Trouble::Passing { cause, retry_after },
        300..400 => Trouble::lasting(format!("{status}: redirects are not followed; name the address of the cluster")),
        _ => Trouble::Lasting(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart() {
        for (status, body, rejected, passing) in [
            (400, r#"{"errors":["cipher: message authentication failed"]}"#, true, false),
            (500, r#"{"errors":["1 error occurred:\n\t* cipher: message authentication failed\n\n"]}"#, true, false),
            (400, r#"{"errors":["invalid ciphertext: version is too new"]}"#, true, false),
            (400, r#"{"errors":["encryption key not found"]}"#, false, false),
            (400, r#"{"errors":["ciphertext or signature version is disallowed by policy (too old)"]}"#, false, false),
            (403, r#"{"errors":["permission denied"]}"#, false, false),
            (404, r#"{"errors":["no handler for route \"transit/encrypt/a\". route entry not found."]}"#, false, false),
            (307, "", false, false),
            (412, r#"{"errors":["required index state not present"]}"#, false, true),
            (429, r#"{"errors":["request path \"transit/decrypt/a\": rate limit quota exceeded"]}"#, false, true),
            (503, r#"{"errors":["Vault is sealed"]}"#, false, true),
            (502, "<html>", false, true),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let trouble = trouble(&Answer { status, retry_after: None, body: Zeroizing::new(body.into()) });
            assert_eq!(matches!(trouble, Trouble::Rejected(_)), rejected, "{body}");
            assert_eq!(matches!(trouble, Trouble::Passing { .. }), passing, "{body}");
        }
    }
}
