use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::thread::available_parallelism;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::KeepAlive;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use url::Url;

use super::{cors, envelope, router};
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
}

/// The server can't listen.
#[derive(Debug, thiserror::Error)]
#[error("can't listen on {address}: {source}")]
pub struct ServeError {
    address: SocketAddr,
    source: std::io::Error,
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
        let failed = |source| ServeError { address, source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let url = match &config.http.public_url {
            Some(url) => url.clone(),
            None => derived_url(bound).map_err(|error| failed(std::io::Error::other(error)))?,
        };
        let http = config.http.clone();
        let state = web::Data::new(ServerState::new(installation, config, clock, url.clone()));
        let factory_state = state.clone();
        let workers = available_parallelism().map_or(1, usize::from);
        let running = HttpServer::new(move || {
            App::new()
                .app_data(factory_state.clone())
                .configure(router::routes)
                .wrap(from_fn(cors::cors))
                .wrap(from_fn(envelope::envelope))
        })
        .workers(workers)
        .max_connections(http.max_connections.div_ceil(workers))
        .client_request_timeout(Duration::from_secs(http.head_timeout_secs))
        .keep_alive(KeepAlive::Timeout(Duration::from_secs(http.keep_alive_secs)))
        .shutdown_timeout(http.drain_secs)
        .disable_signals()
        .listen(listener)
        .map_err(failed)?
        .run();
        Ok(Self { address: bound, url, state, running })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
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
        let tasks = background::start(&self.state.clone().into_inner());
        let worker = tokio::spawn(local_worker::supervise(self.state.clone().into_inner(), self.address));
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
        drop(tasks);
        // A connection whose worker thread is gone never comes back: what is committed is safe without it.
        let closing = self.state.installation.store().close();
        if tokio::time::timeout(CLOSE_TIMEOUT, closing).await.is_err() {
            tracing::warn!("the database was not closed in time");
        }
        result
    }
}

fn derived_url(bound: SocketAddr) -> Result<Url, url::ParseError> {
    let mut reachable = bound;
    if bound.ip().is_unspecified() {
        tracing::warn!("listening on every address: set http.public_url to what browsers use");
        reachable.set_ip(match bound.ip() {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    Url::parse(&format!("http://{reachable}"))
}
