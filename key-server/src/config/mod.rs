//! Configuration: one struct per concern, read from a TOML file and then from `KEYVEIL_…` variables.

mod audit;
mod data;
mod database;
mod fetch;
mod http;
mod kms;
mod log;
mod media;
mod metrics;
mod pacing;
mod pages;
mod standard;
mod storage;
mod tracing;
mod uploads;
mod workers;

use std::collections::BTreeMap;
use std::path::Path;

pub use audit::AuditConfig;
pub use data::DataConfig;
pub use database::{DatabaseConfig, DatabaseUrl, LookIntervals};
pub use fetch::FetchConfig;
pub use http::HttpConfig;
pub use kms::{AwsKmsConfig, KmsConfig, KmsEngine, LocalKmsConfig, Pkcs11Config, VaultConfig};
pub use log::{LogConfig, LogFormat};
pub use media::MediaConfig;
pub use metrics::MetricsConfig;
pub use pacing::{PacingConfig, PacingMode};
pub use pages::PagesConfig;
use serde::Deserialize;
pub use standard::StandardConfig;
pub use storage::{StorageConfig, StorageReads, StorageUrl};
pub use tracing::TracingConfig;
pub use uploads::UploadsConfig;
pub use workers::WorkersConfig;

/// Everything that can be configured. Each field has a safe default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the server listens and what it puts up with.
    pub http: HttpConfig,
    /// The data folder and the root key.
    pub data: DataConfig,
    /// A PostgreSQL server for the state, which replicas share.
    pub database: DatabaseConfig,
    /// What wraps every secret at rest.
    pub kms: KmsConfig,
    /// Where packaged media lies.
    pub media: MediaConfig,
    /// A store for it beyond this machine.
    pub storage: StorageConfig,
    /// Where the console, the player page and the SDK lie.
    pub pages: PagesConfig,
    /// Requests that the server itself makes.
    pub fetch: FetchConfig,
    /// Sources on their way in.
    pub uploads: UploadsConfig,
    /// The server's own worker.
    pub workers: WorkersConfig,
    /// Titles for players that are not ours.
    pub standard: StandardConfig,
    /// How fast keys are released.
    pub pacing: PacingConfig,
    /// How long the audit log is kept.
    pub audit: AuditConfig,
    /// How the server logs.
    pub log: LogConfig,
    /// Where what it counts is read.
    pub metrics: MetricsConfig,
    /// Where spans of requests go.
    pub tracing: TracingConfig,
}

const SECTIONS: &[&str] = &[
    "audit", "http", "data", "database", "kms", "media", "storage", "pages", "fetch", "uploads", "log", "standard",
    "pacing", "workers", "metrics", "tracing",
];

/// Sections inside a section: `KEYVEIL_KMS_AWS_REGION` is `kms.aws.region`.
const SUBSECTIONS: [(&str, &[&str]); 1] = [("kms", &["local", "pkcs11", "aws", "vault"])];

/// A variable that stands for a field under a shorter name.
const SHORT_NAMES: [(&str, &str); 3] =
    [("KEYVEIL_DATA", "data.dir"), ("KEYVEIL_LISTEN", "http.listen"), ("KEYVEIL_PUBLIC_URL", "http.public_url")];

/// Fields that are lists; a variable separates their members by commas.
const LIST_FIELDS: [&str; 2] = ["pages.sdk_dirs", "http.trusted_proxies"];

/// The configuration can't be read or is not valid.
#[derive(Debug, thiserror::Error)]
#[error("configuration: {0}")]
pub struct ConfigError(String);

impl Config {
    /// Reads `file` (if any), then the variables, and checks every bound.
    ///
    /// Variables are `KEYVEIL_<SECTION>_<FIELD>`, for example `KEYVEIL_HTTP_LISTEN`; other `KEYVEIL_…` names belong to
    /// other programs and are left alone.
    pub fn load(file: Option<&Path>, variables: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut builder = ::config::Config::builder();
        if let Some(file) = file {
            builder = builder.add_source(::config::File::from(file).format(::config::FileFormat::Toml));
        }
        for (field, value) in fields_from(variables) {
            builder = if LIST_FIELDS.contains(&field.as_str()) {
                let members: Vec<&str> = value.split(',').map(str::trim).filter(|member| !member.is_empty()).collect();
                builder.set_override(field, members)
            } else {
                builder.set_override(field, value)
            }
            .map_err(|error| ConfigError(error.to_string()))?;
        }
        let config: Self = builder
            .build()
            .and_then(::config::Config::try_deserialize)
            .map_err(|error| ConfigError(error.to_string()))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.http
            .check()
            .and_then(|()| self.kms.check())
            .and_then(|()| self.uploads.check())
            .and_then(|()| self.standard.check())
            .and_then(|()| self.pacing.check())
            .and_then(|()| self.workers.check())
            .and_then(|()| self.audit.check())
            .and_then(|()| self.tracing.check())
            .and_then(|()| self.check_storage())
            .map_err(ConfigError)
    }
}

/// Later names win over earlier ones in a stable order: short names first, so that the full name decides.
fn fields_from(variables: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    let variables: BTreeMap<String, String> = variables.filter(|(name, _)| name.starts_with("KEYVEIL_")).collect();
    let short = SHORT_NAMES
        .iter()
        .filter_map(|(name, field)| variables.get(*name).map(|value| ((*field).to_owned(), value.clone())));
    let full = variables.iter().filter_map(|(name, value)| {
        let rest = name.strip_prefix("KEYVEIL_")?.to_ascii_lowercase();
        let (section, field) = rest.split_once('_')?;
        SECTIONS.contains(&section).then(|| (path_of(section, field), value.clone()))
    });
    short.chain(full).collect()
}

fn path_of(section: &str, field: &str) -> String {
    let subsections = SUBSECTIONS.iter().find(|(name, _)| *name == section).map_or(&[][..], |(_, within)| within);
    match field.split_once('_') {
        Some((subsection, rest)) if subsections.contains(&subsection) => format!("{section}.{subsection}.{rest}"),
        _ => format!("{section}.{field}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::load(None, variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn defaults_are_safe() {
        let config = load(&[]).unwrap();
        assert_eq!(config.http.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.data.dir, Path::new("./data"));
        assert_eq!(config.media_dir(), Path::new("./data/media"));
        assert_eq!(config.http.public_url, None);
    }

    #[test]
    fn variables_override_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key-server.toml");
        std::fs::write(&file, "[http]\nlisten = \"127.0.0.1:1\"\nmax_connections = 7\n[log]\nformat = \"json\"\n")
            .unwrap();
        let variables =
            [("KEYVEIL_HTTP_LISTEN", "127.0.0.1:2"), ("KEYVEIL_PAGES_SDK_DIRS", "a, b"), ("KEYVEIL_PORT", "3")];
        let config =
            Config::load(Some(&file), variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))).unwrap();
        assert_eq!(config.http.listen.port(), 2);
        assert_eq!(config.http.max_connections, 7);
        assert_eq!(config.log.format, LogFormat::Json);
        assert_eq!(config.pages.sdk_dirs, Some(vec!["a".into(), "b".into()]));
    }

    #[test]
    fn trusted_proxies_are_addresses_and_ranges() {
        assert!(load(&[]).unwrap().http.trusted_proxies.is_empty());
        let config = load(&[("KEYVEIL_HTTP_TRUSTED_PROXIES", "10.0.0.0/8, 2001:db8::1,")]).unwrap();
        let shown: Vec<String> = config.http.trusted_proxies.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["10.0.0.0/8", "2001:db8::1"]);
        assert!(load(&[("KEYVEIL_HTTP_TRUSTED_PROXIES", "10.0.0.0/8, proxy.example.com")]).is_err());
        assert!(load(&[("KEYVEIL_HTTP_TRUSTED_PROXIES", &vec!["10.0.0.1"; 257].join(","))]).is_err());
    }

    #[test]
    fn certificate_and_key_go_together_and_with_https() {
        let certificate = ("KEYVEIL_HTTP_TLS_CERTIFICATE", "/etc/keyveil/tls.pem");
        let key = ("KEYVEIL_HTTP_TLS_KEY", "/etc/keyveil/tls.key");
        let (public, plain) = (("KEYVEIL_PUBLIC_URL", "https://video.example.com"), "http://video.example.com");
        assert!(load(&[certificate, key, public]).unwrap().http.tls().is_some());
        assert!(load(&[certificate, key]).unwrap().http.tls().is_some());
        assert!(
            load(&[("KEYVEIL_HTTP_TLS_CERTIFICATE", ""), ("KEYVEIL_HTTP_TLS_KEY", "")]).unwrap().http.tls().is_none()
        );
        for unfit in [&[certificate][..], &[key], &[certificate, key, ("KEYVEIL_PUBLIC_URL", plain)]] {
            assert!(load(unfit).is_err(), "{unfit:?}");
        }
        for (name, value) in [
            ("HSTS_SECS", "63072001"),
            ("PLAYS_PER_MINUTE", "0"),
            ("MAX_CONNECTIONS_PER_CLIENT", "0"),
            ("WRITE_TIMEOUT_SECS", "0"),
        ] {
            assert!(load(&[(&format!("KEYVEIL_HTTP_{name}"), value)]).is_err(), "{name}");
        }
    }

    #[test]
    fn the_kms_is_configured_by_engine() {
        let config = load(&[
            ("KEYVEIL_KMS_ENGINE", "aws"),
            ("KEYVEIL_KMS_CACHE_SECS", "60"),
            ("KEYVEIL_KMS_AWS_KEY_ID", "alias/keyveil"),
            ("KEYVEIL_KMS_AWS_REGION", "eu-central-1"),
        ])
        .unwrap();
        assert_eq!((config.kms.engine, config.kms.cache_secs), (KmsEngine::Aws, 60));
        assert_eq!((config.kms.aws.key_id.as_str(), config.kms.aws.region.as_str()), ("alias/keyveil", "eu-central-1"));
        for unfit in [
            &[("KEYVEIL_KMS_ENGINE", "aws"), ("KEYVEIL_KMS_AWS_REGION", "eu-central-1")][..],
            &[("KEYVEIL_KMS_ENGINE", "vault")],
            &[("KEYVEIL_KMS_ENGINE", "pkcs11")],
            &[("KEYVEIL_KMS_ENGINE", "paper")],
            &[("KEYVEIL_KMS_TIMEOUT_MS", "0")],
            &[("KEYVEIL_KMS_CACHE_ENTRIES", "0")],
            &[("KEYVEIL_KMS_LOCAL_ROOT_KEY", "x")],
            &[("KEYVEIL_KMS_PREVIOUS_ENGINE", "local")],
            &[("KEYVEIL_KMS_LOCAL_ROOT_KEY_FILE", "a"), ("KEYVEIL_KMS_LOCAL_PASSPHRASE_FILE", "b")],
        ] {
            assert!(load(unfit).is_err(), "{unfit:?}");
        }
        assert!(load(&[("KEYVEIL_KMS_LOCAL_ROOT_KEY_FILE", "a")]).is_ok());
    }

    #[test]
    fn nothing_is_told_to_scrapers_and_collectors_unless_it_is_asked_for() {
        let config = load(&[("KEYVEIL_METRICS_LISTEN", ""), ("KEYVEIL_TRACING_OTLP_ENDPOINT", "")]).unwrap();
        assert_eq!((config.metrics.listen, config.tracing.endpoint()), (None, None));
        let config = load(&[
            ("KEYVEIL_METRICS_LISTEN", "[::1]:9464"),
            ("KEYVEIL_TRACING_OTLP_ENDPOINT", "http://127.0.0.1:4318"),
            ("KEYVEIL_TRACING_SAMPLE_RATIO", "0.5"),
        ])
        .unwrap();
        assert_eq!(config.metrics.listen.map(|address| address.to_string()).as_deref(), Some("[::1]:9464"));
        assert!((config.tracing.sample_ratio - 0.5).abs() < f64::EPSILON);
        for unfit in [
            ("KEYVEIL_METRICS_LISTEN", "9464"),
            ("KEYVEIL_METRICS_LISTEN", "localhost:9464"),
            ("KEYVEIL_METRICS_PATH", "/m"),
            ("KEYVEIL_TRACING_OTLP_ENDPOINT", "127.0.0.1:4318"),
            ("KEYVEIL_TRACING_SAMPLE_RATIO", "2"),
            ("KEYVEIL_TRACING_PARENT_RATIO", "much"),
        ] {
            assert!(load(&[unfit]).is_err(), "{unfit:?}");
        }
    }

    #[test]
    fn unknown_and_unfit_fields_are_refused() {
        assert!(load(&[("KEYVEIL_HTTP_LISTN", "127.0.0.1:2")]).is_err());
        assert!(load(&[("KEYVEIL_HTTP_LISTEN", "nowhere")]).is_err());
        assert!(load(&[("KEYVEIL_HTTP_MAX_CONNECTIONS", "0")]).is_err());
        assert!(load(&[("KEYVEIL_PUBLIC_URL", "ftp://example.com")]).is_err());
        assert!(load(&[("KEYVEIL_PUBLIC_URL", "https://example.com/path")]).is_err());
        assert!(load(&[("KEYVEIL_PUBLIC_URL", "https://example.com")]).is_ok());
        assert!(Config::load(Some(Path::new("/no/such/file.toml")), std::iter::empty()).is_err());
    }
}
