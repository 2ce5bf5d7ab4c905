use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use keyveil_protocol::BuildId;

use super::{CliError, Context, output};
use crate::actions::builds;
use crate::sdk_files::{SdkFiles, folder};

#[derive(Debug, Subcommand)]
pub(super) enum BuildCommand {
    /// Make an SDK build that pins the server keys in use.
    #[command(
        after_help = "Example:\n  key-server build create && key-server build write --sdk player-wasm/dist --out data/sdk"
    )]
    Create,
    /// List the SDK builds, newest first: whether they are accepted, the sessions that run on them, when keys last went there.
    #[command(after_help = "Example:\n  key-server build list")]
    List,
    /// Stop accepting players of a build, from their next request for keys on.
    #[command(after_help = "Example:\n  key-server build retire 0011223344556677")]
    Retire {
        /// The build.
        id: BuildId,
    },
    /// Write the player's files of a build: its own wasm, worker.js that takes no other, sdk.json. The same build of the same
    /// SDK gives the same files on every machine. The wasm of other builds in use stay, those of retired ones go.
    #[command(after_help = "Examples:
  key-server build write --sdk player-wasm/dist --out data/sdk
  key-server build write --sdk node_modules/@keyveil/player/dist --out /srv/www/sdk --build 0011223344556677")]
    Write {
        /// The SDK as it is shipped: the folder of its keyveil.wasm and worker.js.
        #[arg(long, value_name = "DIR")]
        sdk: PathBuf,
        /// The folder that is served.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Which build; the newest in use when absent.
        #[arg(long, value_name = "ID")]
        build: Option<BuildId>,
    },
}

pub(super) async fn run(command: BuildCommand, context: &Context) -> Result<(), CliError> {
    let installation = &context.installation;
    match command {
        BuildCommand::Create => {
            output::line(&format!("build: {}", builds::create(installation, context.stored_now()).await?))
        }
        BuildCommand::List => list(context).await,
        BuildCommand::Retire { id } => {
            if builds::retire(installation, &id, context.stored_now()).await? {
                return output::line(&format!("retired: {id}"));
            }
            Err(CliError::Other("there is no such build in use".to_owned()))
        }
        BuildCommand::Write { sdk, out, build } => write(context, &sdk, &out, build.as_ref()).await,
    }
}

async fn list(context: &Context) -> Result<(), CliError> {
    let store = context.installation.store();
    let uses = store.sdk_build_uses(context.stored_now()).await?;
    let uses: HashMap<_, _> = uses.into_iter().map(|one| (one.id.clone(), one)).collect();
    for build in store.sdk_builds().await? {
        let used = uses.get(&build.id).map_or_else(
            || "no sessions".to_owned(),
            |one| format!("{} sessions, last used {}", one.sessions, output::utc(one.last_used_at)),
        );
        output::line(&format!("{}  {}  {used}", build.id, output::state_of(build.retired_at)))?;
    }
    Ok(())
}

async fn write(context: &Context, sdk: &Path, out: &Path, id: Option<&BuildId>) -> Result<(), CliError> {
    let other = |error: &dyn std::fmt::Display| CliError::Other(error.to_string());
    // Before the secret is asked for: what can't be used costs no row in the audit log.
    let shipped = folder::read(sdk, out).map_err(|error| other(&error))?;
    let build = builds::open(&context.installation, id, context.stored_now()).await?;
    let files = SdkFiles::make(&shipped.wasm, &shipped.worker, &build).map_err(|error| other(&error))?;
    let builds = context.installation.store().sdk_builds().await?;
    let in_use = builds.into_iter().filter(|build| build.retired_at.is_none()).map(|build| build.id).collect();
    let changed = folder::write(out, &files, &in_use).map_err(|error| other(&error))?;
    output::line(&format!("build: {}", files.manifest.build_id))?;
    output::line(&format!("wasm: {}", files.manifest.wasm))?;
    output::line(&format!("sha256: {}", files.manifest.sha256))?;
    output::line(if changed { "written" } else { "unchanged" })
}
