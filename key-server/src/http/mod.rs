//! The HTTP edge: the only place that knows actix.

mod account;
pub(crate) mod api;
mod app_keys;
mod apps;
mod audit;
mod body;
mod changes;
mod client;
mod cors;
mod envelope;
mod hls;
mod idempotency;
mod job_attempts;
mod jobs;
mod media;
mod media_origins;
mod openapi;
mod pages;
mod principal;
mod router;
mod server;
mod sessions;
mod sign_in_cookie;
mod signatures;
mod signed_media;
mod titles;
pub(crate) mod upload_parts;
mod uploads;
mod webhooks;
mod workflows;

pub use server::{ServeError, Server, StopHandle};
