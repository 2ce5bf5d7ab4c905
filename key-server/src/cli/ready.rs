use std::time::Duration;

use clap::Args;
use url::Url;

use super::{CliError, output};
use crate::config::Config;
use crate::kms::aws::Remote;
use crate::local_worker::loopback_url;

pub(super) const EXAMPLES: &str = "Examples:
  key-server ready                                   the server of this configuration, on this machine
  key-server ready --url https://video.example.com

For containers, whose images have no other HTTP client. A server with TLS of its own is asked by http.public_url, which its
certificate names. Exit code 0 when database, KMS and storage answered it, 1 otherwise.";

/// The server's own answer waits for its KMS and storage.
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub(super) struct ReadyArgs {
    /// Another server than the configured one.
    #[arg(long)]
    url: Option<Url>,
}

pub(super) async fn run(args: ReadyArgs, config: &Config) -> Result<(), CliError> {
    let url = match args.url {
        Some(url) => url,
        None => address(config)?,
    };
    let unready = |why: String| CliError::Other(format!("not ready: {why}"));
    let url = url.join("/readyz").map_err(|error| unready(error.to_string()))?;
    let remote = Remote::new("ready", TIMEOUT).map_err(unready)?;
    let asked = remote.http().get(url.clone()).timeout(TIMEOUT).send().await;
    let response = asked.map_err(|_| unready(format!("{url} does not answer")))?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(unready(format!("{url} answers {}", response.status())));
    }
    output::line("ready")
}

fn address(config: &Config) -> Result<Url, CliError> {
    let http = &config.http;
    match (&http.public_url, http.tls()) {
        (Some(url), Some(_)) => Ok(url.clone()),
        (None, Some(_)) => Err(CliError::Other("a server with TLS needs --url, or http.public_url".to_owned())),
        (_, None) => {
            loopback_url(http.listen).parse().map_err(|_| CliError::Other("http.listen is no address".to_owned()))
        }
    }
}
