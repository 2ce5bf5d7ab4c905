//! The HTTP edge: the only place that knows actix.

mod api;
mod body;
mod cors;
mod envelope;
mod media;
mod pages;
mod router;
mod server;

pub use server::{ServeError, Server};
