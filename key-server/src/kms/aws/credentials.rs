//! Where AWS credentials come from, in the order of AWS's own tools: variables, the shared credentials file, the container's
//! endpoint (ECS, EKS Pod Identity), the instance's metadata service (version 2).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use reqwest::Method;
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::kms::remote::{Remote, Trouble};

/// Endpoints hand out credentials that are good for longer than this.
const AGE_MAX: Duration = Duration::from_secs(240);
const FILE_LEN_MAX: u64 = 1 << 20;
/// The endpoints are on this machine or next to it. Where there is none, nothing answers.
const ENDPOINT_TIMEOUT: Duration = Duration::from_secs(1);
const CONTAINER_ENDPOINT: &str = "http://169.254.170.2";
const INSTANCE_ENDPOINT: &str = "http://169.254.169.254";
const INSTANCE_PATH: &str = "/latest/meta-data/iam/security-credentials/";

/// Finds credentials, and keeps them a while.
pub(crate) struct CredentialSource {
    http: reqwest::Client,
    /// Those of AWS.
    variables: BTreeMap<String, String>,
    /// Held while they are looked for: calls at once look once.
    found: Mutex<Option<(Instant, Credentials)>>,
}

/// As both endpoints answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EndpointAnswer {
    access_key_id: String,
    secret_access_key: String,
    token: String,
}

impl CredentialSource {
    pub(crate) fn new(http: reqwest::Client, variables: impl Iterator<Item = (String, String)>) -> Self {
        let variables =
            variables.filter(|(name, value)| !value.is_empty() && (name.starts_with("AWS_") || name == "HOME"));
        Self { http, variables: variables.collect(), found: Mutex::new(None) }
    }

    pub(crate) async fn current(&self, remote: &Remote) -> Result<Credentials, Trouble> {
        let mut found = self.found.lock().await;
        if let Some((found_at, credentials)) = &*found
            && found_at.elapsed() < AGE_MAX
        {
            return Ok(credentials.clone());
        }
        let credentials = self.look(remote).await?;
        *found = Some((Instant::now(), credentials.clone()));
        Ok(credentials)
    }

    /// They were refused.
    pub(super) async fn forget(&self) {
        *self.found.lock().await = None;
    }

    async fn look(&self, remote: &Remote) -> Result<Credentials, Trouble> {
        if let (Some(id), Some(secret)) = (self.variable("AWS_ACCESS_KEY_ID"), self.variable("AWS_SECRET_ACCESS_KEY")) {
            return Ok(credentials(id, secret, self.variable("AWS_SESSION_TOKEN")));
        }
        if let Some(credentials) = self.ask_file().await? {
            return Ok(credentials);
        }
        if let Some(url) = self.container_url() {
            return self.ask_container(remote, &url).await;
        }
        if self.variable("AWS_EC2_METADATA_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true")) {
            return Err(none_found("the instance's metadata service is not to be asked"));
        }
        self.ask_instance(remote).await
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// None where there is no such file or no such profile in it.
    async fn ask_file(&self) -> Result<Option<Credentials>, Trouble> {
        let in_home = || Some(PathBuf::from(self.variable("HOME")?).join(".aws/credentials"));
        let named = self.variable("AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from);
        let Some(path) = named.or_else(in_home) else { return Ok(None) };
        match tokio::fs::metadata(&path).await {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Ok(metadata) if metadata.len() > FILE_LEN_MAX => {
                return Err(Trouble::lasting(format!("{} is too long", path.display())));
            }
            _ => {}
        }
        let unreadable = |error| Trouble::lasting(format!("{} can't be read: {error}", path.display()));
        let text = zeroize::Zeroizing::new(tokio::fs::read_to_string(&path).await.map_err(unreadable)?);
        Ok(profile(&text, self.variable("AWS_PROFILE").unwrap_or("default")))
    }

    fn container_url(&self) -> Option<String> {
        let relative = self.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        let relative = relative.map(|path| format!("{CONTAINER_ENDPOINT}{path}"));
        relative.or_else(|| self.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI").map(str::to_owned))
    }

    async fn ask_container(&self, remote: &Remote, url: &str) -> Result<Credentials, Trouble> {
        let token = match self.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            Some(path) => Some(tokio::fs::read_to_string(path).await.map_err(|error| {
                Trouble::lasting(format!("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE can't be read: {error}"))
            })?),
            None => self.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(str::to_owned),
        };
        let headers = token.as_deref().map(|token| ("authorization", token.trim()));
        let text = self.ask(remote, Method::GET, url, headers).await?;
        understood(&text)
    }

    async fn ask_instance(&self, remote: &Remote) -> Result<Credentials, Trouble> {
        let base =
            self.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or(INSTANCE_ENDPOINT).trim_end_matches('/');
        let url = format!("{base}/latest/api/token");
        let lifetime = Some(("x-aws-ec2-metadata-token-ttl-seconds", "300"));
        let token = self.ask(remote, Method::PUT, &url, lifetime).await.map_err(|error| match error {
            Trouble::Passing { cause, .. } => none_found(&format!("no instance metadata service: {cause}")),
            error => error,
        })?;
        let token = Some(("x-aws-ec2-metadata-token", token.trim()));
        let role = self.ask(remote, Method::GET, &format!("{base}{INSTANCE_PATH}"), token).await?;
        let role = role.lines().next().unwrap_or_default().trim();
        let text = self.ask(remote, Method::GET, &format!("{base}{INSTANCE_PATH}{role}"), token).await?;
        understood(&text)
    }

    async fn ask(
        &self,
        remote: &Remote,
        method: Method,
        url: &str,
        header: Option<(&str, &str)>,
    ) -> Result<String, Trouble> {
        let mut request = self.http.request(method, url).timeout(ENDPOINT_TIMEOUT);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let answer = remote.send(request).await?;
        if !answer.status.is_success() {
            return Err(Trouble::passing(format!("{url} answers {}", answer.status)));
        }
        String::from_utf8(answer.body.to_vec()).map_err(|_| Trouble::passing(format!("{url} answers nonsense")))
    }
}

fn understood(text: &str) -> Result<Credentials, Trouble> {
    let answer: EndpointAnswer =
        serde_json::from_str(text).map_err(|_| Trouble::passing("the endpoint for credentials answers nonsense"))?;
    Ok(credentials(&answer.access_key_id, &answer.secret_access_key, Some(&answer.token)))
}

fn credentials(id: &str, secret: &str, session_token: Option<&str>) -> Credentials {
    Credentials::new(id, secret, session_token.map(str::to_owned), None, "keyveil")
}

fn none_found(why: &str) -> Trouble {
    Trouble::lasting(format!(
        "no AWS credentials: neither AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY, nor the profile in the shared credentials \
         file, nor a container's; {why}"
    ))
}

/// The credentials of `[name]` in a shared credentials file.
fn profile(text: &str, name: &str) -> Option<Credentials> {
    let mut fields: BTreeMap<&str, &str> = BTreeMap::new();
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            inside = section.trim() == name;
        } else if inside
            && !line.starts_with(['#', ';'])
            && let Some((field, value)) = line.split_once('=')
        {
            fields.insert(field.trim(), value.trim());
        }
    }
    let session_token = fields.get("aws_session_token").copied();
    Some(credentials(fields.get("aws_access_key_id")?, fields.get("aws_secret_access_key")?, session_token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_found_by_its_name() {
        let text = "# mine\n[default]\naws_access_key_id = A\naws_secret_access_key=S\n\n[ other ]\n\
                    aws_access_key_id=B\n;aws_access_key_id=C\naws_secret_access_key=T=\naws_session_token = U\n[half]\naws_access_key_id=D";
        let found = profile(text, "default").unwrap();
        assert_eq!((found.access_key_id(), found.secret_access_key(), found.session_token()), ("A", "S", None));
        let found = profile(text, "other").unwrap();
        assert_eq!((found.access_key_id(), found.secret_access_key(), found.session_token()), ("B", "T=", Some("U")));
        assert!(profile(text, "half").is_none() && profile(text, "none").is_none() && profile("", "default").is_none());
    }
}
