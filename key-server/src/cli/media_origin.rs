use std::path::PathBuf;

use clap::Subcommand;
use keyveil_protocol::{AppId, MediaOriginId};

use super::{CliError, Context, by, output};
use crate::actions::media_origins::{self, NewMediaOrigin, SecretText};

#[derive(Debug, Subcommand)]
pub(super) enum MediaOriginCommand {
    /// Add a media origin; prints the key that is made for it, only now.
    #[command(after_help = "Examples:
  key-server media-origin create --app 1000001 --id cdn --base-url https://cdn.example.com --scheme a --default
  key-server media-origin create --app 1000001 --id cdn --base-url https://cdn.example.com --scheme f --key-file cdn.key
  key-server media-origin create --app 1000001 --id edge --base-url https://edge.example.com --scheme path-hmac")]
    Create {
        /// The application.
        #[arg(long)]
        app: AppId,
        /// Its name in commands and requests.
        #[arg(long)]
        id: MediaOriginId,
        /// Scheme, host and port.
        #[arg(long, value_name = "URL")]
        base_url: String,
        /// path-hmac, a, b, c-path, c-query, f, tencent-d or tencent-key.
        #[arg(long)]
        scheme: String,
        /// A file with the key, where the CDN has one already: 6 to 64 letters and digits.
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
        /// A file with the backup key.
        #[arg(long, value_name = "FILE")]
        backup_key_file: Option<PathBuf>,
        /// How long its addresses hold: 60 to 2592000 seconds, 14400 when absent.
        #[arg(long, value_name = "SECONDS")]
        ttl_secs: Option<u32>,
        /// Playback gets addresses of it.
        #[arg(long)]
        default: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the media origins of an application, never their keys.
    #[command(after_help = "Example:\n  key-server media-origin list --app 1000001")]
    List {
        /// The application.
        #[arg(long)]
        app: AppId,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take a media origin away: its addresses hold no more.
    #[command(after_help = "Example:\n  key-server media-origin remove --app 1000001 --id cdn")]
    Remove {
        /// The application.
        #[arg(long)]
        app: AppId,
        /// The media origin.
        #[arg(long)]
        id: MediaOriginId,
    },
}

pub(super) async fn run(command: MediaOriginCommand, context: &Context) -> Result<(), CliError> {
    let (installation, now) = (&context.installation, context.stored_now());
    match command {
        MediaOriginCommand::Create {
            app,
            id,
            base_url,
            scheme,
            key_file,
            backup_key_file,
            ttl_secs,
            default,
            json,
        } => {
            let new = NewMediaOrigin {
                origin_id: id,
                base_url,
                scheme,
                key: secret(key_file)?,
                backup_key: secret(backup_key_file)?,
                ttl_secs,
                is_default: default,
            };
            let made = media_origins::create(installation, app, &new, by(), now).await?;
            if json {
                return output::json(&made);
            }
            output::line(&format!("id:  {}", new.origin_id))?;
            made.expose_key().map_or(Ok(()), |key| output::line(&format!("key: {key}")))
        }
        MediaOriginCommand::List { app, json } => {
            let page = media_origins::list(installation, app).await?;
            if json {
                return output::json(&page);
            }
            page.lines().try_for_each(|line| output::line(&line))
        }
        MediaOriginCommand::Remove { app, id } => {
            media_origins::delete(installation, app, &id, by(), now).await?;
            output::line(&format!("removed: {id}"))
        }
    }
}

/// From a file, because what stands on a command line is seen by everybody on the machine.
fn secret(file: Option<PathBuf>) -> Result<Option<SecretText>, CliError> {
    let Some(file) = file else { return Ok(None) };
    Ok(Some(SecretText::new(std::fs::read_to_string(file)?.trim().to_owned())))
}
