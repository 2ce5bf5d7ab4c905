use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{CliError, output};
use crate::actions::kms::{self, KeyCount, KeyError, Progress};
use crate::clock::{Clock, stored};
use crate::config::{Config, KmsEngine};
use crate::installation::{open_store, unlock_audit};
use crate::kms::{KeyVersion, Kms, LocalKeyring, RootKeySource, open_kms, open_local, protect};
use crate::store::Store;

#[derive(Debug, Subcommand)]
pub(super) enum KmsCommand {
    /// Wrap every secret of the database under the KMS's newest key. Safe beside a running server; broken off at any
    /// moment, it is run again and does the rest.
    #[command(after_help = "Examples:
  key-server kms rotate                    after the engine got a new key, or kms.engine was changed
  key-server kms rotate --new-key          make a key first (local keyring and PKCS#11)
  key-server kms rotate --new-key --json

Progress goes to standard error, the counts at the end to standard output.
To move to another engine: set kms.engine to the new one and kms.previous_engine to the old one, restart the server,
rotate, then remove kms.previous_engine.")]
    Rotate {
        /// Make a new key first.
        #[arg(long)]
        new_key: bool,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Say which engine wraps, whether it answers, and how many secrets are under each of its keys.
    #[command(after_help = "Examples:\n  key-server kms status\n  key-server kms status --json")]
    Status {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Forget a version of the local keyring that no secret is under any more.
    #[command(after_help = "Example, a minute or more after the newest version was made:
  key-server kms rotate --new-key && key-server kms status
  key-server kms retire 1")]
    Retire {
        /// Its number, as `kms status` says it.
        version: u32,
    },
    /// The key that the local keyring is wrapped under.
    #[command(subcommand)]
    RootKey(RootKeyCommand),
}

#[derive(Debug, Subcommand)]
pub(super) enum RootKeyCommand {
    /// Wrap the local keyring under another root key. No secret of the database is touched.
    #[command(after_help = "Examples:
  key-server kms root-key change --file /etc/keyveil/root-2.key             made where there is none
  key-server kms root-key change --passphrase-file /etc/keyveil/passphrase
  systemd-run -P -p LoadCredentialEncrypted=root.key … key-server kms root-key change --credential root.key

Name the new one under [kms.local] and restart the server: until then it opens every secret and wraps none.")]
    Change(NewRootKey),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct NewRootKey {
    /// 32 bytes in a file that only its owner may read.
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// 32 bytes in a systemd credential.
    #[arg(long, value_name = "NAME")]
    credential: Option<String>,
    /// A passphrase in a file that only its owner may read.
    #[arg(long, value_name = "PATH")]
    passphrase_file: Option<PathBuf>,
    /// A passphrase in a systemd credential.
    #[arg(long, value_name = "NAME")]
    passphrase_credential: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusReport {
    engine: &'static str,
    previous_engine: Option<&'static str>,
    answers: bool,
    /// Of the local keyring.
    versions: Vec<KeyVersion>,
    keys: Vec<KeyCount>,
}

impl From<KeyError> for CliError {
    fn from(error: KeyError) -> Self {
        Self::Other(error.to_string())
    }
}

/// The database and the KMS are opened apart from the rest: an engine that does not answer has a status too.
pub(super) async fn run(command: KmsCommand, config: &Config) -> Result<(), CliError> {
    if config.database.url.is_none() && !config.database_file().exists() {
        return Err(CliError::Other("there is no installation yet: run `key-server init` first".to_owned()));
    }
    let store = open_store(config).await?;
    let now = Clock::default().now();
    match command {
        KmsCommand::Rotate { new_key, json } => rotate(&store, config, new_key, json, stored(now)).await,
        KmsCommand::Status { json } => status(&store, config, json).await,
        KmsCommand::Retire { version } => {
            let keyring = keyring(config, &store).await?;
            engine(config, &store).await?;
            kms::retire(&store, &keyring, version, now).await?;
            output::line(&format!("retired: version {version}"))
        }
        KmsCommand::RootKey(RootKeyCommand::Change(new)) => {
            let (source, setting) = new.source()?;
            let keyring = keyring(config, &store).await?;
            engine(config, &store).await?;
            kms::change_root_key(&store, &keyring, &source, stored(now)).await?;
            output::line(&format!("root key: {source}"))?;
            output::line(&format!("Set {setting} under [kms.local], nothing else there, and restart the server."))
        }
    }
}

async fn rotate(store: &Store, config: &Config, new_key: bool, json: bool, now: i64) -> Result<(), CliError> {
    let engine = engine(config, store).await?;
    let progress = |progress: Progress| {
        let Progress { secrets, done, total } = progress;
        // Nobody may be reading; that stops nothing.
        let _ = writeln!(std::io::stderr(), "{secrets}: {done} of {total}");
    };
    let rotation = kms::rotate(store, engine.as_ref(), new_key, now, progress).await.map_err(|refusal| {
        CliError::Other(format!("{}; what was rewrapped stays so: run it again for the rest", refusal.cause()))
    })?;
    if json {
        output::json(&rotation)?;
    } else {
        if let Some(key) = &rotation.new_key {
            output::line(&format!("new key: {key}"))?;
        }
        for counts in &rotation.columns {
            output::line(&format!("{}: {} rewrapped, {} current", counts.secrets, counts.rewrapped, counts.current))?;
        }
    }
    match rotation.total(|counts| counts.rejected) {
        0 => Ok(()),
        rejected => {
            Err(CliError::Other(format!("{rejected} secrets don't open and were left as they are; see the log")))
        }
    }
}

async fn status(store: &Store, config: &Config, json: bool) -> Result<(), CliError> {
    let kms = &config.kms;
    let versions = if kms.uses(KmsEngine::Local) {
        keyring(config, store).await?.versions().map_err(KeyError::from)?
    } else {
        Vec::new()
    };
    let engine = protect(open_kms(config, store).await?, kms, None);
    let found = kms::status(store, engine.as_ref()).await?;
    let report = StatusReport {
        engine: kms.engine.as_str(),
        previous_engine: kms.previous_engine.map(KmsEngine::as_str),
        answers: found.answers,
        versions,
        keys: found.keys,
    };
    if json {
        return output::json(&report);
    }
    let previous = report.previous_engine.map_or(String::new(), |engine| format!(" (before: {engine})"));
    output::line(&format!("engine: {}{previous}", report.engine))?;
    output::line(if report.answers { "answers: yes" } else { "answers: no" })?;
    for KeyVersion { version, created_at } in &report.versions {
        output::line(&format!("local {version}: made at {created_at}"))?;
    }
    for KeyCount { key, secrets } in &report.keys {
        output::line(&format!("{key}: {secrets} secrets"))?;
    }
    Ok(())
}

/// With the audit log's key taken from what it opens.
async fn engine(config: &Config, store: &Store) -> Result<Box<dyn Kms>, CliError> {
    let engine = protect(open_kms(config, store).await?, &config.kms, None);
    unlock_audit(store, engine.as_ref()).await?;
    Ok(engine)
}

/// Only where it is in use: opening it would make one.
async fn keyring(config: &Config, store: &Store) -> Result<LocalKeyring, CliError> {
    if !config.kms.uses(KmsEngine::Local) {
        return Err(CliError::Other("the local keyring is not in use: kms.engine is another one".to_owned()));
    }
    Ok(open_local(config, store).await?)
}

impl NewRootKey {
    /// With the setting that names it.
    fn source(self) -> Result<(RootKeySource, String), CliError> {
        Ok(match self {
            Self { file: Some(path), .. } => {
                let path = std::path::absolute(path)?;
                let setting = format!("root_key_file = {path:?}");
                (RootKeySource::File(path), setting)
            }
            Self { credential: Some(name), .. } => {
                let setting = format!("root_key_credential = {name:?}");
                (RootKeySource::Credential(name), setting)
            }
            Self { passphrase_file: Some(path), .. } => {
                let path = std::path::absolute(path)?;
                let setting = format!("passphrase_file = {path:?}");
                (RootKeySource::PassphraseFile(path), setting)
            }
            Self { passphrase_credential: Some(name), .. } => {
                let setting = format!("passphrase_credential = {name:?}");
                (RootKeySource::PassphraseCredential(name), setting)
            }
            _ => return Err(CliError::Other("name the new root key".to_owned())),
        })
    }
}
