//! The HTTP edge: the only place that knows actix.

mod account;
mod api;
mod app_keys;
mod apps;
mod audit;
mod body;
mod changes;
mod client;
mod connection;
mod cors;
mod envelope;
mod hls;
mod idempotency;
mod job_attempts;
mod jobs;
mod listener;
mod media;
mod media_origins;
mod openapi;
mod pages;
mod places;
mod principal;
mod router;
mod server;
mod sessions;
mod sign_in_cookie;
mod signatures;
mod signed_media;
mod titles;
mod tls;
mod upload_parts;
mod uploads;
mod webhooks;
mod workflows;

pub use server::{ServeError, Server, StopHandle};
pub use tls::TlsError;
