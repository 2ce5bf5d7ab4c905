use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use url::Url;

use keyveil_protocol::AddressRange;

const TRUSTED_PROXIES_MAX: usize = 256;
/// Two years: what browsers ask of their lists of such hosts.
const HSTS_SECS_MAX: u64 = 63_072_000;

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
    /// Certificate chain in PEM, the server's own first. With it the server speaks TLS and nothing else.
    #[serde(deserialize_with = "optional_path")]
    pub tls_certificate: Option<PathBuf>,
    /// The private key of the certificate, in PEM. Both files are read again when they change.
    #[serde(deserialize_with = "optional_path")]
    pub tls_key: Option<PathBuf>,
    /// How long browsers remember to come by TLS only (`Strict-Transport-Security`), where the server speaks it; 0 says nothing of it.
    pub hsts_secs: u64,
    /// Connections open at once.
    pub max_connections: usize,
    /// Connections open at once from one client, an IPv6 /64 being one; trusted proxies are not counted.
    pub max_connections_per_client: u32,
    /// How often one client network may open playback of one application within a minute.
    pub plays_per_minute: NonZeroU32,
    /// Time for a client to send the head of a request.
    pub head_timeout_secs: u64,
    /// Time for a client to send the body of a request.
    pub body_timeout_secs: u64,
    /// A client that takes nothing of what it is sent is given up after this.
    pub write_timeout_secs: u64,
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
            tls_certificate: None,
            tls_key: None,
            hsts_secs: 31_536_000,
            max_connections: 10_000,
            max_connections_per_client: 1000,
            plays_per_minute: NonZeroU32::MIN.saturating_add(599),
            head_timeout_secs: 10,
            body_timeout_secs: 10,
            write_timeout_secs: 60,
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

    /// Certificate and key, where the server speaks TLS.
    #[must_use]
    pub fn tls(&self) -> Option<(PathBuf, PathBuf)> {
        self.tls_certificate.clone().zip(self.tls_key.clone())
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if !(1..=1_000_000).contains(&self.max_connections) {
            return Err("http.max_connections must be 1 … 1000000".to_owned());
        }
        if !(1..=1_000_000).contains(&self.max_connections_per_client) {
            return Err("http.max_connections_per_client must be 1 … 1000000".to_owned());
        }
        if self.plays_per_minute.get() > 1_000_000 {
            return Err("http.plays_per_minute must be 1 … 1000000".to_owned());
        }
        self.check_tls()?;
        for (name, secs) in [
            ("head_timeout_secs", self.head_timeout_secs),
            ("body_timeout_secs", self.body_timeout_secs),
            ("write_timeout_secs", self.write_timeout_secs),
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

    fn check_tls(&self) -> Result<(), String> {
        if self.tls_certificate.is_some() != self.tls_key.is_some() {
            return Err("http.tls_certificate and http.tls_key go together".to_owned());
        }
        let is_plain = self.public_url.as_ref().is_some_and(|url| url.scheme() != "https");
        if self.tls_certificate.is_some() && is_plain {
            return Err("http.public_url must begin with https:// where http.tls_certificate is set".to_owned());
        }
        if self.hsts_secs > HSTS_SECS_MAX {
            return Err(format!("http.hsts_secs must be 0 … {HSTS_SECS_MAX}"));
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

fn optional_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let path = Option::<PathBuf>::deserialize(deserializer)?;
    Ok(path.filter(|path| !path.as_os_str().is_empty()))
}
