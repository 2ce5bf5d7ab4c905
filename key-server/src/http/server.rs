use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App, web};
use tokio_rustls::TlsAcceptor;
use url::Url;

use super::listener::Door;
use super::tls::{Certificate, Pair, TlsError};
use super::{connection, cors, envelope, listener, metrics, router};
use crate::background;
use crate::clock::Clock;
use crate::config::Config;
use crate::installation::Installation;
use crate::local_worker;
use crate::state::ServerState;

const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A server that listens.
pub struct Server {
    address: SocketAddr,
    url: Url,
    state: web::Data<ServerState>,
    running: actix_web::dev::Server,
    /// Where the server's own worker reaches it.
    worker_address: SocketAddr,
    certificate: Option<(Arc<Certificate>, Pair)>,
    metrics: Option<(SocketAddr, actix_web::dev::Server)>,
}

/// The server can't listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// On its address.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's answer.
        source: std::io::Error,
    },
    /// With its certificate.
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
}

/// Stops a server.
#[derive(Clone)]
pub struct StopHandle {
    running: ServerHandle,
    state: web::Data<ServerState>,
}

impl StopHandle {
    /// `graceful` lets running requests end first; streams, which have no end, are ended.
    pub async fn stop(&self, graceful: bool) {
        self.state.change_streams.end();
        self.running.stop(graceful).await;
    }
}

impl Server {
    /// Listens. Has to be called inside an actix system; requests are answered once [`Server::run`] is polled.
    pub fn bind(installation: Installation, config: Config, clock: Clock) -> Result<Self, ServeError> {
        let address = config.http.listen;
        let failed = |source| ServeError::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let (http, metrics_listen) = (config.http.clone(), config.metrics.listen);
        let url = match &http.public_url {
            Some(url) => url.clone(),
            None => derived_url(bound, http.tls().is_some()).map_err(|error| failed(std::io::Error::other(error)))?,
        };
        // A name that nobody configured is no host to look for in a certificate.
        let host = http.public_url.as_ref().and_then(Url::host_str).map(str::to_owned);
        let certificate = http.tls().map(|files| Certificate::open(files, host)).transpose()?;
        let tls = certificate.as_ref().map(|(certificate, _)| certificate.server_config()).transpose()?;
        let door = Door::new(&http, tls.map(|config| TlsAcceptor::from(Arc::new(config))));
        let for_worker = if certificate.is_some() && config.workers.local {
            Some(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?)
        } else {
            None
        };
        let state = web::Data::new(ServerState::new(installation, config, clock, url.clone()));
        let metrics = metrics_listen.map(|address| metrics::bind(address, &http, state.clone())).transpose()?;
        let app_state = state.clone();
        let app = move || {
            App::new()
                .app_data(app_state.clone())
                .configure(router::routes)
                .wrap(from_fn(cors::cors))
                .wrap(from_fn(envelope::envelope))
                .wrap(from_fn(connection::activity))
        };
        let workers = available_parallelism().map_or(1, usize::from);
        let mut builder = listener::builder(&http, workers);
        let mut worker_address = bound;
        if let Some(for_worker) = for_worker {
            worker_address = for_worker.local_addr().map_err(failed)?;
            builder = listener::listen(builder, for_worker, door.plain(), app.clone()).map_err(failed)?;
        }
        let running = listener::listen(builder, listener, door, app).map_err(failed)?.run();
        Ok(Self { address: bound, url, state, running, worker_address, certificate, metrics })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its metrics are read, if anywhere.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|(address, _)| *address)
    }

    /// How browsers reach it.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// What its requests see.
    #[must_use]
    pub fn state(&self) -> web::Data<ServerState> {
        self.state.clone()
    }

    /// Stops it from elsewhere.
    #[must_use]
    pub fn handle(&self) -> StopHandle {
        StopHandle { running: self.running.handle(), state: self.state.clone() }
    }

    /// Answers requests until it is stopped, then closes the database.
    pub async fn run(self) -> std::io::Result<()> {
        let mut tasks = background::start(&self.state.clone().into_inner());
        if let Some((certificate, pair)) = self.certificate {
            tasks.spawn(certificate.watch(pair));
        }
        let metrics = self.metrics.map(|(_, server)| {
            let handle = server.handle();
            tasks.spawn(async move { drop(server.await) });
            handle
        });
        let worker = tokio::spawn(local_worker::supervise(self.state.clone().into_inner(), self.worker_address));
        let (state, handle) = (self.state.clone().into_inner(), self.running.handle());
        let stopper = tokio::spawn(async move {
            state.stop_begun().await;
            // While requests are still answered: the worker gives its job back.
            let _ = worker.await;
            handle.stop(true).await;
        });
        let result = self.running.await;
        // Where it was stopped by its handle, nothing has told the others yet.
        self.state.begin_stop();
        let _ = stopper.await;
        if let Some(metrics) = metrics {
            metrics.stop(false).await;
        }
        // To its end: none asks a database that is closed.
        tasks.shutdown().await;
        // A connection whose worker thread is gone never comes back: what is committed is safe without it.
        let closing = self.state.installation.store().close();
        if tokio::time::timeout(CLOSE_TIMEOUT, closing).await.is_err() {
            tracing::warn!("the database was not closed in time");
        }
        result
    }
}

fn derived_url(bound: SocketAddr, tls: bool) -> Result<Url, url::ParseError> {
    let mut reachable = bound;
    if bound.ip().is_unspecified() {
        tracing::warn!("listening on every address: set http.public_url to what browsers use");
        reachable.set_ip(match bound.ip() {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    let scheme = if tls { "https" } else { "http" };
    Url::parse(&format!("{scheme}://{reachable}"))
}
