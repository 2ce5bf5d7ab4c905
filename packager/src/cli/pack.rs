//! `packager pack`.

use std::{path::PathBuf, str::FromStr, time::Duration};

use clap::{
    Args, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use keyveil_packager::{Choices, EncoderThreads, Ladder, PackError, PackOptions, ServerOptions, Style};
use keyveil_protocol::{
    Cipher, Container, Mode, PeriodSegments,
    workflow::{CoverSettings, Preset, SpriteSettings},
};

use super::{api_key, file_id, server_key, server_url};

pub(super) const EXAMPLES: &str = "Examples:
  packager pack film.mp4 --out media --server http://127.0.0.1:8080 --api-key kv_…
      Encrypts every quality the film can fill and publishes it at the key server.
  KEYVEIL_SERVER=https://keys.example KEYVEIL_API_KEY=kv_… packager pack film.mkv --out media --ladder 360p,720p
      The same with two qualities; server and API key from the environment.
  packager pack film.mp4 --out media --mode clear --ladder copy
      Only cuts the film into HLS segments: no re-encoding, no encryption, no server.

  packager pack film.mp4 --out media --server http://127.0.0.1:8080 --api-key kv_… --mode standard --clear-lead 12
      HLS standard encryption: any player that holds a token plays it; the first 12 seconds play without a key.

The title is written to OUT/FILE-ID/master.m3u8. Nothing appears there before it is complete.";

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
    /// private: only the player SDK plays it; standard: any HLS player with a token; clear: not encrypted
    #[arg(long, value_enum, default_value = "private")]
    mode: ModeArgument,
    /// Of private titles; chacha20-poly1305 also authenticates, so that no altered segment is played
    #[arg(long, value_enum, default_value = "aes-128-cbc")]
    cipher: CipherArgument,
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
    /// Leave so many seconds at the beginning clear, rounded up to whole segments
    #[arg(long, value_name = "SECS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=600))]
    clear_lead: u32,
    /// x264's speed: faster ones make larger or worse pictures
    #[arg(long, default_value = "veryfast", value_parser = preset_parser())]
    preset: Preset,
    /// Encoder threads per quality (default: as many as fit); 1 makes every run give the same bytes
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: Option<u32>,
    /// Also write cover.jpg: best (a typical frame of the beginning) or the frame at this time
    #[arg(long, value_name = "best|SECS", num_args = 0..=1, require_equals = true, default_missing_value = "best",
          value_parser = cover)]
    cover: Option<CoverSettings>,
    /// Also write sheets of thumbnails for seeking, one thumbnail every so many seconds
    #[arg(long, value_name = "SECS", num_args = 0..=1, require_equals = true, default_missing_value = "10",
          value_parser = clap::value_parser!(u32).range(1..=600))]
    sprites: Option<u32>,
    /// Size of a thumbnail in pixels
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "142x80")]
    sprite_size: String,
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

/// AAC, bit/s.
const AUDIO_BIT_RATE: u32 = 128_000;
const PRESETS: [&str; 9] =
    ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"];

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModeArgument {
    Private,
    Standard,
    Clear,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CipherArgument {
    #[value(name = "aes-128-cbc")]
    Aes128Cbc,
    #[value(name = "chacha20-poly1305")]
    ChaCha20Poly1305,
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
        let mode = match self.mode {
            ModeArgument::Private => Mode::Private,
            ModeArgument::Standard => Mode::Standard,
            ModeArgument::Clear => Mode::Clear,
        };
        let cipher = match self.cipher {
            CipherArgument::Aes128Cbc => Cipher::Aes128Cbc,
            CipherArgument::ChaCha20Poly1305 => Cipher::ChaCha20Poly1305,
        };
        if cipher != Cipher::Aes128Cbc && !cipher.fits(mode) {
            return Err(invalid(
                "--cipher chacha20-poly1305 is for private titles; standard players know aes-128-cbc only",
            ));
        }
        let choices = Choices {
            mode,
            cipher,
            container: match self.container {
                ContainerArgument::Fmp4 => Container::Fmp4,
                ContainerArgument::Ts => Container::Ts,
            },
            ladder: Ladder::from_str(&self.ladder)?,
            segment_secs: self.segment_secs,
            period_segments: PeriodSegments::new(self.period_segments)
                .map_err(|_| invalid("--period-segments takes 1 to 10000"))?,
            clear_lead_secs: self.clear_lead,
            preset: self.preset,
            audio_bit_rate: AUDIO_BIT_RATE,
            threads: self.threads.map_or(EncoderThreads::Any, EncoderThreads::Each),
            cover: self.cover,
            sprites: sprites(self.sprites, &self.sprite_size)?,
        };
        let file_id = self.file_id.as_deref().map(file_id).transpose()?;
        let server = match (self.server.filter(|server| !server.is_empty()), self.api_key) {
            (None, _) => None,
            (Some(_), None) => return Err(invalid("--server needs --api-key (or KEYVEIL_API_KEY)")),
            (Some(url), Some(key)) => Some(ServerOptions {
                url: server_url(&url)?,
                api_key: api_key(&key)?,
                server_key: self.server_key.as_deref().map(server_key).transpose()?,
                insecure_http: self.insecure_http,
                retry_max: Duration::from_secs(self.retry_secs),
            }),
        };
        Ok(PackOptions { input: self.file, out: self.out, file_id, name: self.name, choices, server })
    }
}

/// By the names that workflows use too.
fn preset_parser() -> impl TypedValueParser<Value = Preset> {
    PossibleValuesParser::new(PRESETS).try_map(|name| serde_json::from_value(name.into()))
}

fn cover(text: &str) -> Result<CoverSettings, String> {
    if text == "best" {
        return Ok(CoverSettings::Best);
    }
    let secs = text.parse::<f64>().ok().filter(|secs| (0.0..=1e6).contains(secs));
    let secs = secs.ok_or("takes best, or a time in seconds such as 12.5")?;
    Ok(CoverSettings::At { position_ms: (secs * 1000.0).round() as u64 })
}

fn sprites(every_secs: Option<u32>, size: &str) -> Result<Option<SpriteSettings>, PackError> {
    let edges = size.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    let edges = edges.filter(|(width, height)| [width, height].iter().all(|edge| (16..=640).contains(*edge)));
    let (width, height) = edges.ok_or_else(|| {
        PackError::OptionInvalid("--sprite-size takes WIDTHxHEIGHT, each 16 to 640, such as 142x80".into())
    })?;
    Ok(every_secs.map(|every_secs| SpriteSettings { every_secs, width, height }))
}
