//! What the tests alone may do: read a data folder as the key server does.

use std::path::Path;

use keyveil_key_server::kms::KmsContext;
use keyveil_key_server::{Config, Installation};
use keyveil_protocol::api::MediaInfo;
use keyveil_protocol::{FileId, TitleSecret};
use serde_json::{Value, json};

/// Whatever a tool fails with.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Opens a data folder through its own KMS. Where its database and its media lie elsewhere, the environment says so, as it does to the
/// key server.
///
/// # Errors
/// When that can't be done.
pub async fn open(data: &Path) -> Result<Installation, Failure> {
    let mut config = Config::load(None, std::env::vars())?;
    data.clone_into(&mut config.data.dir);
    Ok(keyveil_key_server::open(&config).await?)
}

/// What a private title was published with, and its secret.
///
/// # Errors
/// When there is no such published private title.
pub async fn title(installation: &Installation, file_id: &FileId) -> Result<(MediaInfo, TitleSecret), Failure> {
    let title = installation.store().title(file_id).await?.ok_or("no such title")?;
    let version = installation.store().title_version(file_id, title.version.ok_or("not committed")?).await?;
    let publication = version.and_then(|version| version.publication).ok_or("not committed")?;
    let media = serde_json::from_str(&publication)?;
    let title_secret = installation.title_secret(file_id).await?.ok_or("not private")?;
    Ok((media, title_secret))
}

/// Every secret that is not a title's, in hex: of the installation, from which its sessions' MAC keys are derived, of its SDK
/// builds, and the private halves of its server keys.
///
/// # Errors
/// When one can't be unwrapped.
pub async fn installation_secrets(installation: &Installation) -> Result<Value, Failure> {
    let (store, kms) = (installation.store(), installation.kms());
    let secret = store.installation_secret().await?.ok_or("no installation")?;
    let secret = kms.decrypt(&secret, &KmsContext::InstallationSecret).await?;
    let mut builds = Vec::new();
    for build in store.sdk_builds().await? {
        let secret = kms.decrypt(&build.secret_ciphertext, &KmsContext::SdkBuild(&build.id)).await?;
        builds.push(json!({ "id": build.id, "secret": hex::encode(secret) }));
    }
    let mut server_keys = Vec::new();
    for key in store.server_keys().await? {
        let private = kms.decrypt(&key.private_key_ciphertext, &KmsContext::ServerKey(&key.id)).await?;
        let public = hex::encode(key.public_key);
        server_keys.push(json!({ "id": key.id, "publicKey": public, "privateKey": hex::encode(private) }));
    }
    Ok(json!({ "secret": hex::encode(secret), "builds": builds, "serverKeys": server_keys }))
}
