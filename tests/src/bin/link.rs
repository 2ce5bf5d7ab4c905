//! Writes the wasm of an SDK build that no server has made, from a template. The build comes as JSON by standard input:
//! `{"buildId": "…", "buildSecret": hex(32), "serverKeys": [{"id": "…", "publicKey": hex(32)}]}`.

use std::path::PathBuf;

use clap::Parser;
use keyveil_key_server::sdk_files::SdkFiles;
use keyveil_protocol::{BuildId, PskSecret, SdkBuild, ServerKeyId, ServerPublicKey};
use serde::Deserialize;

#[derive(Parser)]
struct Arguments {
    /// The folder of the SDK as it is shipped.
    #[arg(long)]
    sdk: PathBuf,
    /// The wasm to write.
    #[arg(long)]
    out: PathBuf,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Build {
    build_id: BuildId,
    #[serde(with = "hex")]
    build_secret: [u8; 32],
    server_keys: Vec<PinnedKey>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PinnedKey {
    id: ServerKeyId,
    #[serde(with = "hex")]
    public_key: [u8; 32],
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Arguments { sdk, out } = Arguments::parse();
    let Build { build_id: id, build_secret, server_keys } = serde_json::from_reader(std::io::stdin())?;
    let server_keys = server_keys.into_iter().map(|key| ServerPublicKey::from_bytes(key.id, &key.public_key));
    let build = SdkBuild {
        id,
        secret: PskSecret::from_bytes(build_secret),
        server_keys: server_keys.collect::<Result<_, _>>()?,
    };
    let template = std::fs::read(sdk.join("keyveil.wasm"))?;
    let worker = std::fs::read_to_string(sdk.join("worker.js"))?;
    std::fs::write(out, SdkFiles::make(&template, &worker, &build)?.wasm)?;
    Ok(())
}
