use clap::Subcommand;

use super::{CliError, Context, output};
use crate::actions::server_keys;

#[derive(Debug, Subcommand)]
pub(super) enum ServerKeyCommand {
    /// Make a new server key. The one before stays in use; older ones are retired.
    #[command(after_help = "Example, without a moment in which players are refused:
  key-server server-key rotate
  key-server build create && key-server build write --sdk player-wasm/dist --out /srv/sdk    then ship players of it
  key-server build retire OLD-BUILD                                          once nobody uses them
  key-server server-key rotate                                               the next time")]
    Rotate {
        /// Even if accepted SDK builds then pin no key in use.
        #[arg(long)]
        force: bool,
    },
    /// List the server keys, newest first.
    #[command(after_help = "Example:\n  key-server server-key list")]
    List,
}

pub(super) async fn run(command: ServerKeyCommand, context: &Context) -> Result<(), CliError> {
    match command {
        ServerKeyCommand::Rotate { force } => {
            let rotation = server_keys::rotate(&context.installation, force, context.stored_now()).await?;
            output::line(&format!("server key: {}", rotation.id))?;
            for id in rotation.retired {
                output::line(&format!("retired: {id}"))?;
            }
            for id in rotation.cut_off_builds {
                output::line(&format!("cut off: SDK build {id}"))?;
            }
            Ok(())
        }
        ServerKeyCommand::List => {
            for key in context.installation.store().server_keys().await? {
                let public_key = hex::encode(key.public_key);
                output::line(&format!("{}  {}  {public_key}", key.id, output::state_of(key.retired_at)))?;
            }
            Ok(())
        }
    }
}
