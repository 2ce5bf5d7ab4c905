use clap::Subcommand;
use keyveil_protocol::ApiKeyId;
use serde_json::json;

use super::{CliError, Context, output};
use crate::actions::workers;

#[derive(Debug, Subcommand)]
pub(super) enum WorkerCommand {
    /// Make a worker key; prints it, only now.
    #[command(after_help = "Examples:
  key-server worker create --name rack-7
  KEYVEIL_WORKER_TOKEN=kv_… packager worker --server https://keys.example     on the worker's machine")]
    Create {
        /// What people call it.
        #[arg(long)]
        name: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the worker keys.
    #[command(after_help = "Examples:\n  key-server worker list\n  key-server worker list --json")]
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Stop accepting a worker key. What its holder is working on is put back for another worker.
    #[command(after_help = "Example:\n  key-server worker retire --id 9f8e7d6c")]
    Retire {
        /// The key.
        #[arg(long, allow_hyphen_values = true)]
        id: ApiKeyId,
    },
}

pub(super) async fn run(command: WorkerCommand, context: &Context) -> Result<(), CliError> {
    match command {
        WorkerCommand::Create { name, json } => {
            let key = workers::create(&context.installation, &name, context.stored_now()).await?;
            if json {
                return output::json(&json!({ "apiKeyId": key.id(), "token": key.expose_text() }));
            }
            output::line(&format!("id:    {}\ntoken: {}", key.id(), key.expose_text()))?;
            output::line("The token is told only now: give it to the worker as KEYVEIL_WORKER_TOKEN.")
        }
        WorkerCommand::List { json } => list(json, context).await,
        WorkerCommand::Retire { id } => {
            if workers::retire(&context.installation, &id, context.stored_now()).await? {
                return output::line(&format!("retired: {id}"));
            }
            Err(CliError::Other("there is no such worker key in use".to_owned()))
        }
    }
}

async fn list(json: bool, context: &Context) -> Result<(), CliError> {
    let keys = context.installation.store().worker_keys().await?;
    if json {
        let keys: Vec<_> = keys
            .iter()
            .map(|key| {
                json!({ "apiKeyId": key.id, "name": key.name, "createdAt": key.created_at, "retiredAt": key.retired_at })
            })
            .collect();
        return output::json(&keys);
    }
    for key in keys {
        output::line(&format!("{}  {}  {}", key.id, output::state_of(key.retired_at), key.name))?;
    }
    Ok(())
}
