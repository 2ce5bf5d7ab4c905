use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyveil_protocol::{AddressRange, FileId, SessionId, SessionMacKey, TitleSecret};
use ring::hkdf;
use serde_json::json;
use zeroize::Zeroizing;

use crate::actions::jobs::JobTokenKey;
use crate::actions::{builds, server_keys};
use crate::clock::{Clock, stored};
use crate::config::Config;
use crate::kms::{Kms, KmsContext, KmsError, KmsOpenError, decrypt_32, open_kms, protect};
use crate::metrics::Metrics;
use crate::origin::UrlKey;
use crate::public_halves::PublicHalves;
use crate::refusal::Refusal;
use crate::storage::{S3, Storage};
use crate::store::{AuditEvent, AuditKind, Store, StoreError};

const AUDIT_KEY_LABEL: &[u8] = b"keyveil/v1/installation/audit-key";
const ANSWERS_KEY_LABEL: &[u8] = b"keyveil/v1/installation/answers-key";
const URL_KEY_LABEL: &[u8] = b"keyveil/v1/installation/url-key";
const SESSION_MAC_ROOT_LABEL: &[u8] = b"keyveil/v1/installation/session-mac-root";
const JOB_TOKEN_KEY_LABEL: &[u8] = b"keyveil/v1/installation/job-token-key";
const LOCAL_WORKER_LABEL: &[u8] = b"keyveil/v1/installation/local-worker";
const ADDRESS_MAC_ROOT_LABEL: &[u8] = b"keyveil/v1/installation/address-mac-root";
const RATES_KEY_LABEL: &[u8] = b"keyveil/v1/installation/rates-key";
const ADDRESS_MAC_LABEL: &[u8] = b"keyveil/v1/address-mac";
const SESSION_MAC_LABEL: &[u8] = b"keyveil/v1/session-mac";

/// An opened data folder: database, KMS and the keys derived from the installation secret.
pub struct Installation {
    store: Store,
    kms: Box<dyn Kms>,
    media: Storage,
    metrics: Arc<Metrics>,
    sources: Option<Storage>,
    url_key: UrlKey,
    session_mac_root: Zeroizing<[u8; 32]>,
    address_mac_root: Zeroizing<[u8; 32]>,
    public_halves: PublicHalves,
    job_token_key: JobTokenKey,
    local_worker_secret: Zeroizing<[u8; 32]>,
    answers_key: Zeroizing<[u8; 32]>,
    rates_key: Zeroizing<[u8; 32]>,
}

/// The data folder can't be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A folder can't be made.
    #[error("the folder {path} can't be made: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The KMS can't be used as it is configured.
    #[error(transparent)]
    KmsOpen(#[from] KmsOpenError),
    /// The storage of media can't be used as it is configured.
    #[error("the storage of media can't be used: {0}")]
    Storage(String),
    /// The database can't be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The KMS is not the one this database was made with.
    #[error(
        "the KMS can't open this installation's secret ({0}): is this the key that belongs to this database? If its engine was changed, name the one before as kms.previous_engine"
    )]
    Kms(KmsError),
    /// It may answer later.
    #[error("the KMS does not answer, and without it nothing can be opened: start again when it does")]
    KmsUnavailable,
    /// The first keys can't be made.
    #[error("the installation can't be completed: {0}")]
    Incomplete(#[from] Refusal),
}

impl From<KmsError> for OpenError {
    fn from(error: KmsError) -> Self {
        match error {
            KmsError::Unavailable { .. } => Self::KmsUnavailable,
            error => Self::Kms(error),
        }
    }
}

/// Opens the data folder of `config`, or makes it with everything a first start needs. Safe to repeat.
pub async fn open(config: &Config) -> Result<Installation, OpenError> {
    let folder = config.data.dir.clone();
    if !folder.exists() {
        make_private_folder(&folder)?;
    }
    if std::fs::metadata(&folder).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0) {
        tracing::warn!(folder = %folder.display(), "others may look into the data folder; chmod 700 is advised");
    }
    if config.storage.url.is_none() {
        let media_dir = config.media_dir();
        std::fs::create_dir_all(&media_dir).map_err(|source| OpenError::Folder { path: media_dir, source })?;
    }
    let store = open_store(config).await?;
    let kms = open_kms(config, &store).await?;
    complete(config, store, kms).await
}

/// As [`open`], with another engine as KMS.
pub async fn open_with_kms(config: &Config, kms: Box<dyn Kms>) -> Result<Installation, OpenError> {
    complete(config, open_store(config).await?, kms).await
}

/// The state alone, wherever it lies.
pub(crate) async fn open_store(config: &Config) -> Result<Store, StoreError> {
    match &config.database.url {
        Some(url) => Store::open_postgres(url.options()).await,
        None => Store::open(&config.database_file()).await,
    }
}

async fn complete(config: &Config, store: Store, kms: Box<dyn Kms>) -> Result<Installation, OpenError> {
    let metrics = Arc::new(Metrics::default());
    let kms = protect(kms, &config.kms, Some(&metrics));
    let secret = installation_secret(&store, kms.as_ref()).await?;
    store.seal_audit(stored(Clock::default().now())).await?;
    let installation = Installation {
        store,
        kms,
        media: open_media(config)?.measured(&metrics),
        sources: open_s3(config, "sources")?.map(|sources| sources.measured(&metrics)),
        metrics,
        url_key: UrlKey::from_bytes(&derive(secret.as_ref(), &[URL_KEY_LABEL])),
        session_mac_root: derive(secret.as_ref(), &[SESSION_MAC_ROOT_LABEL]),
        address_mac_root: derive(secret.as_ref(), &[ADDRESS_MAC_ROOT_LABEL]),
        public_halves: PublicHalves::default(),
        job_token_key: JobTokenKey::from_bytes(&derive(secret.as_ref(), &[JOB_TOKEN_KEY_LABEL])),
        local_worker_secret: derive(secret.as_ref(), &[LOCAL_WORKER_LABEL]),
        answers_key: derive(secret.as_ref(), &[ANSWERS_KEY_LABEL]),
        rates_key: derive(secret.as_ref(), &[RATES_KEY_LABEL]),
    };
    let now = stored(Clock::default().now());
    if installation.store.newest_server_key().await?.is_none() {
        server_keys::rotate(&installation, false, now).await?;
    }
    if installation.store.sdk_builds().await?.is_empty() {
        builds::create(&installation, now).await?;
    }
    Ok(installation)
}

impl Installation {
    pub(crate) const fn public_halves(&self) -> &PublicHalves {
        &self.public_halves
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The KMS.
    #[must_use]
    pub fn kms(&self) -> &dyn Kms {
        self.kms.as_ref()
    }

    /// Where media lie.
    #[must_use]
    pub fn media(&self) -> &Storage {
        &self.media
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Where new sources lie in pieces; none where they are files of this server's data folder.
    #[must_use]
    pub fn sources(&self) -> Option<&Storage> {
        self.sources.as_ref()
    }

    /// Has new sources lie in pieces without a bucket.
    #[cfg(test)]
    pub(crate) fn with_sources(self, sources: Storage) -> Self {
        Self { sources: Some(sources), ..self }
    }

    /// The secret of a title's latest version in the clear; `None` for unknown, clear and deleted titles. For tests and
    /// recovery tools.
    pub async fn title_secret(&self, file_id: &FileId) -> Result<Option<TitleSecret>, Refusal> {
        let Some(title) = self.store.title(file_id).await? else { return Ok(None) };
        let version = title.version.unwrap_or(title.last_version);
        let Some(version) = self.store.title_version(file_id, version).await? else { return Ok(None) };
        let Some(ciphertext) = &version.secret_ciphertext else { return Ok(None) };
        let context = KmsContext::Title { app_id: title.app_id, file_id };
        let secret = decrypt_32(self.kms(), ciphertext, &context).await?;
        Ok(Some(TitleSecret::from_bytes(*secret)))
    }

    pub(crate) fn url_key(&self) -> &UrlKey {
        &self.url_key
    }

    pub(crate) fn job_token_key(&self) -> &JobTokenKey {
        &self.job_token_key
    }

    /// The secret of the worker key of this server's own worker.
    pub(crate) fn local_worker_secret(&self) -> &[u8; 32] {
        &self.local_worker_secret
    }

    /// Says which counter of rates is whose, at every server alike.
    pub(crate) fn rates_key(&self) -> &[u8; 32] {
        &self.rates_key
    }

    /// Seals answers that are kept for repetitions.
    pub(crate) fn answers_key(&self) -> &[u8; 32] {
        &self.answers_key
    }

    /// Derived, not stored: every replica knows it, and the database holds nothing to steal.
    pub(crate) fn session_mac_key(&self, session_id: &SessionId) -> SessionMacKey {
        let info: [&[u8]; 3] = [SESSION_MAC_LABEL, &[0], session_id.as_bytes()];
        SessionMacKey::from_bytes(*derive(self.session_mac_root.as_ref(), &info))
    }

    /// What is kept of a client's address at a signature: of every other signature another one, and of no use to who has the
    /// database alone.
    pub(crate) fn address_mac(&self, signature_hash: &[u8; 32], client: &AddressRange) -> [u8; 32] {
        let client = client.to_string();
        let info: [&[u8]; 4] = [ADDRESS_MAC_LABEL, &[0], signature_hash, client.as_bytes()];
        *derive(self.address_mac_root.as_ref(), &info)
    }
}

/// Asks nothing yet: a server starts, and says that it is not ready, while its storage is away.
pub(crate) fn open_media(config: &Config) -> Result<Storage, OpenError> {
    Ok(open_s3(config, "media")?.unwrap_or_else(|| Storage::folder(config.media_dir())))
}

/// A folder of the bucket, if there is one.
fn open_s3(config: &Config, folder: &str) -> Result<Option<Storage>, OpenError> {
    let open = |url| S3::open(&config.storage, url, folder, std::env::vars()).map(Storage::s3);
    config.storage.url.as_ref().map(open).transpose().map_err(OpenError::Storage)
}

async fn installation_secret(store: &Store, kms: &dyn Kms) -> Result<Zeroizing<[u8; 32]>, OpenError> {
    let context = KmsContext::InstallationSecret;
    if let Some(secret) = unlock_audit(store, kms).await? {
        return Ok(secret);
    }
    let (secret, ciphertext) = kms.generate_data_key(&context).await?;
    let now = stored(Clock::default().now());
    let mut write = store.write().await?;
    if write.insert_installation_secret(&ciphertext, now).await? {
        store.unlock_audit(&derive(secret.as_ref(), &[AUDIT_KEY_LABEL]));
        write.append_audit(&AuditEvent::new(AuditKind::InstallationCreated, json!({})), now).await?;
        write.commit().await?;
        return Ok(secret);
    }
    drop(write);
    // Another process was first: its secret is the one.
    Ok(unlock_audit(store, kms).await?.ok_or(StoreError::Corrupt("installation secret"))?)
}

/// Lets the audit log be written, and returns what its key comes from: the installation's secret, if there is one yet.
pub(crate) async fn unlock_audit(store: &Store, kms: &dyn Kms) -> Result<Option<Zeroizing<[u8; 32]>>, OpenError> {
    let Some(ciphertext) = store.installation_secret().await? else { return Ok(None) };
    let secret = decrypt_32(kms, &ciphertext, &KmsContext::InstallationSecret).await?;
    store.unlock_audit(&derive(secret.as_ref(), &[AUDIT_KEY_LABEL]));
    Ok(Some(secret))
}

fn make_private_folder(path: &Path) -> Result<(), OpenError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| OpenError::Folder { path: path.to_owned(), source })
}

struct Len32;

impl hkdf::KeyType for Len32 {
    fn len(&self) -> usize {
        32
    }
}

fn derive(secret: &[u8], info: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    let filled = hkdf::Salt::new(hkdf::HKDF_SHA256, &[])
        .extract(secret)
        .expand(info, Len32)
        .and_then(|okm| okm.fill(key.as_mut()));
    let Ok(()) = filled else { unreachable!("HKDF-SHA256 yields up to 8160 bytes (RFC 5869, section 2.3)") };
    key
}
