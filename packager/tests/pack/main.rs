//! Runs the `packager` binary on real clips, against a key server that really seals.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "all of this is test code")]

mod clips;
mod inputs;
mod interruption;
mod key_server;
mod output;
mod packager;
mod private;
mod refusals;
mod server_faults;
