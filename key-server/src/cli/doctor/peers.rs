//! Web servers that can be asked: this one, by its public address; and those whose clock this machine's is held against.

use std::time::{Duration, SystemTime};

use reqwest::{Response, header};
use url::Url;

use super::finding::Findings;
use crate::config::{Config, KmsEngine};
use crate::kms::aws::Remote;

const PUBLIC: &str = "public address";
const CLOCK: &str = "clock";
const TIMEOUT: Duration = Duration::from_secs(10);
const ALIVE: &str = "alive";
/// No answer of `/healthz` is longer.
const ANSWER_LEN_MAX: usize = 4096;

/// What another machine's clock said, against this one's: seconds it is ahead, and how far that may be wrong.
pub(super) struct PeerTime {
    pub(super) name: String,
    pub(super) ahead_secs: f64,
    pub(super) unsure_secs: f64,
}

/// Asks, without proxies and without following redirects.
pub(super) struct Peers(Result<Remote, String>);

struct Asked {
    response: Response,
    at: SystemTime,
    took: Duration,
}

impl Peers {
    pub(super) fn new() -> Self {
        Self(Remote::new("doctor", TIMEOUT))
    }

    /// Whether browsers reach a server of this kind where the configuration says.
    pub(super) async fn public_address(&self, config: &Config, findings: &mut Findings) -> Vec<PeerTime> {
        let Some(url) = &config.http.public_url else {
            findings.skipped(PUBLIC, "http.public_url is not set");
            return Vec::new();
        };
        let shown = url.origin().ascii_serialization();
        let asked = match url.join("/healthz").map_err(|error| error.to_string()) {
            Ok(url) => self.ask(&url).await,
            Err(error) => Err(error),
        };
        match asked {
            Ok(asked) => {
                let time = asked.time(&shown);
                judge(asked.response, &shown, findings).await;
                time.into_iter().collect()
            }
            Err(error) => {
                let next = "start the server if it does not run; else look at DNS, the firewall, the proxy and its certificate, as seen from here";
                findings.warning(PUBLIC, format!("{shown} does not answer: {error}"), next);
                Vec::new()
            }
        }
    }

    /// Of the servers that this one works with anyway, and of the one that was named.
    pub(super) async fn times(&self, config: &Config, named: Option<&Url>, findings: &mut Findings) -> Vec<PeerTime> {
        let storage = config.storage.endpoint.as_ref().filter(|_| config.storage.url.is_some());
        let vault = config.kms.vault.address.as_ref().filter(|_| config.kms.uses(KmsEngine::Vault));
        let mut times = Vec::new();
        for (name, url) in [("storage.endpoint", storage), ("kms.vault.address", vault), ("--time-from", named)] {
            let Some(url) = url else { continue };
            let time = self.ask(url).await.map(|asked| asked.time(name));
            match time {
                Ok(Some(time)) => times.push(time),
                Ok(None) => findings.skipped(CLOCK, format!("{name} does not tell the time")),
                Err(error) => findings.skipped(CLOCK, format!("{name} does not answer: {error}")),
            }
        }
        times
    }

    async fn ask(&self, url: &Url) -> Result<Asked, String> {
        let remote = self.0.as_ref().map_err(Clone::clone)?;
        let began = tokio::time::Instant::now();
        let request = remote.http().get(url.clone()).timeout(TIMEOUT).send();
        let response = request.await.map_err(|error| causes(&error))?;
        Ok(Asked { response, at: SystemTime::now(), took: began.elapsed() })
    }
}

impl Asked {
    /// The `Date` header has whole seconds, and was written somewhere between question and answer.
    fn time(&self, name: &str) -> Option<PeerTime> {
        let date = self.response.headers().get(header::DATE)?.to_str().ok()?;
        let theirs = secs(httpdate::parse_http_date(date).ok()?) + 0.5;
        let ours = secs(self.at) - self.took.as_secs_f64() / 2.0;
        let unsure_secs = 0.5 + self.took.as_secs_f64() / 2.0;
        Some(PeerTime { name: name.to_owned(), ahead_secs: theirs - ours, unsure_secs })
    }
}

async fn judge(mut response: Response, shown: &str, findings: &mut Findings) {
    let status = response.status();
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_LEN_MAX {
            break;
        }
    }
    let said = serde_json::from_slice::<serde_json::Value>(&body).unwrap_or_default();
    if status.is_success() && said.get("status").is_some_and(|status| status == ALIVE) {
        findings.ok(PUBLIC, format!("{shown} is answered by a key server"));
    } else {
        let what = format!("{shown} is answered by something else, or by a proxy without its server ({status})");
        findings.problem(
            PUBLIC,
            what,
            "set http.public_url to the address that browsers use, and let the proxy pass every path on",
        );
    }
}

fn secs(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// The innermost says most; addresses are the configuration's, and left out.
fn causes(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() { "not in time" } else { "no connection" }.to_owned();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
