//! `packager worker`.

use std::num::NonZeroU32;

use clap::Args;
use keyveil_packager::{AWAY_MAX, PackError, ServerOptions, WorkerOptions};

use super::{api_key, server_key, server_url};

pub(super) const EXAMPLES: &str = "Examples:
  KEYVEIL_WORKER_TOKEN=kv_… packager worker --server https://keys.example
      Works for that server, one job at a time, on all processors.
  KEYVEIL_WORKER_TOKEN=kv_… packager worker --server http://127.0.0.1:8080 --jobs 2 --cpus 2 --name rack-7
      Two jobs at a time, each with two encoder threads.

`key-server worker create` makes the token. Log lines are JSON on standard error; SIGTERM ends the worker and gives its jobs
back. No part of a video is ever written to a disk of this machine.";

#[derive(Debug, Args)]
pub(crate) struct Worker {
    /// Address of the key server
    #[arg(long, value_name = "URL", env = "KEYVEIL_SERVER", hide_env_values = true)]
    server: String,
    /// Worker key; better given by the environment, where other users can't see it
    #[arg(long, value_name = "KEY", env = "KEYVEIL_WORKER_TOKEN", hide_env_values = true)]
    token: String,
    /// The worker's name for people (default: the machine's)
    #[arg(long)]
    name: Option<String>,
    /// Jobs at a time
    #[arg(long, value_name = "COUNT", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=64))]
    jobs: u32,
    /// Encoder threads of one job, shared by the qualities it makes (default: this machine's processors over --jobs)
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=512))]
    cpus: Option<u32>,
    /// Pin the key server's public key (64 hex digits) instead of asking the server for it
    #[arg(long, value_name = "HEX")]
    server_key: Option<String>,
    /// Allow plain http to a key server on another machine: token and sources are then open to the network
    #[arg(long)]
    insecure_http: bool,
    /// End with the process that started this one (Linux)
    #[arg(long)]
    pub(crate) exit_with_parent: bool,
}

impl Worker {
    /// Reads what clap took as text; every refusal has a code.
    pub(crate) fn options(self) -> Result<WorkerOptions, PackError> {
        let jobs = NonZeroU32::new(self.jobs).unwrap_or(NonZeroU32::MIN);
        let processors = std::thread::available_parallelism().map_or(1, |count| count.get());
        let share = u32::try_from(processors).unwrap_or(u32::MAX) / jobs;
        Ok(WorkerOptions {
            server: ServerOptions {
                url: server_url(&self.server)?,
                api_key: api_key(&self.token).map_err(|_| PackError::WorkerTokenInvalid)?,
                server_key: self.server_key.as_deref().map(server_key).transpose()?,
                insecure_http: self.insecure_http,
                retry_max: AWAY_MAX,
            },
            name: self.name.unwrap_or_else(host_name),
            jobs,
            cpus: NonZeroU32::new(self.cpus.unwrap_or(share)).unwrap_or(NonZeroU32::MIN),
        })
    }
}

fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "worker".into() } else { name }
}
