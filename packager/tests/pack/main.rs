//! Runs the `packager` binary on real clips, against a key server that really seals.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "all of this is test code")]

mod clips;
mod copy;
mod import;
mod inputs;
mod interruption;
mod job_server;
mod key_server;
mod output;
mod packager;
mod pictures;
mod private;
mod processes;
mod reencrypt;
mod refusals;
mod server_faults;
mod standard;
mod tus_server;
mod upload;
mod worker;
mod worker_ends;
mod worker_fleet;
