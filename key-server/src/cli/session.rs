use clap::{Args, Subcommand};
use keyveil_protocol::{AppId, SessionId};

use super::{CliError, Context, output};
use crate::actions::sessions;

#[derive(Debug, Subcommand)]
pub(super) enum SessionCommand {
    /// End sessions: they receive no further key.
    #[command(after_help = "Examples:
  key-server session revoke --id hGb2…
  key-server session revoke --app 1000001 --uid alice")]
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
pub(super) struct RevokeArgs {
    /// One session.
    #[arg(long, conflicts_with_all = ["app", "uid"], required_unless_present = "uid", allow_hyphen_values = true)]
    id: Option<SessionId>,
    /// The viewer's application.
    #[arg(long, requires = "uid")]
    app: Option<AppId>,
    /// Every session of this viewer.
    #[arg(long, requires = "app")]
    uid: Option<String>,
}

pub(super) async fn run(command: SessionCommand, context: &Context) -> Result<(), CliError> {
    let SessionCommand::Revoke(args) = command;
    let (installation, now) = (&context.installation, context.stored_now());
    let count = match (args.id, args.app, args.uid) {
        (Some(id), _, _) => u64::from(sessions::revoke(installation, id, now).await?),
        (None, Some(app_id), Some(uid)) => sessions::revoke_viewer(installation, app_id, &uid, now).await?,
        _ => 0,
    };
    if count == 0 {
        return Err(CliError::Other("there is no such session in use".to_owned()));
    }
    output::line(&format!("revoked: {count}"))
}
