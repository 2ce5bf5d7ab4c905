//! Keyveil's key server as a library: KMS, applications, titles, sessions and key grants, media origin.
//!
//! ```no_run
//! use keyveil_key_server::{Clock, Config, Server};
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::default();
//! let installation = keyveil_key_server::open(&config).await?;
//! let server = Server::bind(installation, config, Clock::default())?;
//! println!("listening: {}", server.url());
//! server.run().await?;
//! # Ok(())
//! # }
//! ```

pub mod actions;
mod background;
mod change_streams;
pub mod cli;
mod client_address;
mod clock;
mod config;
pub mod core_dumps;
mod fetch;
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod installation;
pub mod kms;
mod local_worker;
mod metrics;
mod origin;
mod pacing;
mod page_origin;
mod principal;
mod public_halves;
mod rate_counters;
mod refusal;
pub mod sdk_files;
mod state;
pub mod storage;
pub mod store;
mod traces;

pub use clock::Clock;
pub use config::{
    AuditConfig, AwsKmsConfig, Config, ConfigError, DataConfig, DatabaseConfig, DatabaseUrl, FetchConfig, HttpConfig,
    KmsConfig, KmsEngine, LocalKmsConfig, LogConfig, LogFormat, LookIntervals, MediaConfig, MetricsConfig,
    PacingConfig, PacingMode, PagesConfig, Pkcs11Config, StandardConfig, StorageConfig, StorageReads, StorageUrl,
    TracingConfig, UploadsConfig, VaultConfig, WorkersConfig,
};
pub use http::{ServeError, Server, StopHandle, TlsError};
pub use installation::{Installation, OpenError, open, open_with_kms};
pub use pacing::{Reason, Threshold};
pub use page_origin::{DOMAINS_MAX, DomainPattern, DomainPatternError};
pub use refusal::Refusal;
pub use state::ServerState;
