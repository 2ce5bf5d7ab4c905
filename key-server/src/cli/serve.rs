use tokio::signal::unix::{SignalKind, signal};

use super::{CliError, output};
use crate::clock::Clock;
use crate::config::Config;
use crate::http::Server;
use crate::installation;
use crate::traces::Traces;

pub(super) const EXAMPLES: &str = "Examples:
  key-server serve
  key-server serve --config key-server.toml
  KEYVEIL_LISTEN=127.0.0.1:9000 KEYVEIL_DATA=/var/lib/keyveil key-server serve
  KEYVEIL_PUBLIC_URL=https://video.example.com key-server serve     behind a TLS proxy
  KEYVEIL_LISTEN=0.0.0.0:443 KEYVEIL_PUBLIC_URL=https://video.example.com KEYVEIL_HTTP_TLS_CERTIFICATE=fullchain.pem \\
      KEYVEIL_HTTP_TLS_KEY=privkey.pem key-server serve              TLS of its own; renewed files are taken without a restart

Prints `listening: URL` on standard output when it is ready; logs go to standard error.";

pub(super) async fn serve(config: Config, traces: Option<Traces>) -> Result<(), CliError> {
    let result = serve_here(config).await;
    if let Some(traces) = traces {
        traces.end().await;
    }
    result
}

async fn serve_here(config: Config) -> Result<(), CliError> {
    let installation = installation::open(&config).await?;
    let server = Server::bind(installation, config, Clock::default())?;
    let state = server.state();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    output::line(&format!("listening: {}", server.url().as_str().trim_end_matches('/')))?;
    if let Some(address) = server.metrics_address() {
        tracing::info!("metrics: http://{address}/metrics");
    }
    let stopper = actix_web::rt::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping: running requests may end first");
        state.begin_stop();
    });
    let result = server.run().await;
    stopper.abort();
    tracing::info!("stopped");
    Ok(result?)
}
