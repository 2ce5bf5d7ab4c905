//! `key-server app set|add-domain|remove-domain`.

use clap::Args;
use keyveil_protocol::{AppId, BelowMinLevel, PlaybackLevel, WorkflowId};

use super::{CliError, Context, by, output};
use crate::actions::app_settings::{self, ChangeApp};
use crate::page_origin::DomainPattern;

#[derive(Debug, Args)]
pub(super) struct DomainArgs {
    /// The application.
    #[arg(long)]
    app: AppId,
    /// example.com, *.example.com or localhost:3000.
    #[arg(value_name = "DOMAIN")]
    domain: DomainPattern,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(super) struct Settings {
    /// What people call it.
    #[arg(long)]
    name: Option<String>,
    /// The longest life of a player signature, in seconds.
    #[arg(long)]
    max_age_secs: Option<u64>,
    /// What is made of a source that names no workflow.
    #[arg(long)]
    default_workflow: Option<WorkflowId>,
    /// Let the built-in default be made of a source that names no workflow.
    #[arg(long, conflicts_with = "default_workflow")]
    reset_default_workflow: bool,
    /// The longest source it takes.
    #[arg(long, value_name = "BYTES")]
    upload_bytes_max: Option<u64>,
    /// The sources it takes, by file name extension, separated by commas.
    #[arg(long, value_name = "EXTENSIONS", value_delimiter = ',')]
    upload_types: Option<Vec<String>>,
    /// The least playback level: sealed, guarded or standard, which is every one.
    #[arg(long, value_name = "LEVEL")]
    min_level: Option<PlaybackLevel>,
    /// What a lower level gets: refuse, or the highest track class: AUDIO, SD, HD or UHD.
    #[arg(long, value_name = "OUTCOME")]
    below_min_level: Option<BelowMinLevel>,
}

#[derive(Debug, Args)]
pub(super) struct SetArgs {
    /// The application.
    #[arg(long)]
    app: AppId,
    #[command(flatten)]
    settings: Settings,
}

pub(super) async fn set(args: SetArgs, context: &Context) -> Result<(), CliError> {
    let settings = args.settings;
    let reset = settings.reset_default_workflow;
    let change = ChangeApp {
        name: settings.name,
        domains: None,
        max_age_secs: settings.max_age_secs,
        default_workflow_id: if reset { Some(None) } else { settings.default_workflow.map(Some) },
        upload_bytes_max: settings.upload_bytes_max,
        upload_types: settings.upload_types,
        min_level: settings.min_level,
        below_min_level: settings.below_min_level,
    };
    let app = app_settings::change(&context.installation, args.app, change, by(), context.stored_now()).await?;
    output::json(&app)
}

pub(super) async fn add_domain(args: DomainArgs, context: &Context) -> Result<(), CliError> {
    let mut domains = domains(args.app, context).await?;
    domains.push(args.domain.to_string());
    set_domains(args.app, domains, context).await
}

pub(super) async fn remove_domain(args: DomainArgs, context: &Context) -> Result<(), CliError> {
    let mut domains = domains(args.app, context).await?;
    let pattern = args.domain.to_string();
    if !domains.contains(&pattern) {
        return Err(CliError::Other("this application has no such domain".to_owned()));
    }
    domains.retain(|domain| *domain != pattern);
    set_domains(args.app, domains, context).await
}

async fn domains(app: AppId, context: &Context) -> Result<Vec<String>, CliError> {
    let app = context.installation.store().app(app).await?;
    Ok(app.ok_or_else(|| CliError::Other("there is no such application".to_owned()))?.domains)
}

async fn set_domains(app: AppId, mut domains: Vec<String>, context: &Context) -> Result<(), CliError> {
    domains.sort();
    domains.dedup();
    let line = format!("domains: {}", domains.join(" "));
    let change = ChangeApp { domains: Some(domains), ..ChangeApp::default() };
    app_settings::change(&context.installation, app, change, by(), context.stored_now()).await?;
    output::line(&line)
}
