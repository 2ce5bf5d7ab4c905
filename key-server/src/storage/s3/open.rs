use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, Checksum};
use object_store::client::{HttpClient, HttpConnector};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use reqwest::redirect;
use url::Url;

use super::S3;
use super::credentials::Credentials;
use crate::config::{StorageConfig, StorageUrl};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Without a byte.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(20);
/// Of each request; between them from a tenth of a second to two, spread by chance.
const RETRIES_MAX: usize = 3;
/// No request is tried again later than this.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);

impl S3 {
    /// `folder` below the configured prefix. Asks nothing yet. `variables` are those of the environment, where credentials
    /// may stand.
    pub fn open(
        config: &StorageConfig,
        url: &StorageUrl,
        folder: &str,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, String> {
        let http = http_client()?;
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&url.bucket)
            .with_region(&config.region)
            .with_credentials(Arc::new(Credentials::new(variables)?))
            .with_http_connector(Connector(http.clone()))
            .with_checksum_algorithm(Checksum::SHA256)
            .with_retry(RetryConfig {
                backoff: BackoffConfig {
                    init_backoff: Duration::from_millis(100),
                    max_backoff: Duration::from_secs(2),
                    base: 2.0,
                },
                max_retries: RETRIES_MAX,
                retry_timeout: RETRY_TIMEOUT,
            });
        let path_style = config.path_style.unwrap_or(config.endpoint.is_some());
        builder = builder.with_virtual_hosted_style_request(!path_style);
        if let Some(endpoint) = &config.endpoint {
            let address = if path_style { endpoint.clone() } else { of_bucket(endpoint, &url.bucket)? };
            builder = builder
                .with_endpoint(address.as_str().trim_end_matches('/'))
                .with_allow_http(address.scheme() == "http");
        }
        let store = Arc::new(builder.build().map_err(|error| format!("the S3 client can't be made: {error}"))?);
        let prefix = if url.prefix.is_empty() { folder.to_owned() } else { format!("{}/{folder}", url.prefix) };
        Ok(Self { store, http, bucket: url.bucket.clone(), prefix })
    }
}

/// `https://bucket.s3.example.com`.
fn of_bucket(endpoint: &Url, bucket: &str) -> Result<Url, String> {
    let unfit = || "storage.endpoint needs path_style = true: its host can't have a bucket before it".to_owned();
    let host = endpoint.domain().ok_or_else(unfit)?;
    let mut address = endpoint.clone();
    address.set_host(Some(&format!("{bucket}.{host}"))).map_err(|_| unfit())?;
    Ok(address)
}

/// Credentials and media go straight to the store: not by proxies of the environment, and not to where an answer points.
fn http_client() -> Result<reqwest::Client, String> {
    // Whoever was first has installed the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .http1_only()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(SILENCE_TIMEOUT)
        .user_agent(concat!("keyveil/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|_| "the HTTP client for S3 can't be made".to_owned())
}

/// Has the store use one client, this one.
#[derive(Debug)]
struct Connector(reqwest::Client);

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_stands_in_the_path_or_in_the_host() {
        let endpoint = Url::parse("https://s3.example.com:9000").unwrap();
        assert_eq!(of_bucket(&endpoint, "media").unwrap().as_str(), "https://media.s3.example.com:9000/");
        assert!(of_bucket(&Url::parse("http://127.0.0.1:9000").unwrap(), "media").is_err());
    }
}
