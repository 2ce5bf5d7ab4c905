//! What a configuration allows though it is valid.

use std::net::IpAddr;

use url::{Host, Url};

use super::finding::Findings;
use crate::config::{Config, ConfigError, KmsEngine, PacingMode};

const CHECK: &str = "configuration";

/// The one finding there is then: nothing else can be looked at.
pub(super) fn unreadable(error: &ConfigError, findings: &mut Findings) {
    // Without the lines that quote the file: a password may stand there.
    let text = error.to_string();
    let text = text.trim_start_matches("configuration: ");
    let told: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty() && !quotes(line)).collect();
    let next = "correct it: every field is in key-server/README.md, and a variable wins over the file";
    findings.problem(CHECK, told.join(": "), next);
}

/// `3 | listen = "…"`, and the mark below it.
fn quotes(line: &str) -> bool {
    line.trim_start_matches(|digit: char| digit.is_ascii_digit() || digit == ' ').starts_with('|')
}

pub(super) fn look(config: &Config, findings: &mut Findings) {
    exposure(config, findings);
    others(config, findings);
    secrets(config, findings);
    if findings.is_fine(CHECK) {
        findings.ok(CHECK, "valid, and nothing in it is dangerous");
    }
}

/// What goes over a network in the clear.
fn exposure(config: &Config, findings: &mut Findings) {
    let http = &config.http;
    let is_public = !http.listen.ip().is_loopback();
    if is_public && http.tls().is_none() && http.trusted_proxies.is_empty() {
        findings.warning(
            CHECK,
            format!("http.listen {} is open to the network, without TLS and with no proxy named in front", http.listen),
            "set http.tls_certificate and http.tls_key, or http.trusted_proxies to the proxy that speaks TLS, or listen on 127.0.0.1",
        );
    }
    if http.public_url.as_ref().is_some_and(is_open) {
        findings.problem(
            CHECK,
            "http.public_url is plain http: sign-ins, API keys and films are open to the network, and browsers start no player",
            "give it an https address, by a certificate of the server's own or by a proxy",
        );
    }
    if is_public && http.public_url.is_none() {
        findings.warning(
            CHECK,
            "http.public_url is not set: addresses that players get name http.listen",
            "set http.public_url to the address that browsers use",
        );
    }
    let engines = config.kms.vault.address.as_ref().filter(|_| config.kms.uses(KmsEngine::Vault));
    for (name, url) in [("storage.endpoint", config.storage.endpoint.as_ref()), ("kms.vault.address", engines)] {
        if url.is_some_and(is_open) {
            let what = format!("{name} is plain http to another machine");
            findings.warning(CHECK, what, "use https, unless that network carries nobody else's traffic");
        }
    }
}

/// Who may do or pretend what.
fn others(config: &Config, findings: &mut Findings) {
    if config.http.trusted_proxies.iter().any(|range| range.to_string().ends_with("/0")) {
        findings.problem(
            CHECK,
            "http.trusted_proxies holds every address: whoever comes may name any client address",
            "name the addresses of the proxies alone",
        );
    }
    if config.fetch.allow_private {
        findings.warning(
            CHECK,
            "fetch.allow_private is on: who may name an address reaches what only this server can reach",
            "switch it off where anyone but you may make titles from addresses, or webhooks",
        );
    }
    if config.pacing.mode == PacingMode::Off {
        let what = "pacing.mode is off: whoever has a signature gets all keys of a title at once";
        findings.warning(CHECK, what, "set it to \"on\" (docs/PACING.md)");
    }
    if config.audit.retention_days.is_some() && config.audit.export_dir.is_none() {
        let what = "audit.retention_days is set without audit.export_dir: old rows of the audit log go for good";
        findings.warning(CHECK, what, "set audit.export_dir to a folder that is backed up");
    }
}

/// Where keys lie in a server that the public reaches.
fn secrets(config: &Config, findings: &mut Findings) {
    let local = &config.kms.local;
    let elsewhere =
        local.root_key_credential.is_some() || local.passphrase_file.is_some() || local.passphrase_credential.is_some();
    let beside = config.root_key_file().starts_with(&config.data.dir);
    if config.kms.uses(KmsEngine::Local) && config.http.public_url.is_some() && !elsewhere && beside {
        findings.warning(
            CHECK,
            "the root key lies in the data folder: whoever gets a copy of the folder opens every title",
            "name another place under [kms.local] (docs/KMS.md), or keep root.key out of every backup of the folder",
        );
    }
}

/// Plain http that leaves this machine.
fn is_open(url: &Url) -> bool {
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    };
    url.scheme() == "http" && !here
}
