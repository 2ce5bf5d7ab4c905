use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::http::optional_url;

/// `[kms]`: the engine that wraps every secret at rest, and what is kept of it in memory.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KmsConfig {
    /// The one that wraps.
    pub engine: KmsEngine,
    /// The one before, which still opens its ciphertexts until `key-server kms rotate` has moved them all.
    pub previous_engine: Option<KmsEngine>,
    /// No call takes longer, repetitions included.
    pub timeout_ms: u64,
    /// Unwrapped secrets in memory.
    pub cache_entries: usize,
    /// How long one is used before the engine is asked again.
    pub cache_secs: u64,
    /// How much longer while the engine does not answer.
    pub cache_stale_secs: u64,
    /// The local keyring.
    pub local: LocalKmsConfig,
    /// A hardware module.
    pub pkcs11: Pkcs11Config,
    /// AWS KMS.
    pub aws: AwsKmsConfig,
    /// Vault or OpenBao.
    pub vault: VaultConfig,
}

/// Who wraps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KmsEngine {
    /// A keyring of this installation's own.
    #[default]
    Local,
    /// A hardware module.
    Pkcs11,
    /// AWS KMS.
    Aws,
    /// Vault or OpenBao.
    Vault,
}

impl KmsEngine {
    /// As the configuration has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Pkcs11 => "pkcs11",
            Self::Aws => "aws",
            Self::Vault => "vault",
        }
    }
}

/// `[kms.local]`: where the root key comes from; at most one of these. `[data] root_key_file` when none is set.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LocalKmsConfig {
    /// 32 bytes in a file that only its owner may read.
    pub root_key_file: Option<PathBuf>,
    /// 32 bytes in a systemd credential.
    pub root_key_credential: Option<String>,
    /// A passphrase in a file that only its owner may read.
    pub passphrase_file: Option<PathBuf>,
    /// A passphrase in a systemd credential.
    pub passphrase_credential: Option<String>,
}

/// `[kms.pkcs11]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pkcs11Config {
    /// The module's shared library.
    pub module: PathBuf,
    /// The token's label.
    pub token_label: String,
    /// The user PIN, in a file that only its owner may read.
    pub pin_file: Option<PathBuf>,
    /// The user PIN, in a systemd credential.
    pub pin_credential: Option<String>,
    /// The label of the keys.
    pub key_label: String,
}

/// `[kms.aws]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AwsKmsConfig {
    /// Key id, ARN or alias.
    pub key_id: String,
    /// Its region.
    pub region: String,
    /// Instead of the region's own address.
    #[serde(deserialize_with = "optional_url")]
    pub endpoint: Option<Url>,
}

/// `[kms.vault]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VaultConfig {
    /// Where it listens.
    #[serde(deserialize_with = "optional_url")]
    pub address: Option<Url>,
    /// The mount of the transit engine.
    pub mount: String,
    /// The key's name.
    pub key: String,
    /// The token, in a file that only its owner may read. Read again when it is refused.
    pub token_file: Option<PathBuf>,
    /// The namespace of Vault Enterprise or OpenBao.
    pub namespace: Option<String>,
}

impl Default for VaultConfig {
    fn default() -> Self {
        Self { address: None, mount: "transit".to_owned(), key: String::new(), token_file: None, namespace: None }
    }
}

impl Default for KmsConfig {
    fn default() -> Self {
        Self {
            engine: KmsEngine::Local,
            previous_engine: None,
            timeout_ms: 3000,
            cache_entries: 4096,
            cache_secs: 600,
            cache_stale_secs: 3600,
            local: LocalKmsConfig::default(),
            pkcs11: Pkcs11Config::default(),
            aws: AwsKmsConfig::default(),
            vault: VaultConfig::default(),
        }
    }
}

impl KmsConfig {
    /// What a call may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        for (name, value, range) in [
            ("timeout_ms", self.timeout_ms, 100..=30_000),
            ("cache_entries", self.cache_entries as u64, 1..=1_000_000),
            ("cache_secs", self.cache_secs, 1..=86_400),
            ("cache_stale_secs", self.cache_stale_secs, 0..=86_400),
        ] {
            if !range.contains(&value) {
                return Err(format!("kms.{name} must be {} … {}", range.start(), range.end()));
            }
        }
        if self.previous_engine == Some(self.engine) {
            return Err("kms.previous_engine must be another one than kms.engine".to_owned());
        }
        let uses = |engine| self.engine == engine || self.previous_engine == Some(engine);
        self.local.check()?;
        if uses(KmsEngine::Pkcs11) {
            self.pkcs11.check()?;
        }
        if uses(KmsEngine::Aws) {
            self.aws.check()?;
        }
        if uses(KmsEngine::Vault) {
            self.vault.check()?;
        }
        Ok(())
    }
}

impl LocalKmsConfig {
    fn check(&self) -> Result<(), String> {
        let sources = [
            self.root_key_file.is_some(),
            self.root_key_credential.is_some(),
            self.passphrase_file.is_some(),
            self.passphrase_credential.is_some(),
        ];
        if sources.into_iter().filter(|set| *set).count() > 1 {
            return Err("kms.local takes one of root_key_file, root_key_credential, passphrase_file and \
                        passphrase_credential"
                .to_owned());
        }
        Ok(())
    }
}

impl Pkcs11Config {
    fn check(&self) -> Result<(), String> {
        if self.module.as_os_str().is_empty() || self.token_label.is_empty() || self.key_label.is_empty() {
            return Err("kms.pkcs11 needs module, token_label and key_label".to_owned());
        }
        if self.pin_file.is_some() == self.pin_credential.is_some() {
            return Err("kms.pkcs11 needs pin_file or pin_credential".to_owned());
        }
        Ok(())
    }
}

impl AwsKmsConfig {
    fn check(&self) -> Result<(), String> {
        if self.key_id.is_empty() || self.region.is_empty() {
            return Err("kms.aws needs key_id and region".to_owned());
        }
        Ok(())
    }
}

impl VaultConfig {
    fn check(&self) -> Result<(), String> {
        if self.address.is_none() || self.mount.is_empty() || self.key.is_empty() || self.token_file.is_none() {
            return Err("kms.vault needs address, mount, key and token_file".to_owned());
        }
        Ok(())
    }
}
