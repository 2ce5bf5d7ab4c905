use clap::Subcommand;
use keyveil_protocol::{ApiKeyId, ErrorCode, WorkerId};
use serde_json::json;

use super::{CliError, Context, by, output};
use crate::actions::workers::{self, state_of};
use crate::store::Worker;

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
    #[command(after_help = "Examples:\n  key-server worker keys\n  key-server worker keys --json")]
    Keys {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the workers that have registered in the last three days.
    #[command(after_help = "Examples:
  key-server worker list            id, state, jobs, version, capacities, name
  key-server worker list --json")]
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Have a worker take no more jobs. It finishes what it has, and ends then if it was started with --exit-when-drained.
    #[command(after_help = "Example:\n  key-server worker drain 5f2b0c…")]
    Drain {
        /// The worker, as `worker list` names it.
        #[arg(allow_hyphen_values = true)]
        id: WorkerId,
    },
    /// Have a drained worker take jobs again.
    #[command(after_help = "Example:\n  key-server worker undrain 5f2b0c…")]
    Undrain {
        /// The worker.
        #[arg(allow_hyphen_values = true)]
        id: WorkerId,
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
        WorkerCommand::Keys { json } => keys(json, context).await,
        WorkerCommand::List { json } => list(json, context).await,
        WorkerCommand::Drain { id } => drain(&id, true, context).await,
        WorkerCommand::Undrain { id } => drain(&id, false, context).await,
        WorkerCommand::Retire { id } => {
            if workers::retire(&context.installation, &id, context.stored_now()).await? {
                return output::line(&format!("retired: {id}"));
            }
            Err(CliError::Other("there is no such worker key in use".to_owned()))
        }
    }
}

async fn keys(json: bool, context: &Context) -> Result<(), CliError> {
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

async fn list(json: bool, context: &Context) -> Result<(), CliError> {
    let (workers, now) = (context.installation.store().workers().await?, context.stored_now());
    let held = context.installation.store().held_jobs().await?;
    let jobs = |worker: &Worker| held.iter().filter(|(id, _)| *id == worker.worker_id).count();
    if json {
        let workers: Vec<_> = workers
            .iter()
            .map(|worker| {
                json!({
                    "workerId": worker.worker_id, "name": worker.name, "version": worker.version,
                    "protocolVersion": worker.protocol_version, "state": state_of(worker, now), "drain": worker.drain,
                    "cpus": worker.cpus, "memoryBytes": worker.memory_bytes, "jobsMax": worker.jobs_max, "kinds": worker.kinds,
                    "encoders": worker.encoders, "jobsRunning": jobs(worker), "startedAt": worker.started_at,
                    "lastSeenAt": worker.last_seen_at,
                })
            })
            .collect();
        return output::json(&workers);
    }
    for worker in &workers {
        let Worker { worker_id, name, version, cpus, jobs_max, .. } = worker;
        let (state, jobs) = (state_of(worker, now).as_str(), jobs(worker));
        output::line(&format!("{worker_id}  {state:8}  jobs {jobs}/{jobs_max}  cpus {cpus}  {version}  {name}"))?;
    }
    Ok(())
}

async fn drain(id: &WorkerId, drain: bool, context: &Context) -> Result<(), CliError> {
    match workers::set_drain(&context.installation, id, drain, by(), context.stored_now()).await {
        Ok(()) if drain => output::line(&format!("draining: {id}")),
        Ok(()) => output::line(&format!("takes jobs: {id}")),
        Err(refusal) if refusal.code() == ErrorCode::NotFound => {
            Err(CliError::Other("there is no such worker; `key-server worker list` names them".to_owned()))
        }
        Err(refusal) => Err(refusal.into()),
    }
}
