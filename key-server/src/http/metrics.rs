//! `GET /metrics`, on a listener of its own: it has neither the public one's addresses nor its envelope, and a thread to itself.

use std::net::{SocketAddr, TcpListener};

use actix_web::http::header;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse};

use super::api::State;
use super::connection;
use super::listener::{self, Door};
use super::router::{reads, resource};
use super::server::ServeError;
use crate::config::HttpConfig;
use crate::metrics::{CONTENT_TYPE, refresh};

/// Scrapers are few, and a scrape is short.
const CONNECTIONS_MAX: usize = 16;

/// Listens; answers once it is polled.
pub(super) fn bind(
    address: SocketAddr,
    http: &HttpConfig,
    state: State,
) -> Result<(SocketAddr, actix_web::dev::Server), ServeError> {
    let failed = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    if !bound.ip().is_loopback() {
        tracing::warn!("metrics are told to whoever reaches {bound}: let that be the scraper alone");
    }
    let limits = HttpConfig {
        max_connections: CONNECTIONS_MAX,
        max_connections_per_client: u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX),
        trusted_proxies: Vec::new(),
        ..http.clone()
    };
    let app = move || {
        App::new()
            .app_data(state.clone())
            .service(resource("/metrics", "GET, HEAD").route(reads(metrics)))
            .wrap(from_fn(connection::activity))
    };
    let server = listener::listen(listener::builder(&limits, 1), listener, Door::new(&limits, None), app);
    Ok((bound, server.map_err(failed)?.run()))
}

async fn metrics(state: State) -> HttpResponse {
    refresh(&state).await;
    match state.installation.metrics().exposition(&state) {
        Ok(text) => HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, CONTENT_TYPE))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(text),
        Err(error) => {
            tracing::error!(%error, "metrics can't be written");
            HttpResponse::InternalServerError().finish()
        }
    }
}
