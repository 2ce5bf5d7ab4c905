use clap::{Subcommand, ValueEnum};
use keyveil_protocol::{ApiKeyId, AppId};
use serde_json::json;

use super::{CliError, Context, by, output};
use crate::actions::app_keys::{self, NewApiKey};
use crate::store::Scope;

#[derive(Debug, Subcommand)]
pub(super) enum ApiKeyCommand {
    /// Make an API key; prints its text, only now.
    #[command(after_help = "Examples:
  key-server api-key create --app 1000001 --name website --scope read --scope sign
  key-server api-key create --app 1000001 --name packager --scope pack --scope write --json")]
    Create {
        /// The application.
        #[arg(long)]
        app: AppId,
        /// What it is for.
        #[arg(long)]
        name: String,
        /// What its holder may do. May be repeated.
        #[arg(long = "scope", value_name = "SCOPE", required = true)]
        scopes: Vec<AppScope>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the API keys of an application, never their texts.
    #[command(
        after_help = "Examples:\n  key-server api-key list --app 1000001\n  key-server api-key list --app 1000001 --json"
    )]
    List {
        /// The application.
        #[arg(long)]
        app: AppId,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Stop accepting an API key.
    #[command(after_help = "Example:\n  key-server api-key retire --app 1000001 --id 0a1b2c3d4e5f")]
    Retire {
        /// The application.
        #[arg(long)]
        app: AppId,
        /// The key.
        #[arg(long)]
        id: ApiKeyId,
    },
}

/// The scopes that a key of an application can have.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum AppScope {
    Read,
    Write,
    Pack,
    Sign,
    Manage,
}

impl From<AppScope> for Scope {
    fn from(scope: AppScope) -> Self {
        match scope {
            AppScope::Read => Self::Read,
            AppScope::Write => Self::Write,
            AppScope::Pack => Self::Pack,
            AppScope::Sign => Self::Sign,
            AppScope::Manage => Self::Manage,
        }
    }
}

pub(super) async fn run(command: ApiKeyCommand, context: &Context) -> Result<(), CliError> {
    let (installation, now) = (&context.installation, context.stored_now());
    match command {
        ApiKeyCommand::Create { app, name, scopes, json } => {
            let new = NewApiKey { name, scopes: scopes.into_iter().map(Scope::from).collect() };
            let key = app_keys::create_api_key(installation, app, &new, by(), now).await?;
            if json {
                return output::json(&json!({ "apiKeyId": key.id(), "apiKey": key.expose_text() }));
            }
            output::line(&format!("id:      {}\nAPI key: {}", key.id(), key.expose_text()))
        }
        ApiKeyCommand::List { app, json } => {
            if json {
                return output::json(&app_keys::list_api_keys(installation, app).await?);
            }
            for key in installation.store().list_api_keys(app).await? {
                output::line(&format!(
                    "{}  {}  {}  {}",
                    key.id,
                    output::state_of(key.retired_at),
                    key.scopes,
                    key.name
                ))?;
            }
            Ok(())
        }
        ApiKeyCommand::Retire { app, id } => {
            if app_keys::retire_api_key(installation, app, &id, by(), now).await? {
                return output::line(&format!("retired: {id}"));
            }
            Err(CliError::Other("this application has no such API key in use".to_owned()))
        }
    }
}
