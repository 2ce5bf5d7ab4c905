use std::net::SocketAddr;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// `[metrics]`: where Prometheus reads what the server counts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// A listener of its own, without TLS; port 0 takes a free one. None when absent.
    #[serde(deserialize_with = "optional_address")]
    pub listen: Option<SocketAddr>,
}

/// An empty text is none: a variable can't be absent in every shell.
fn optional_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(|_| D::Error::custom(format!("{text} is no address and port")))).transpose()
}
