//! The server's own certificate.

use std::time::Duration;

use rustls::pki_types::UnixTime;
use url::Url;

use super::finding::Findings;
use crate::config::Config;
use crate::http::{CertificateFault, certificate_faults};

const CHECK: &str = "TLS";
const WARN_DAYS: u64 = 30;
const RENEW: &str = "renew it, and put both files in place: a running server takes them within a second";

pub(super) fn look(config: &Config, findings: &mut Findings) {
    let Some(files) = config.http.tls() else {
        findings.skipped(CHECK, "the server speaks none of its own");
        return;
    };
    let host = config.http.public_url.as_ref().and_then(Url::host_str);
    let (now, file) = (UnixTime::now(), files.0.display().to_string());
    let faults = match certificate_faults(files.clone(), host, now) {
        Ok(faults) => faults,
        Err(error) => {
            return findings.problem(
                CHECK,
                error.to_string(),
                "give it a certificate and the key that belongs to it, in PEM",
            );
        }
    };
    for fault in &faults {
        findings.problem(CHECK, format!("the certificate in {file} {fault}"), RENEW);
    }
    let later = UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs() + WARN_DAYS * 86_400));
    let ends = certificate_faults(files, None, later).is_ok_and(|later| later.contains(&CertificateFault::Expired));
    if faults.is_empty() && ends {
        findings.warning(CHECK, format!("the certificate in {file} expires within {WARN_DAYS} days"), RENEW);
    }
    if findings.is_fine(CHECK) {
        findings
            .ok(CHECK, format!("the certificate in {file} fits its key and its host, for more than {WARN_DAYS} days"));
    }
}
