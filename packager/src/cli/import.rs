//! `packager import`.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use keyveil_packager::{ImportOptions, PackError, ServerOptions, Style};

use super::{api_key, file_id, server_key, server_url};

pub(super) const EXAMPLES: &str = "Examples:
  packager import old/film.m3u8 --keys keys.json --name \"A film\" --out media --server http://127.0.0.1:8080 --api-key kv_…
      Takes over a title of another vendor's HLS standard encryption: the segments stay as they are.

KEYS is JSON that you make with the vendor's KMS before you leave: {\"<text of Ciphertext=>\": \"<16 bytes in base64>\", …}.
Every key is tried on a segment before anything is written. Playlist and segments lie in one folder, as they were downloaded.";

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Master or media playlist
    playlist: PathBuf,
    /// File with the keys
    #[arg(long, value_name = "KEYS")]
    keys: PathBuf,
    /// The vendor's id of the media, where the key addresses don't say it
    #[arg(long, value_name = "ID")]
    media_id: Option<String>,
    /// Folder that gets the title's folder (the key server's media folder)
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The title's name for people
    #[arg(long)]
    name: String,
    /// The title's id, 1 to 64 of A-Z a-z 0-9 _ - (default: random)
    #[arg(long, value_name = "ID")]
    file_id: Option<String>,
    /// Address of the key server
    #[arg(long, value_name = "URL", env = "KEYVEIL_SERVER", hide_env_values = true)]
    server: String,
    /// API key of the application; better given by the environment, where other users can't see it
    #[arg(long, value_name = "KEY", env = "KEYVEIL_API_KEY", hide_env_values = true)]
    api_key: String,
    /// Pin the key server's public key (64 hex digits) instead of asking the server for it
    #[arg(long, value_name = "HEX")]
    server_key: Option<String>,
    /// Allow plain http to a key server on another machine: the keys are then open to the network
    #[arg(long)]
    insecure_http: bool,
    /// How long a key server that does not answer is tried again, in seconds
    #[arg(long, value_name = "SECS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=3600))]
    retry_secs: u64,
    /// How progress is shown
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) progress: Style,
}

impl Import {
    /// Reads what clap took as text; every refusal has a code.
    pub(crate) fn options(self) -> Result<ImportOptions, PackError> {
        Ok(ImportOptions {
            playlist: self.playlist,
            keys: self.keys,
            media_id: self.media_id,
            out: self.out,
            file_id: self.file_id.as_deref().map(file_id).transpose()?,
            name: self.name,
            server: ServerOptions {
                url: server_url(&self.server)?,
                api_key: api_key(&self.api_key)?,
                server_key: self.server_key.as_deref().map(server_key).transpose()?,
                insecure_http: self.insecure_http,
                retry_max: Duration::from_secs(self.retry_secs),
            },
        })
    }
}
