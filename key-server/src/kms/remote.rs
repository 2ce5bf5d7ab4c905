//! What the engines behind HTTP share: one client, bounded answers, and repetitions within the time that a call may take.

use std::error::Error;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::{RequestBuilder, StatusCode, header, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::KmsError;

const ATTEMPTS_MAX: u32 = 3;
const PAUSE_FIRST: Duration = Duration::from_millis(50);
/// The longest that any of them has to say is a ciphertext of a kilobyte.
const ANSWER_LEN_MAX: usize = 64 << 10;
/// Nobody is put off for longer, whatever another server says.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);
/// What is told of a cause that another server worded.
const CAUSE_LEN_MAX: usize = 500;

/// Why an attempt came to nothing. The causes are for the log, and hold no secret.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The ciphertext's or the context's.
    Rejected(String),
    /// May pass by itself.
    Passing {
        cause: String,
        /// As the other side said.
        retry_after: Option<Duration>,
    },
    /// Nobody but the operator can help.
    Lasting(String),
}

impl Trouble {
    pub(super) fn passing(cause: impl Into<String>) -> Self {
        Self::Passing { cause: cause.into(), retry_after: None }
    }

    pub(super) fn lasting(cause: impl Into<String>) -> Self {
        Self::Lasting(cause.into())
    }

    /// For the log.
    pub(crate) fn cause(&self) -> &str {
        match self {
            Self::Rejected(cause) | Self::Lasting(cause) | Self::Passing { cause, .. } => cause,
        }
    }
}

/// Whatever was answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// The way to an engine.
pub(crate) struct Remote {
    engine: &'static str,
    http: reqwest::Client,
    timeout: Duration,
}

impl Remote {
    /// `timeout` is for a call with all its attempts.
    pub(crate) fn new(engine: &'static str, timeout: Duration) -> Result<Self, String> {
        // Whoever was first has installed the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Secrets go straight to the engine: not by proxies of the environment, and not to where an answer points.
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(timeout)
            .user_agent(concat!("keyveil/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| format!("the HTTP client can't be made: {}", explain(&error)))?;
        Ok(Self { engine, http, timeout })
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Sends, and reads the whole answer.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Answer, Trouble> {
        let unreadable = |error: reqwest::Error| Trouble::passing(explain(&error));
        let mut response = request.send().await.map_err(unreadable)?;
        let mut body = Zeroizing::new(Vec::with_capacity(ANSWER_LEN_MAX));
        while let Some(chunk) = response.chunk().await.map_err(unreadable)? {
            if body.len() + chunk.len() > ANSWER_LEN_MAX {
                return Err(Trouble::passing(format!("the answer is longer than {ANSWER_LEN_MAX} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status: response.status(), retry_after: retry_after(response.headers()), body })
    }

    /// What a call sends.
    pub(super) fn body(&self, what: &'static str, request: &impl Serialize) -> Result<Bytes, KmsError> {
        serde_json::to_vec(request).map(Bytes::from).map_err(|error| {
            tracing::error!(engine = self.engine, what, %error, "a request to the KMS can't be written");
            KmsError::UNAVAILABLE
        })
    }

    /// One call: `attempt` brings a good answer, and `understand` makes of what it says what was wanted.
    pub(super) async fn call<A: DeserializeOwned, T, F: Future<Output = Result<Answer, Trouble>>>(
        &self,
        what: &'static str,
        attempt: impl Fn() -> F,
        understand: impl Fn(A) -> Result<T, Trouble>,
    ) -> Result<T, KmsError> {
        let understood = || async {
            let answer = serde_json::from_slice(&attempt().await?.body)
                .map_err(|error| Trouble::passing(format!("the answer is not what is documented: {error}")))?;
            understand(answer)
        };
        self.repeat(what, understood).await
    }

    /// Attempts until it is done, until it is no use, or until time is up. One that hangs leaves half of the time to others.
    async fn repeat<T, F: Future<Output = Result<T, Trouble>>>(
        &self,
        what: &'static str,
        attempt: impl Fn() -> F,
    ) -> Result<T, KmsError> {
        let engine = self.engine;
        let end = Instant::now() + self.timeout;
        let mut hint = None;
        for number in 1..=ATTEMPTS_MAX {
            let left = end.saturating_duration_since(Instant::now());
            let limit = if number == ATTEMPTS_MAX { left } else { left / 2 };
            let trouble = match tokio::time::timeout(limit, attempt()).await {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(trouble)) => trouble,
                Err(_) => Trouble::passing(format!("no answer within {} ms", limit.as_millis())),
            };
            match trouble {
                Trouble::Rejected(cause) => {
                    tracing::warn!(engine, what, cause, "the KMS rejected a ciphertext");
                    return Err(KmsError::Rejected);
                }
                Trouble::Lasting(cause) => {
                    tracing::error!(engine, what, cause, "the KMS can't be used");
                    return Err(KmsError::UNAVAILABLE);
                }
                Trouble::Passing { cause, retry_after } => {
                    tracing::warn!(engine, what, cause, attempt = number, "the KMS does not answer");
                    hint = retry_after;
                }
            }
            let pause = hint.unwrap_or_else(|| jittered(PAUSE_FIRST * (1 << number)));
            if number == ATTEMPTS_MAX || Instant::now() + pause >= end {
                break;
            }
            tokio::time::sleep(pause).await;
        }
        Err(KmsError::Unavailable { retry_after: hint })
    }
}

/// Of its two forms only the one in seconds is in use among these engines.
fn retry_after(headers: &header::HeaderMap) -> Option<Duration> {
    let secs = headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(secs).min(RETRY_AFTER_MAX))
}

/// Half of it, and a part of the rest by chance: servers that failed together don't come back together.
fn jittered(pause: Duration) -> Duration {
    let mut chance = [0];
    // Without chance it is merely not spread.
    let _ = getrandom::fill(&mut chance);
    pause / 2 + pause * u32::from(chance[0]) / 512
}

/// With its causes, and without the address: that is in the configuration.
fn explain(error: &reqwest::Error) -> String {
    let mut text = if error.is_connect() { "no connection".to_owned() } else { "the request failed".to_owned() };
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Words of another server, fit for a line of the log.
pub(super) fn shortened(text: &str) -> String {
    let line: String = text.chars().take(CAUSE_LEN_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_server_asks_for_a_pause_of_half_a_minute_at_most() {
        for (text, pause) in [
            ("0", Some(0)),
            ("7", Some(7)),
            ("30", Some(30)),
            ("31", Some(30)),
            ("18446744073709551615", Some(30)),
            ("18446744073709551616", None),
            ("-1", None),
            ("Fri, 31 Dec 1999 23:59:59 GMT", None),
        ] {
            let headers = [(header::RETRY_AFTER, header::HeaderValue::from_static(text))].into_iter().collect();
            assert_eq!(retry_after(&headers), pause.map(Duration::from_secs), "{text}");
        }
        assert_eq!(retry_after(&header::HeaderMap::new()), None);
    }

    #[tokio::test]
    async fn a_pause_without_end_is_passed_on_and_not_waited_for() {
        let remote = Remote::new("test", Duration::from_secs(3)).unwrap();
        let headers = [(header::RETRY_AFTER, header::HeaderValue::from_static("18446744073709551615"))];
        let pause = retry_after(&headers.into_iter().collect());
        let attempt = || async { Err::<(), _>(Trouble::Passing { cause: "busy".to_owned(), retry_after: pause }) };
        let error = remote.repeat("test", attempt).await.unwrap_err();
        assert_eq!(error, KmsError::Unavailable { retry_after: Some(RETRY_AFTER_MAX) });
    }
}
