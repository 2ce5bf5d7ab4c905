use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use keyveil_protocol::BuildId;

use super::{CliError, Context, output};
use crate::actions::builds;

#[derive(Debug, Subcommand)]
pub(super) enum BuildCommand {
    /// Make an SDK build that pins the server keys in use.
    #[command(after_help = "Example:\n  key-server build create && key-server build export --out sdk-build.json")]
    Create,
    /// List the SDK builds, newest first.
    #[command(after_help = "Example:\n  key-server build list")]
    List,
    /// Stop accepting players of a build.
    #[command(after_help = "Example:\n  key-server build retire 0011223344556677")]
    Retire {
        /// The build.
        id: BuildId,
    },
    /// Write the newest SDK build for the compiler of the player's wasm. The file holds a secret; its mode is 0600.
    #[command(after_help = "Example:\n  key-server build export --out sdk-build.json")]
    Export {
        /// Where to.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

pub(super) async fn run(command: BuildCommand, context: &Context) -> Result<(), CliError> {
    let installation = &context.installation;
    match command {
        BuildCommand::Create => {
            output::line(&format!("build: {}", builds::create(installation, context.stored_now()).await?))
        }
        BuildCommand::List => {
            for build in installation.store().sdk_builds().await? {
                output::line(&format!("{}  {}", build.id, output::state_of(build.retired_at)))?;
            }
            Ok(())
        }
        BuildCommand::Retire { id } => {
            if builds::retire(installation, &id, context.stored_now()).await? {
                return output::line(&format!("retired: {id}"));
            }
            Err(CliError::Other("there is no such build in use".to_owned()))
        }
        BuildCommand::Export { out } => {
            let export = builds::export_newest(installation, context.stored_now()).await?;
            write_private(&out, export.expose_json()?.as_bytes())?;
            output::line(&format!("build: {}", export.build_id()))
        }
    }
}

/// Beside, then renamed: the file is complete or absent, and private from its first byte.
fn write_private(path: &Path, content: &[u8]) -> Result<(), CliError> {
    let mut name = path.file_name().ok_or_else(|| CliError::Other("--out needs a file name".to_owned()))?.to_owned();
    name.push(format!(".{}.partial", std::process::id()));
    let aside = path.with_file_name(name);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&aside, path));
    written.map_err(|error| {
        // Nothing half written stays; a failure to remove it changes nothing about the first failure.
        let _ = std::fs::remove_file(&aside);
        CliError::Other(format!("{}: {error}", path.display()))
    })
}
