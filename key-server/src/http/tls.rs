//! TLS by rustls, with a certificate that is read again when its files change.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, ServerConfig};
use webpki::{EndEntityCert, KeyUsage};
use zeroize::Zeroizing;

const WATCH_INTERVAL: Duration = Duration::from_secs(1);
const FILE_LEN_MAX: u64 = 1 << 20;

/// The server can't speak TLS with the files it was given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file can't be read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A file holds something else.
    #[error("{path} holds no {expected} in PEM")]
    Content {
        /// Which.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// Two files of different certificates.
    #[error("the key in {key} is not the one of the certificate in {certificate}")]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// A key or certificate of a kind that is not supported, or a broken one.
    #[error("certificate and key can't be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// A certificate and its key, in files that may change.
#[derive(Debug)]
pub(super) struct Certificate {
    certificate_file: PathBuf,
    key_file: PathBuf,
    /// The host that browsers ask for, to be looked for in the certificate.
    host: Option<String>,
    current: RwLock<Arc<CertifiedKey>>,
}

/// Both files as they are.
#[derive(PartialEq, Eq)]
pub(super) struct Pair {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Certificate {
    /// Reads both files. `host` is how browsers reach the server.
    pub(super) fn open(files: (PathBuf, PathBuf), host: Option<String>) -> Result<(Arc<Self>, Pair), TlsError> {
        let (certificate_file, key_file) = files;
        let pair = Pair::read(&certificate_file, &key_file)?;
        let certified = pair.parse(&certificate_file, &key_file)?;
        warn_of(&certified, host.as_deref());
        let current = RwLock::new(Arc::new(certified));
        Ok((Arc::new(Self { certificate_file, key_file, host, current }), pair))
    }

    /// TLS 1.2 and 1.3, without certificates of clients.
    pub(super) fn server_config(self: &Arc<Self>) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Takes each new pair that is whole for the connections to come; keeps the old one otherwise. Never ends.
    pub(super) async fn watch(self: Arc<Self>, opened: Pair) {
        let mut seen = Some(opened);
        let mut told = None;
        loop {
            tokio::time::sleep(WATCH_INTERVAL).await;
            let (certificate_file, key_file) = (self.certificate_file.clone(), self.key_file.clone());
            let read = tokio::task::spawn_blocking(move || Pair::read(&certificate_file, &key_file)).await;
            let Ok(read) = read else { continue };
            if read.as_ref().ok() == seen.as_ref() && seen.is_some() {
                continue;
            }
            let parsed = read.and_then(|pair| Ok((pair.parse(&self.certificate_file, &self.key_file)?, pair)));
            match parsed {
                Ok((certified, pair)) => {
                    warn_of(&certified, self.host.as_deref());
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certified);
                    (seen, told) = (Some(pair), None);
                    tracing::info!(certificate = %self.certificate_file.display(), "serving the new certificate");
                }
                Err(error) => {
                    let error = error.to_string();
                    // Once for each state of the files.
                    if told.as_ref() != Some(&error) {
                        tracing::error!(error, "the new certificate is not used; the one before is still served");
                        told = Some(error);
                    }
                    // What was served before may come back as it was.
                    seen = None;
                }
            }
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Pair {
    /// Blocks.
    fn read(certificate_file: &PathBuf, key_file: &PathBuf) -> Result<Self, TlsError> {
        Ok(Self { certificate: read_file(certificate_file)?, key: Zeroizing::new(read_file(key_file)?) })
    }

    fn parse(&self, certificate_file: &PathBuf, key_file: &PathBuf) -> Result<CertifiedKey, TlsError> {
        let no = |path: &PathBuf, expected| TlsError::Content { path: path.clone(), expected };
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<_, _>>()
            .map_err(|_| no(certificate_file, "certificate"))?;
        if chain.is_empty() {
            return Err(no(certificate_file, "certificate"));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| no(key_file, "private key"))?;
        let certified = CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider());
        certified.map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                TlsError::Mismatch { certificate: certificate_file.clone(), key: key_file.clone() }
            }
            error => error.into(),
        })
    }
}

fn read_file(path: &PathBuf) -> Result<Vec<u8>, TlsError> {
    let failed = |source| TlsError::File { path: path.clone(), source };
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() || metadata.len() > FILE_LEN_MAX {
        return Err(failed(std::io::Error::other("no file of a certificate's or key's size")));
    }
    std::fs::read(path).map_err(failed)
}

/// Why browsers will refuse a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CertificateFault {
    /// Not in a form that anybody reads.
    #[error("can't be looked into")]
    Unreadable,
    /// Too late.
    #[error("has expired")]
    Expired,
    /// Too early.
    #[error("is not valid yet")]
    NotValidYet,
    /// Of other names.
    #[error("is not one of this host, {0}")]
    OtherHost(String),
}

/// What is wrong, at a time, with the certificate in these files, for a server that browsers know as `host`. Blocks.
///
/// # Errors
/// Files that no server can use.
pub(crate) fn certificate_faults(
    files: (PathBuf, PathBuf),
    host: Option<&str>,
    at: UnixTime,
) -> Result<Vec<CertificateFault>, TlsError> {
    let (certificate_file, key_file) = files;
    let certified = Pair::read(&certificate_file, &key_file)?.parse(&certificate_file, &key_file)?;
    Ok(faults_of(&certified, host, at))
}

fn faults_of(certified: &CertifiedKey, host: Option<&str>, at: UnixTime) -> Vec<CertificateFault> {
    let Some(Ok(certificate)) = certified.cert.first().map(EndEntityCert::try_from) else {
        return vec![CertificateFault::Unreadable];
    };
    // Times are checked before issuers, of which none is known here.
    let time = match certificate.verify_for_usage(&[], &[], &[], at, KeyUsage::server_auth(), None, None).err() {
        Some(webpki::Error::CertExpired { .. }) => Some(CertificateFault::Expired),
        Some(webpki::Error::CertNotValidYet { .. }) => Some(CertificateFault::NotValidYet),
        _ => None,
    };
    let other = host.filter(|host| {
        let name = ServerName::try_from((*host).to_owned()).ok();
        name.is_some_and(|name| certificate.verify_is_valid_for_subject_name(&name).is_err())
    });
    time.into_iter().chain(other.map(|host| CertificateFault::OtherHost(host.to_owned()))).collect()
}

/// Said once, at the start and with each new certificate, and served all the same.
fn warn_of(certified: &CertifiedKey, host: Option<&str>) {
    for fault in faults_of(certified, host, UnixTime::now()) {
        tracing::warn!("the TLS certificate {fault}");
    }
}
