//! The command line.

mod import;
mod pack;
mod upload;
mod worker;

use std::str::FromStr;

use clap::{Parser, Subcommand};
use keyveil_packager::PackError;
use keyveil_protocol::{ApiKey, FileId};
use url::Url;

pub(crate) use import::Import;
pub(crate) use pack::Pack;
pub(crate) use upload::Upload;
pub(crate) use worker::Worker;

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
    #[command(after_help = pack::EXAMPLES)]
    Pack(Box<Pack>),
    /// Take over a title of another vendor's HLS standard encryption.
    #[command(after_help = import::EXAMPLES)]
    Import(Box<Import>),
    /// Work for a key server: claim its jobs and make its titles, until told to stop.
    #[command(after_help = worker::EXAMPLES)]
    Worker(Box<Worker>),
    /// Upload one video file to a key server, which has it packed.
    #[command(after_help = upload::EXAMPLES)]
    Upload(Box<Upload>),
}

fn server_url(text: &str) -> Result<Url, PackError> {
    let invalid = |_| PackError::OptionInvalid("--server is no address; give it like http://127.0.0.1:8080".into());
    Url::parse(text).map_err(invalid)
}

fn api_key(text: &str) -> Result<ApiKey, PackError> {
    ApiKey::from_str(text.trim()).map_err(|_| PackError::ApiKeyInvalid)
}

fn file_id(text: &str) -> Result<FileId, PackError> {
    let invalid = |_| PackError::OptionInvalid("--file-id takes 1 to 64 of A-Z a-z 0-9 _ -".into());
    FileId::from_str(text).map_err(invalid)
}

fn server_key(text: &str) -> Result<[u8; 32], PackError> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim(), &mut bytes)
        .map_err(|_| PackError::OptionInvalid("--server-key takes 64 hex digits".into()))?;
    Ok(bytes)
}
