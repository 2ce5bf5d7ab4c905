//! Prints every key of a title as JSON, and the secrets of its installation, read from a data folder through its KMS. The tests
//! search for them what an attacker gets hold of.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use std::path::PathBuf;

use clap::Parser;
use keyveil_protocol::{Cipher, FileId, Rendition, Segment};
use serde_json::json;

#[derive(Parser)]
struct Arguments {
    /// The key server's data folder.
    #[arg(long)]
    data: PathBuf,
    /// The title.
    #[arg(long)]
    file_id: FileId,
}

#[tokio::main]
async fn main() -> Result<(), keyveil_tests::Failure> {
    let arguments = Arguments::parse();
    let installation = keyveil_tests::open(&arguments.data).await?;
    let (media, title_secret) = keyveil_tests::title(&installation, &arguments.file_id).await?;
    let (mut period_keys, mut segment_keys) = (Vec::new(), Vec::new());
    for rendition in &media.renditions {
        for segment in (0..rendition.segment_count).map(Segment) {
            let period = media.period_segments.period_of(segment);
            let period_key = title_secret.period_key(rendition.track_class, period);
            let Rendition(number) = rendition.rendition;
            let key = period_key.segment_key(media.cipher.unwrap_or(Cipher::Aes128Cbc), rendition.rendition, segment);
            let (key, iv) = key.expose_secret().split_at(16);
            segment_keys.push(json!({
                "rendition": number, "segment": segment.0, "key": hex::encode(key), "iv": hex::encode(iv),
            }));
            let entry = json!({
                "trackClass": rendition.track_class, "period": period.0, "key": hex::encode(period_key.expose_secret()),
            });
            if !period_keys.contains(&entry) {
                period_keys.push(entry);
            }
        }
    }
    let keys = json!({
        "titleSecret": hex::encode(title_secret.expose_secret()),
        "title": media,
        "periodKeys": period_keys,
        "segmentKeys": segment_keys,
        "installation": keyveil_tests::installation_secrets(&installation).await?,
    });
    println!("{keys}");
    Ok(())
}
