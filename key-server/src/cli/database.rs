//! Moving, backing up and restoring the state. Titles' media, uploads and the root key are not in it.

use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{CliError, output};
use crate::config::{Config, DatabaseUrl};
use crate::installation::open_store;
use crate::store::{CopiedTable, Store};

const DATABASE: &str = "keyveil.db";
const KEYRING: &str = "keyring.json";

#[derive(Debug, Subcommand)]
pub(super) enum DatabaseCommand {
    /// Bring the schema of the configured database up to date. `serve` does it too; replicas that start meanwhile wait.
    #[command(after_help = "Example:\n  key-server db migrate")]
    Migrate,
    /// Move the SQLite database of the data folder into an empty database of PostgreSQL, every row compared on both sides.
    #[command(after_help = "Example:
  createdb keyveil
  key-server db copy --to postgres://keyveil@127.0.0.1/keyveil
  KEYVEIL_DATABASE_URL=postgres://keyveil@127.0.0.1/keyveil key-server serve

A server may go on over the SQLite database meanwhile: media play on, and what would be written is answered with
`unavailable`, which players try again. When it is done, that database takes no writes any more, whatever asks for
them. Start the server with [database] url then. A copy that fails leaves everything as it was.")]
    Copy {
        /// The database, which is there and has no installation yet. Its password may be in PGPASSWORD or PGPASSFILE.
        #[arg(long, value_name = "URL", env = "KEYVEIL_DB_COPY_TO", hide_env_values = true)]
        to: DatabaseUrl,
    },
}

#[derive(Debug, Args)]
pub(super) struct FolderArgs {
    /// The folder.
    folder: PathBuf,
}

pub(super) const BACKUP_EXAMPLES: &str = "Example:
  key-server backup /var/backups/keyveil/2026-03-01

The server may run. In the folder: the whole state as a SQLite database, whichever engine it came from, and the
local keyring where there is one. Keys in it are wrapped by the KMS: without root key or engine it opens nothing.
Media and uploads are not in it; nor is the root key, which belongs somewhere else.";

pub(super) const RESTORE_EXAMPLES: &str = "Example:
  KEYVEIL_DATA=/var/lib/keyveil-new key-server restore /var/backups/keyveil/2026-03-01

Into the configured database, which has no installation yet, and the configured data folder. Give the KMS back what
it had (the root key, or the engine), then start the server.";

pub(super) async fn run(command: DatabaseCommand, config: &Config) -> Result<(), CliError> {
    match command {
        DatabaseCommand::Migrate => {
            open_store(config).await?.close().await;
            output::line("the schema is up to date")
        }
        DatabaseCommand::Copy { to } => {
            if config.database.url.is_some() {
                return Err(CliError::Other("[database] url is set: the state is in PostgreSQL already".to_owned()));
            }
            let file = existing(&config.database_file())?;
            let copied = Store::move_to_postgres(&file, to.options(), tell).await?;
            output::line(&format!("moved: {} to {to}", counted(&copied)))?;
            output::line("Set [database] url (or KEYVEIL_DATABASE_URL) to it and start the server.")
        }
    }
}

/// The state into a folder, which is whole or not there.
pub(super) async fn backup(args: FolderArgs, config: &Config) -> Result<(), CliError> {
    let FolderArgs { folder } = args;
    if folder.exists() {
        return Err(CliError::Other(format!("{} is there already", folder.display())));
    }
    if config.database.url.is_none() {
        existing(&config.database_file())?;
    }
    let store = open_store(config).await?;
    let partial = folder.with_extension("partial");
    let _ = std::fs::remove_dir_all(&partial);
    std::fs::DirBuilder::new().mode(0o700).recursive(true).create(&partial)?;
    let copied = store.copy_to_file(&partial.join(DATABASE), tell).await?;
    if config.keyring_file().exists() {
        std::fs::copy(config.keyring_file(), partial.join(KEYRING))?;
    }
    for entry in std::fs::read_dir(&partial)? {
        std::fs::File::open(entry?.path())?.sync_all()?;
    }
    std::fs::rename(&partial, &folder)?;
    std::fs::File::open(folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))?
        .sync_all()?;
    output::line(&format!("backed up: {} to {}", counted(&copied), folder.display()))
}

/// What a backup holds into the configured database and data folder.
pub(super) async fn restore(args: FolderArgs, config: &Config) -> Result<(), CliError> {
    let FolderArgs { folder } = args;
    let database = existing(&folder.join(DATABASE))?;
    std::fs::DirBuilder::new().mode(0o700).recursive(true).create(&config.data.dir)?;
    let keyring = folder.join(KEYRING);
    if keyring.exists() && config.keyring_file().exists() {
        return Err(CliError::Other(format!("{} is there already", config.keyring_file().display())));
    }
    // A copy, which a newer release may change.
    let scratch = tempfile_in(&config.data.dir)?;
    let copy = scratch.join(DATABASE);
    std::fs::copy(&database, &copy)?;
    let store = open_store(config).await?;
    let restored = store.restore_from_file(&copy, tell).await;
    std::fs::remove_dir_all(&scratch)?;
    let restored = restored?;
    if keyring.exists() {
        std::fs::copy(&keyring, config.keyring_file())?;
    }
    store.close().await;
    output::line(&format!("restored: {} from {}", counted(&restored), folder.display()))
}

fn tempfile_in(folder: &Path) -> Result<PathBuf, CliError> {
    let scratch = folder.join("restore.partial");
    let _ = std::fs::remove_dir_all(&scratch);
    std::fs::DirBuilder::new().mode(0o700).create(&scratch)?;
    Ok(scratch)
}

fn existing(file: &Path) -> Result<PathBuf, CliError> {
    let missing = || CliError::Other(format!("there is no database {}", file.display()));
    if file.exists() { Ok(file.to_owned()) } else { Err(missing()) }
}

fn tell(copied: &CopiedTable) {
    // Nobody may be reading; that stops nothing.
    let _ = writeln!(std::io::stderr(), "{}: {} rows", copied.table, copied.rows);
}

fn counted(copied: &[CopiedTable]) -> String {
    let rows: u64 = copied.iter().map(|table| table.rows).sum();
    format!("{rows} rows of {} tables", copied.len())
}
