//! From an accepted connection to its requests: TLS where it is on, the connection's limits, HTTP/1.1.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_http::body::BoxBody;
use actix_http::{HttpService, KeepAlive, Request, Response};
use actix_server::{Server, ServerBuilder};
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::dev::AppConfig;
use keyveil_protocol::AddressRange;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::either::Either;

use super::connection::{Connection, Patience};
use super::places::Places;
use crate::client_address::is_within;
use crate::config::HttpConfig;

/// A client that has been told the end may still send for so long.
const LINGER: Duration = Duration::from_secs(1);

/// What a connection has to pass before its first request.
#[derive(Clone)]
pub(super) struct Door {
    tls: Option<TlsAcceptor>,
    patience: Patience,
    places: Arc<Places>,
    trusted_proxies: Arc<[AddressRange]>,
}

impl Door {
    pub(super) fn new(config: &HttpConfig, tls: Option<TlsAcceptor>) -> Self {
        let secs = Duration::from_secs;
        let patience = Patience {
            head: secs(config.head_timeout_secs),
            keep_alive: secs(config.keep_alive_secs),
            write: secs(config.write_timeout_secs),
        };
        let places = Places::new(config.max_connections_per_client);
        Self { tls, patience, places, trusted_proxies: config.trusted_proxies.clone().into() }
    }

    /// The same without TLS.
    pub(super) fn plain(&self) -> Self {
        Self { tls: None, ..self.clone() }
    }

    async fn enter(self, stream: TcpStream) -> Result<(Stream, Option<SocketAddr>), Closed> {
        let peer = stream.peer_addr().map_err(|_| Closed)?;
        let address: IpAddr = peer.ip().to_canonical();
        let place = if is_within(&self.trusted_proxies, address) {
            None
        } else {
            Some(self.places.take(address).ok_or(Closed)?)
        };
        let _ = stream.set_nodelay(true);
        let stream = match self.tls {
            None => Either::Left(stream),
            Some(tls) => {
                let handshake = tokio::time::timeout(self.patience.head, tls.accept(stream));
                Either::Right(handshake.await.map_err(|_| Closed)?.map_err(|_| Closed)?)
            }
        };
        Ok((Connection::new(stream, self.patience, place), Some(peer)))
    }
}

type Stream = Connection<Either<TcpStream, tokio_rustls::server::TlsStream<TcpStream>>>;

/// The connection came to nothing, for a reason that is its client's.
#[derive(Debug)]
struct Closed;

/// A builder with the limits of all its listeners together.
pub(super) fn builder(config: &HttpConfig, workers: usize) -> ServerBuilder {
    Server::build()
        .workers(workers)
        .max_concurrent_connections(config.max_connections.div_ceil(workers))
        .shutdown_timeout(config.drain_secs)
        .disable_signals()
}

/// Answers what comes to `listener` by `app`.
pub(super) fn listen<A, I, S>(
    builder: ServerBuilder,
    listener: TcpListener,
    door: Door,
    app: A,
) -> std::io::Result<ServerBuilder>
where
    A: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig, Error = actix_web::Error> + 'static,
    S::Response: Into<Response<BoxBody>> + 'static,
    S::InitError: std::fmt::Debug,
    S::Service: 'static,
    S::Future: 'static,
{
    let stopping = builder.graceful_shutdown_signal();
    let Patience { head, keep_alive, .. } = door.patience;
    builder.listen("http", listener, move || {
        let (stopping, door) = (stopping.clone(), door.clone());
        let app = map_config(app().into_factory(), |()| AppConfig::default());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || notified(stopping.clone()))
            .keep_alive(KeepAlive::Timeout(keep_alive))
            .client_request_timeout(head)
            .client_disconnect_timeout(LINGER)
            .on_connect_ext(|stream: &Stream, data| {
                data.insert(stream.activity());
            })
            .h1(app.map_err(|error| error.error_response()));
        fn_service(move |stream: TcpStream| door.clone().enter(stream)).and_then(http.map_err(|_| Closed))
    })
}

async fn notified(signal: actix_server::GracefulShutdownSignal) {
    signal.notified().await;
}
