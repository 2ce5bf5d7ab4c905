//! The key server over HTTP: every success beside its refusals, every error code of docs/PROTOCOL.md that it can send.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

mod account;
mod admin;
mod apps;
mod audit;
mod changes;
mod command_line;
mod contract;
mod copies;
mod cors;
mod doctor;
mod events;
mod failures;
mod headers;
mod hostile;
mod idempotency;
mod jobs;
mod keys;
mod kms;
mod levels;
mod library;
mod limits;
mod log_secrets;
mod media;
mod migrate;
mod observability;
mod openapi;
mod pacing;
mod pages;
mod play;
mod previews;
mod psign;
mod pulls;
mod ranges;
mod replicas;
mod requests;
mod sessions;
mod signatures;
mod signed_media;
mod sqlite;
mod standard;
mod storage;
mod titles;
mod tls;
mod uploads;
mod webhooks;
mod workflows;
