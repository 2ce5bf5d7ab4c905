//! `packager worker`.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use clap::Args;
use keyveil_packager::{AWAY_MAX, GRACE_DEFAULT, PackError, ServerOptions, WorkerOptions};
use keyveil_protocol::WorkerId;

use super::{api_key, server_key, server_url};

/// A day: a longer film does not take longer than that.
const GRACE_SECS_MAX: u64 = 24 * 3600;

pub(super) const EXAMPLES: &str = "Examples:
  KEYVEIL_WORKER_TOKEN=kv_… packager worker --server https://keys.example
      Works for that server, one job at a time, on all processors.
  KEYVEIL_WORKER_TOKEN=kv_… packager worker --server http://127.0.0.1:8080 --jobs 2 --cpus 2 --name rack-7
      Two jobs at a time, each with two encoder threads.

  KEYVEIL_WORKER_TOKEN=kv_… packager worker --server https://keys.example --grace 3600 --exit-when-drained
      Ends once `key-server worker drain` or SIGTERM wants it to, after the job it has, which is given up after an hour.

`key-server worker create` makes the token. Log lines are JSON on standard error. SIGTERM: the worker takes no more jobs, goes on
with those it has for --grace seconds, gives back what is not done by then, and ends; a second one gives back at once. No part of a
video is ever written to a disk of this machine.";

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
    /// Seconds for jobs under way once a signal wants the worker to end; then they are given back to the queue
    #[arg(long, value_name = "SECS", env = "KEYVEIL_WORKER_GRACE", default_value_t = GRACE_DEFAULT.as_secs(),
        value_parser = clap::value_parser!(u64).range(..=GRACE_SECS_MAX))]
    grace: u64,
    /// End once the server wants no more of this worker (`key-server worker drain`) and its jobs are done; else it waits
    #[arg(long)]
    exit_when_drained: bool,
    /// The worker's id at the server, 1-64 of A-Z a-z 0-9 _ - (default: one of this machine's own, kept in --state)
    #[arg(long, env = "KEYVEIL_WORKER_ID")]
    id: Option<WorkerId>,
    /// Where the worker keeps its id (default: $XDG_STATE_HOME/keyveil)
    #[arg(long, value_name = "FOLDER", env = "KEYVEIL_WORKER_STATE")]
    state: Option<PathBuf>,
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
            grace: Duration::from_secs(self.grace),
            exit_when_drained: self.exit_when_drained,
            id: self.id,
            state: self.state,
        })
    }
}

fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "worker".into() } else { name }
}
