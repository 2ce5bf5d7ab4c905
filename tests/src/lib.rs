//! What the tests alone may do: read a data folder as the key server does.

use std::path::Path;

use keyveil_key_server::{Config, DataConfig};
use keyveil_protocol::api::MediaInfo;
use keyveil_protocol::{FileId, TitleSecret};

/// What a private title was published with, and its secret, read through the KMS of the data folder.
///
/// # Errors
/// When the folder can't be opened or has no such published private title.
pub async fn title(data: &Path, file_id: &FileId) -> Result<(MediaInfo, TitleSecret), Box<dyn std::error::Error>> {
    let data = DataConfig { dir: data.to_owned(), ..DataConfig::default() };
    let installation = keyveil_key_server::open(&Config { data, ..Config::default() }).await?;
    let title = installation.store().title(file_id).await?.ok_or("no such title")?;
    let version = installation.store().title_version(file_id, title.version.ok_or("not committed")?).await?;
    let publication = version.and_then(|version| version.publication).ok_or("not committed")?;
    let media = serde_json::from_str(&publication)?;
    let title_secret = installation.title_secret(file_id).await?.ok_or("not private")?;
    Ok((media, title_secret))
}
