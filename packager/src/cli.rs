//! The command line.

use std::{path::PathBuf, str::FromStr, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use keyveil_packager::{Choices, Ladder, PackError, PackOptions, ServerOptions, Style};
use keyveil_protocol::{ApiKey, Container, FileId, Mode, PeriodSegments};
use url::Url;

const EXAMPLES: &str = "Examples:
  packager pack film.mp4 --out media --server http://127.0.0.1:8080 --api-key kv_…
      Encrypts every quality the film can fill and publishes it at the key server.
  KEYVEIL_SERVER=https://keys.example KEYVEIL_API_KEY=kv_… packager pack film.mkv --out media --ladder 360p,720p
      The same with two qualities; server and API key from the environment.
  packager pack film.mp4 --out media --mode clear --ladder copy
      Only cuts the film into HLS segments: no re-encoding, no encryption, no server.

The title is written to OUT/FILE-ID/master.m3u8. Nothing appears there before it is complete.";

/// Packs videos as encrypted HLS.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Pack one video file.
    #[command(after_help = EXAMPLES)]
    Pack(Box<Pack>),
}

#[derive(Debug, Args)]
pub(crate) struct Pack {
    /// The video file
    file: PathBuf,
    /// Folder that gets the title's folder (the key server's media folder)
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Address of the key server
    #[arg(long, value_name = "URL", env = "KEYVEIL_SERVER", hide_env_values = true)]
    server: Option<String>,
    /// API key of the application; better given by the environment, where other users can't see it
    #[arg(long, value_name = "KEY", env = "KEYVEIL_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
    /// Pin the key server's public key (64 hex digits) instead of asking the server for it
    #[arg(long, value_name = "HEX")]
    server_key: Option<String>,
    /// Allow plain http to a key server on another machine: the API key is then open to the network
    #[arg(long)]
    insecure_http: bool,
    /// How long a key server that does not answer is tried again, in seconds
    #[arg(long, value_name = "SECS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=3600))]
    retry_secs: u64,
    /// private: only the player SDK plays it; clear: not encrypted
    #[arg(long, value_enum, default_value = "private")]
    mode: ModeArgument,
    /// Container of the segments
    #[arg(long, value_enum, default_value = "fmp4")]
    container: ContainerArgument,
    /// auto, copy (never re-encodes), or qualities such as 360p,720p
    #[arg(long, default_value = "auto")]
    ladder: String,
    /// Length of a segment in seconds
    #[arg(long, value_name = "SECS", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=60))]
    segment_secs: u32,
    /// Segments that share a period key
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    period_segments: u32,
    /// x264's speed: faster ones make larger or worse pictures
    #[arg(long, default_value = "veryfast", value_parser = PRESETS)]
    preset: String,
    /// Encoder threads per quality (default: as many as fit); 1 makes every run give the same bytes
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: Option<u32>,
    /// The title's name for people (default: the file's name)
    #[arg(long)]
    name: Option<String>,
    /// The title's id, 1 to 64 of A-Z a-z 0-9 _ - (default: random)
    #[arg(long, value_name = "ID")]
    file_id: Option<String>,
    /// How progress is shown
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) progress: Style,
}

const PRESETS: [&str; 9] =
    ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"];

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModeArgument {
    Private,
    Clear,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ContainerArgument {
    Fmp4,
    Ts,
}

impl Pack {
    /// Reads what clap took as text; every refusal has a code.
    pub(crate) fn options(self) -> Result<PackOptions, PackError> {
        let invalid = |what: &str| PackError::OptionInvalid(what.to_owned());
        let choices = Choices {
            mode: match self.mode {
                ModeArgument::Private => Mode::Private,
                ModeArgument::Clear => Mode::Clear,
            },
            container: match self.container {
                ContainerArgument::Fmp4 => Container::Fmp4,
                ContainerArgument::Ts => Container::Ts,
            },
            ladder: Ladder::from_str(&self.ladder)?,
            segment_secs: self.segment_secs,
            period_segments: PeriodSegments::new(self.period_segments)
                .map_err(|_| invalid("--period-segments takes 1 to 10000"))?,
            preset: self.preset,
            threads: self.threads,
        };
        let file_id = self.file_id.map(|id| FileId::from_str(&id)).transpose();
        let file_id = file_id.map_err(|_| invalid("--file-id takes 1 to 64 of A-Z a-z 0-9 _ -"))?;
        let server = match (self.server.filter(|server| !server.is_empty()), self.api_key) {
            (None, _) => None,
            (Some(_), None) => return Err(invalid("--server needs --api-key (or KEYVEIL_API_KEY)")),
            (Some(url), Some(api_key)) => Some(ServerOptions {
                url: Url::parse(&url)
                    .map_err(|_| invalid("--server is no address; give it like http://127.0.0.1:8080"))?,
                api_key: ApiKey::from_str(api_key.trim()).map_err(|_| PackError::ApiKeyInvalid)?,
                server_key: self.server_key.as_deref().map(server_key).transpose()?,
                insecure_http: self.insecure_http,
                retry_max: Duration::from_secs(self.retry_secs),
            }),
        };
        Ok(PackOptions { input: self.file, out: self.out, file_id, name: self.name, choices, server })
    }
}

fn server_key(text: &str) -> Result<[u8; 32], PackError> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim(), &mut bytes)
        .map_err(|_| PackError::OptionInvalid("--server-key takes 64 hex digits".into()))?;
    Ok(bytes)
}
