use serde::Deserialize;
use url::Url;

use super::http::optional_url;

const TRACES_PATH: &str = "v1/traces";

/// `[tracing]`: where spans of requests go.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TracingConfig {
    /// A collector that takes OTLP by HTTP, without `/v1/traces`; nothing is traced when absent.
    #[serde(deserialize_with = "optional_url")]
    pub otlp_endpoint: Option<Url>,
    /// Which part of the requests is traced that come without a `traceparent`.
    pub sample_ratio: f64,
    /// Which part of those whose `traceparent` says that their caller traces them. Anybody can say so.
    pub parent_ratio: f64,
}

impl Default for TracingConfig {
    fn default() -> Self {
        Self { otlp_endpoint: None, sample_ratio: 0.05, parent_ratio: 0.05 }
    }
}

impl TracingConfig {
    /// Where exactly spans are posted.
    pub(crate) fn endpoint(&self) -> Option<String> {
        let base = self.otlp_endpoint.as_ref()?.as_str().trim_end_matches('/');
        Some(format!("{base}/{TRACES_PATH}"))
    }

    pub(super) fn check(&self) -> Result<(), String> {
        for (name, ratio) in [("sample_ratio", self.sample_ratio), ("parent_ratio", self.parent_ratio)] {
            if !(0.0..=1.0).contains(&ratio) {
                return Err(format!("tracing.{name} must be 0 … 1"));
            }
        }
        let Some(url) = &self.otlp_endpoint else { return Ok(()) };
        let bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if !matches!(url.scheme(), "http" | "https") || url.password().is_some() || !bare {
            return Err("tracing.otlp_endpoint must be an address such as http://127.0.0.1:4318; credentials are the \
                        environment's (OTEL_EXPORTER_OTLP_HEADERS)"
                .to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(endpoint: &str, ratio: f64) -> TracingConfig {
        TracingConfig { otlp_endpoint: Some(endpoint.parse().unwrap()), sample_ratio: ratio, parent_ratio: 1.0 }
    }

    #[test]
    fn collectors_and_ratios_are_checked() {
        assert_eq!(TracingConfig::default().endpoint(), None);
        for (endpoint, posted) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("https://otel.example.com/tenant/", "https://otel.example.com/tenant/v1/traces"),
        ] {
            let config = config(endpoint, 0.0);
            assert_eq!(config.check(), Ok(()));
            assert_eq!(config.endpoint().as_deref(), Some(posted));
        }
        for endpoint in ["ftp://a", "http://user@a", "http://:secret@a", "http://a/?key=1", "http://a/#b"] {
            assert!(config(endpoint, 1.0).check().is_err(), "{endpoint}");
        }
        for ratio in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(config("http://a", ratio).check().is_err(), "{ratio}");
        }
    }
}
