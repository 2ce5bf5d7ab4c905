//! `packager upload`.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use keyveil_packager::{PackError, ServerOptions, Style, UploadOptions};

use super::{api_key, file_id, server_url};

pub(super) const EXAMPLES: &str = "Examples:
  KEYVEIL_SERVER=https://keys.example KEYVEIL_API_KEY=kv_… packager upload film.mp4
      Uploads the film; the server packs it by the application's workflow.
  packager upload film.mp4 --server http://127.0.0.1:8080 --api-key kv_… --name 'A film' --label drama --wait
      The same with a name and a label, and waits until the title is ready or published.

A broken upload goes on where it stopped, also when the command is given again.";

#[derive(Debug, Args)]
pub(crate) struct Upload {
    /// The video file
    file: PathBuf,
    /// Address of the key server
    #[arg(long, value_name = "URL", env = "KEYVEIL_SERVER", hide_env_values = true)]
    server: String,
    /// API key of the application; better given by the environment, where other users can't see it
    #[arg(long, value_name = "KEY", env = "KEYVEIL_API_KEY", hide_env_values = true)]
    api_key: String,
    /// The title's name for people (default: the file's name)
    #[arg(long)]
    name: Option<String>,
    /// The title's description
    #[arg(long)]
    description: Option<String>,
    /// A label of the title; may be given several times
    #[arg(long, value_name = "LABEL")]
    label: Vec<String>,
    /// The workflow's id (default: the application's)
    #[arg(long, value_name = "ID")]
    workflow: Option<String>,
    /// The title's id, 1 to 64 of A-Z a-z 0-9 _ - (default: random)
    #[arg(long, value_name = "ID")]
    file_id: Option<String>,
    /// Wait until the title is ready, published or failed
    #[arg(long)]
    wait: bool,
    /// Allow plain http to a key server on another machine: API key and video are then open to the network
    #[arg(long)]
    insecure_http: bool,
    /// How long a key server that does not answer is tried again, in seconds
    #[arg(long, value_name = "SECS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    retry_secs: u64,
    /// How progress is shown
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) progress: Style,
}

impl Upload {
    /// Reads what clap took as text; every refusal has a code.
    pub(crate) fn options(self) -> Result<UploadOptions, PackError> {
        let invalid = |_| PackError::OptionInvalid("--workflow takes 1 to 64 of A-Z a-z 0-9 _ -".into());
        Ok(UploadOptions {
            input: self.file,
            server: ServerOptions {
                url: server_url(&self.server)?,
                api_key: api_key(&self.api_key)?,
                server_key: None,
                insecure_http: self.insecure_http,
                retry_max: Duration::from_secs(self.retry_secs),
            },
            name: self.name,
            description: self.description,
            labels: self.label,
            workflow_id: self.workflow.map(|id| id.parse()).transpose().map_err(invalid)?,
            file_id: self.file_id.as_deref().map(file_id).transpose()?,
            wait: self.wait,
        })
    }
}
