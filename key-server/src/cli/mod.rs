//! The command line. Every command but `serve` works while the server runs.

mod api_key;
mod app;
mod app_settings;
mod audit;
mod build;
mod database;
mod doctor;
mod kms;
mod media_origin;
mod output;
mod ready;
mod serve;
mod server_key;
mod session;
mod sign;
mod user;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

pub use output::log_filter;

use clap::{Parser, Subcommand};
use futures_util::future::LocalBoxFuture;

use crate::clock::{Clock, stored};
use crate::config::{Config, ConfigError, KmsEngine};
use crate::http::ServeError;
use crate::installation::{Installation, OpenError};
use crate::kms::{KmsOpenError, RootKeySource};
use crate::refusal::Refusal;
use crate::store::StoreError;
use crate::traces::Traces;

const EXAMPLES: &str = "Examples:
  key-server serve                                   listen on 127.0.0.1:8080 with data in ./data
  key-server serve --config key-server.toml
  key-server app create --name Demo --domain video.example.com
  key-server sign --app 1000001 --file 5f2b… --expires-in 2h
  key-server build write --sdk player-wasm/dist --out /srv/sdk    the player's files of this installation

Every field of the configuration file can also be set by a variable: [http] listen is KEYVEIL_HTTP_LISTEN.";

/// Keyveil's key server.
#[derive(Debug, Parser)]
#[command(name = "key-server", version, after_help = EXAMPLES)]
pub struct Cli {
    /// Configuration file (TOML). Without one, safe defaults hold.
    #[arg(long, global = true, env = "KEYVEIL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: AnyCommand,
}

#[derive(Debug, Subcommand)]
enum AnyCommand {
    #[command(flatten)]
    Configured(Command),
    /// Look at this installation, without changing it: what is wrong, and what to do next.
    #[command(after_help = doctor::EXAMPLES)]
    Doctor(doctor::DoctorArgs),
}

/// What needs a configuration that can be used.
#[derive(Debug, Subcommand)]
enum Command {
    /// Answer requests until SIGINT or SIGTERM.
    #[command(after_help = serve::EXAMPLES)]
    Serve,
    /// Ask the server that runs with this configuration whether it can work.
    #[command(after_help = ready::EXAMPLES)]
    Ready(ready::ReadyArgs),
    /// Make data folder, root key, database, server key and first SDK build. Harmless to repeat; `serve` does it too.
    #[command(after_help = "Examples:\n  key-server init\n  KEYVEIL_DATA=/var/lib/keyveil key-server init")]
    Init,
    /// Applications and their signing keys.
    #[command(subcommand)]
    App(app::AppCommand),
    /// API keys of applications.
    #[command(subcommand)]
    ApiKey(api_key::ApiKeyCommand),
    /// CDNs in front of this server, and how their addresses are signed.
    #[command(subcommand)]
    MediaOrigin(media_origin::MediaOriginCommand),
    /// Print a player signature.
    #[command(after_help = sign::EXAMPLES)]
    Sign(sign::SignArgs),
    /// SDK builds.
    #[command(subcommand)]
    Build(build::BuildCommand),
    /// The KMS that every secret of the database is wrapped by.
    #[command(subcommand)]
    Kms(kms::KmsCommand),
    /// The server's own keys, which players pin.
    #[command(subcommand)]
    ServerKey(server_key::ServerKeyCommand),
    /// People who may sign in to the console.
    #[command(subcommand)]
    User(user::UserCommand),
    /// Playback sessions.
    #[command(subcommand)]
    Session(session::SessionCommand),
    /// Workers, which transcode and encrypt on this or other machines, and their keys.
    #[command(subcommand)]
    Worker(worker::WorkerCommand),
    /// The audit log.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// The database of the state: SQLite, or PostgreSQL.
    #[command(subcommand)]
    Db(database::DatabaseCommand),
    /// Write the whole state into a folder, while the server runs.
    #[command(after_help = database::BACKUP_EXAMPLES)]
    Backup(database::FolderArgs),
    /// Put a backup into an empty installation.
    #[command(after_help = database::RESTORE_EXAMPLES)]
    Restore(database::FolderArgs),
}

/// A command did not succeed. Printed as one line.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data folder.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The KMS.
    #[error(transparent)]
    Kms(#[from] KmsOpenError),
    /// Listening.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Files and output.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The rules of what was asked.
    #[error("{}", .0.cause())]
    Refused(#[from] Refusal),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// An opened installation and the time of the command.
struct Context {
    installation: Installation,
    now: u64,
}

impl Context {
    async fn open(config: &Config) -> Result<Self, CliError> {
        Ok(Self { installation: crate::installation::open(config).await?, now: Clock::default().now() })
    }

    fn stored_now(&self) -> i64 {
        stored(self.now)
    }
}

impl Cli {
    /// Runs the command to its end, and says how the program ends. Has to be called inside an actix system.
    ///
    /// Boxed, so that the whole server is compiled here, and not once more in each program that waits for it.
    #[must_use]
    pub fn run(self) -> LocalBoxFuture<'static, Result<ExitCode, CliError>> {
        Box::pin(self.run_here())
    }

    async fn run_here(self) -> Result<ExitCode, CliError> {
        let config = Config::load(self.config.as_deref(), std::env::vars());
        match self.command {
            // A configuration that can't be used is a finding.
            AnyCommand::Doctor(args) => {
                if let Ok(config) = &config {
                    output::init_logging(&config.log, None)?;
                }
                doctor::run(args, config).await
            }
            AnyCommand::Configured(command) => run(command, config?).await.map(|()| ExitCode::SUCCESS),
        }
    }
}

async fn run(command: Command, config: Config) -> Result<(), CliError> {
    let traces = match command {
        Command::Serve => Traces::start(&config.tracing),
        _ => Ok(None),
    };
    let traces = traces.map_err(|error| CliError::Other(format!("tracing: {error}")))?;
    output::init_logging(&config.log, traces.as_ref())?;
    let config = &config;
    match command {
        Command::Serve => serve::serve(config.clone(), traces).await,
        Command::Ready(args) => ready::run(args, config).await,
        Command::Init => init(config).await,
        Command::App(command) => app::run(command, &Context::open(config).await?).await,
        Command::ApiKey(command) => api_key::run(command, &Context::open(config).await?).await,
        Command::MediaOrigin(command) => media_origin::run(command, &Context::open(config).await?).await,
        Command::Sign(args) => sign::run(&args, &Context::open(config).await?).await,
        Command::Build(command) => build::run(command, &Context::open(config).await?).await,
        Command::Kms(command) => kms::run(command, config).await,
        Command::ServerKey(command) => server_key::run(command, &Context::open(config).await?).await,
        Command::User(command) => user::run(command, &Context::open(config).await?).await,
        Command::Session(command) => session::run(command, &Context::open(config).await?).await,
        Command::Worker(command) => worker::run(command, &Context::open(config).await?).await,
        Command::Audit(command) => audit::run(command, config).await,
        Command::Db(command) => database::run(command, config).await,
        Command::Backup(args) => database::backup(args, config).await,
        Command::Restore(args) => database::restore(args, config).await,
    }
}

/// Who does it, for the audit log.
fn by() -> serde_json::Value {
    serde_json::json!({ "commandLine": true })
}

async fn init(config: &Config) -> Result<(), CliError> {
    Context::open(config).await?;
    output::line(&format!("data: {}", config.data.dir.display()))?;
    if config.kms.engine == KmsEngine::Local {
        let root_key = RootKeySource::of(config);
        output::line(&format!("root key: {root_key} (back it up apart from the database and keyring.json)"))?;
    }
    Ok(())
}
