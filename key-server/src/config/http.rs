use std::net::SocketAddr;
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use url::Url;

use keyveil_protocol::AddressRange;

const TRUSTED_PROXIES_MAX: usize = 256;

/// `[http]`: where the server listens and what it puts up with.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How browsers reach this server (scheme, host, port); derived from `listen` when absent.
    #[serde(deserialize_with = "optional_url")]
    pub public_url: Option<Url>,
    /// Proxies whose `X-Forwarded-For` is believed, and whose questions about addresses are answered: none by default.
    pub trusted_proxies: Vec<AddressRange>,
    /// Connections open at once.
    pub max_connections: usize,
    /// Time for a client to send the head of a request.
    pub head_timeout_secs: u64,
    /// Time for a client to send the body of a request.
    pub body_timeout_secs: u64,
    /// An idle connection is closed after this.
    pub keep_alive_secs: u64,
    /// Time that running requests get when the server is told to stop.
    pub drain_secs: u64,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            trusted_proxies: Vec::new(),
            max_connections: 10_000,
            head_timeout_secs: 10,
            body_timeout_secs: 10,
            keep_alive_secs: 75,
            drain_secs: 10,
        }
    }
}

impl HttpConfig {
    /// The time a request body may take.
    #[must_use]
    pub fn body_timeout(&self) -> Duration {
        Duration::from_secs(self.body_timeout_secs)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if !(1..=1_000_000).contains(&self.max_connections) {
            return Err("http.max_connections must be 1 … 1000000".to_owned());
        }
        for (name, secs) in [
            ("head_timeout_secs", self.head_timeout_secs),
            ("body_timeout_secs", self.body_timeout_secs),
            ("keep_alive_secs", self.keep_alive_secs),
            ("drain_secs", self.drain_secs),
        ] {
            if !(1..=600).contains(&secs) {
                return Err(format!("http.{name} must be 1 … 600"));
            }
        }
        if self.trusted_proxies.len() > TRUSTED_PROXIES_MAX {
            return Err(format!("http.trusted_proxies may have {TRUSTED_PROXIES_MAX} addresses and ranges"));
        }
        if let Some(url) = &self.public_url {
            let bare =
                url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
            if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || !bare {
                return Err(
                    "http.public_url must be scheme, host and port only, such as https://video.example.com".to_owned()
                );
            }
        }
        Ok(())
    }
}

/// An empty text is none: a variable can't be absent in every shell.
pub(super) fn optional_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.filter(|text| !text.is_empty())
        .map(|text| Url::parse(&text).map_err(|error| D::Error::custom(format!("{text} is no address: {error}"))))
        .transpose()
}
