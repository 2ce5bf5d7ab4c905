use clap::{Args, Subcommand};
use keyveil_protocol::{AppId, KeyId};
use serde_json::json;

use super::app_settings::{self, DomainArgs, SetArgs};
use super::{CliError, Context, by, output};
use crate::actions::apps::{self, CreatedApp, NewApp};
use crate::page_origin::DomainPattern;

#[derive(Debug, Subcommand)]
pub(super) enum AppCommand {
    /// Make an application; prints its signing key and API key, which are told only now.
    #[command(after_help = "Examples:
  key-server app create --name Demo
  key-server app create --name Shop --domain shop.example.com --domain '*.shop.example.com' --json")]
    Create(CreateArgs),
    /// List the applications.
    #[command(after_help = "Examples:\n  key-server app list\n  key-server app list --json")]
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Let pages of one more domain play its titles.
    #[command(after_help = "Example:\n  key-server app add-domain --app 1000001 '*.shop.example.com'")]
    AddDomain(DomainArgs),
    /// Let pages of a domain play its titles no more.
    #[command(after_help = "Example:\n  key-server app remove-domain --app 1000001 old.example.com")]
    RemoveDomain(DomainArgs),
    /// Change its name or limits; prints what it is then, as JSON.
    #[command(after_help = "Examples:
  key-server app set --app 1000001 --default-workflow vod-compact
  key-server app set --app 1000001 --reset-default-workflow
  key-server app set --app 1000001 --max-age-secs 3600 --upload-bytes-max 10737418240 --upload-types mp4,mov,mkv
  key-server app set --app 1000001 --min-level sealed --below-min-level SD")]
    Set(SetArgs),
    /// Add a signing key beside those in use; prints it, only now.
    #[command(after_help = "Example:\n  key-server app add-signing-key --app 1000001")]
    AddSigningKey {
        /// The application.
        #[arg(long)]
        app: AppId,
    },
    /// Stop accepting a signing key.
    #[command(after_help = "Example:\n  key-server app retire-signing-key --app 1000001 --kid 9f8e7d6c")]
    RetireSigningKey {
        /// The application.
        #[arg(long)]
        app: AppId,
        /// The key.
        #[arg(long)]
        kid: KeyId,
    },
}

#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// What people call it.
    #[arg(long)]
    name: String,
    /// A page that may play its titles: example.com, *.example.com or localhost:3000. May be repeated.
    #[arg(long = "domain", value_name = "DOMAIN")]
    domains: Vec<DomainPattern>,
    /// The longest life of a player signature, in seconds.
    #[arg(long, default_value_t = 86_400)]
    max_age_secs: u64,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(command: AppCommand, context: &Context) -> Result<(), CliError> {
    match command {
        AppCommand::Create(args) => create(args, context).await,
        AppCommand::List { json } => list(json, context).await,
        AppCommand::AddDomain(args) => app_settings::add_domain(args, context).await,
        AppCommand::RemoveDomain(args) => app_settings::remove_domain(args, context).await,
        AppCommand::Set(args) => app_settings::set(args, context).await,
        AppCommand::AddSigningKey { app } => {
            let key = apps::create_signing_key(&context.installation, app, by(), context.stored_now()).await?;
            output::line(&format!("kid: {}\nsigning key: {}", key.kid, key.expose_text()))
        }
        AppCommand::RetireSigningKey { app, kid } => {
            if apps::retire_signing_key(&context.installation, app, &kid, by(), context.stored_now()).await? {
                return output::line(&format!("retired: {kid}"));
            }
            Err(CliError::Other("this application has no such signing key in use".to_owned()))
        }
    }
}

async fn create(args: CreateArgs, context: &Context) -> Result<(), CliError> {
    let new_app = NewApp { name: args.name, domains: args.domains, max_age_secs: args.max_age_secs };
    let created = apps::create(&context.installation, &new_app, context.stored_now()).await?;
    let CreatedApp { app_id, signing_key, api_key } = &created;
    if args.json {
        return output::json(&json!({
            "appId": app_id, "kid": signing_key.kid, "signingKey": signing_key.expose_text(),
            "apiKey": api_key.expose_text(),
        }));
    }
    output::line(&format!("app id:      {app_id}"))?;
    output::line(&format!("kid:         {}", signing_key.kid))?;
    output::line(&format!("signing key: {}", signing_key.expose_text()))?;
    output::line(&format!("API key:     {}", api_key.expose_text()))?;
    output::line("The two keys are told only now: put them where your server keeps its secrets.")
}

async fn list(json: bool, context: &Context) -> Result<(), CliError> {
    let apps = context.installation.store().apps().await?;
    if json {
        let apps: Vec<_> = apps
            .iter()
            .map(|app| {
                json!({
                    "appId": app.app_id, "name": app.name, "domains": app.domains,
                    "maxAgeSecs": app.max_age_secs, "createdAt": app.created_at,
                })
            })
            .collect();
        return output::json(&apps);
    }
    for app in apps {
        output::line(&format!("{}  {}  {}", app.app_id, app.name, app.domains.join(" ")))?;
    }
    Ok(())
}
