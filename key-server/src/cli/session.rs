use clap::{Args, Subcommand};
use keyveil_protocol::{AppId, KeyId, SessionId};

use super::{CliError, Context, output};
use crate::actions::sessions;

#[derive(Debug, Subcommand)]
pub(super) enum SessionCommand {
    /// End sessions: they receive no further key.
    #[command(after_help = "Examples:
  key-server session revoke --id hGb2…
  key-server session revoke --app 1000001 --uid alice
  key-server session revoke --app 1000001 --kid 0a1b2c3d")]
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
pub(super) struct RevokeArgs {
    /// One session.
    #[arg(long, conflicts_with_all = ["app", "uid", "kid"], required_unless_present_any = ["uid", "kid"], allow_hyphen_values = true)]
    id: Option<SessionId>,
    /// The application of the viewer or signing key.
    #[arg(long)]
    app: Option<AppId>,
    /// Every session of this viewer.
    #[arg(long, requires = "app")]
    uid: Option<String>,
    /// Every session that stands on this signing key; the key stays in use.
    #[arg(long, requires = "app", conflicts_with = "uid")]
    kid: Option<KeyId>,
}

pub(super) async fn run(command: SessionCommand, context: &Context) -> Result<(), CliError> {
    let SessionCommand::Revoke(args) = command;
    let (installation, now) = (&context.installation, context.stored_now());
    let count = match (args.id, args.app, args.uid, args.kid) {
        (Some(id), ..) => u64::from(sessions::revoke(installation, id, now).await?),
        (None, Some(app_id), Some(uid), _) => sessions::revoke_viewer(installation, app_id, &uid, now).await?,
        (None, Some(app_id), None, Some(kid)) => sessions::revoke_signed_by(installation, app_id, &kid, now).await?,
        _ => 0,
    };
    if count == 0 {
        return Err(CliError::Other("there is no such session in use".to_owned()));
    }
    output::line(&format!("revoked: {count}"))
}
