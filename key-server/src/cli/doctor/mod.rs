//! `key-server doctor`: looks at an installation without changing it, and says what is wrong and what to do next.

mod clock;
mod configuration;
mod data;
mod database;
mod finding;
mod kms;
mod pages;
mod peers;
mod storage;
mod tls;
mod worker;

use std::process::ExitCode;

use clap::Args;
use url::Url;

use self::clock::Watch;
use self::finding::Findings;
use self::peers::Peers;
use super::CliError;
use crate::config::{Config, ConfigError};

pub(super) const EXAMPLES: &str = "Examples:
  key-server doctor                                    the installation in ./data
  key-server doctor --config /etc/keyveil/key-server.toml
  sudo -u keyveil key-server doctor --config …         as the server's own user: permissions are judged as it has them
  key-server doctor --json | jq '.findings[] | select(.level == \"problem\")'
  key-server doctor --time-from https://time.example.com     any web server whose clock is right

Exit code: 0 all is well; 1 at least one problem; 3 only warnings. 2 is a command line that can't be read.
A check that can't be made here is `skipped`, says why, and changes no exit code.

Nothing is changed: no database is made or migrated. A file is written and removed again in the data folder and where media lie.
The database is read as a whole. Safe beside a running server.";

const GIB: u64 = 1 << 30;

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Print one JSON object: findings (check, level, what, next) and counts.
    #[arg(long)]
    json: bool,
    /// Warn where less disk space is free, in GiB; a problem from a tenth of it on.
    #[arg(long, value_name = "GIB", default_value_t = 10)]
    min_free: u64,
    /// Compare this machine's clock with this web server's too.
    #[arg(long, value_name = "URL")]
    time_from: Option<Url>,
}

/// Looks at everything, also after a problem. Resolves to the exit code; is an error only where nothing can be printed.
pub(super) async fn run(args: DoctorArgs, config: Result<Config, ConfigError>) -> Result<ExitCode, CliError> {
    let mut findings = Findings::default();
    match config {
        Ok(config) => look(&args, &config, &mut findings).await,
        Err(error) => configuration::unreadable(&error, &mut findings),
    }
    findings.tell(args.json)?;
    Ok(findings.exit_code().into())
}

async fn look(args: &DoctorArgs, config: &Config, findings: &mut Findings) {
    let watch = Watch::start();
    configuration::look(config, findings);
    data::look(config, args.min_free.saturating_mul(GIB), findings);
    tls::look(config, findings);
    worker::look(config, findings).await;
    let store = database::look(config, findings).await;
    let peers = Peers::new();
    if let Some(store) = &store {
        kms::look(config, store, findings).await;
        storage::look(config, findings).await;
    } else {
        for check in [kms::CHECK, storage::CHECK] {
            findings.skipped(check, "needs a database that can be used");
        }
    }
    pages::look(config, store.as_ref(), findings).await;
    let mut times = peers.public_address(config, findings).await;
    times.extend(peers.times(config, args.time_from.as_ref(), findings).await);
    clock::look(watch, &times, findings).await;
    if let Some(store) = store {
        store.close().await;
    }
}
