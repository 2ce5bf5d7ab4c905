//! What a start says of certificates.

use std::process::{Child, Command, Stdio};

use rcgen::date_time_ymd;

use super::{CERTIFICATE, KEY, Made};
use crate::support::{TestApp, database_variable};

/// A start with the files of `dir`; ended at once if it succeeds.
struct Start {
    said: String,
    listened: bool,
}

fn start(dir: &std::path::Path, more: &[(&str, &str)]) -> Start {
    let log = dir.join("log");
    let mut child = Command::new(env!("CARGO_BIN_EXE_key-server"))
        .arg("serve")
        .env("KEYVEIL_DATA", dir.join("data"))
        .env("KEYVEIL_LISTEN", "127.0.0.1:0")
        .env("KEYVEIL_WORKERS_LOCAL", "false")
        .env("KEYVEIL_HTTP_TLS_CERTIFICATE", dir.join(CERTIFICATE))
        .env("KEYVEIL_HTTP_TLS_KEY", dir.join(KEY))
        .envs(database_variable(&dir.join("data")))
        .envs(more.iter().copied())
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let listened = says_where(&mut child);
    let _ = child.kill();
    let _ = child.wait();
    Start { said: std::fs::read_to_string(&log).unwrap(), listened }
}

/// The line that it prints when it listens; none when it ends before.
fn says_where(child: &mut Child) -> bool {
    use std::io::{BufRead, BufReader};
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    line.starts_with("listening: https://")
}

#[test]
fn files_that_do_not_fit_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (Made::new(1), Made::new(2));
    let file = |name: &str| dir.path().join(name);
    let refused = |expected: &[&str]| {
        let start = start(dir.path(), &[]);
        assert!(!start.listened, "{expected:?}");
        let last = start.said.lines().last().unwrap().to_owned();
        assert!(expected.iter().all(|part| last.contains(part)), "{last}");
        assert!(!start.said.contains("PRIVATE KEY"), "never what a file holds");
    };
    refused(&["error: TLS", CERTIFICATE, "No such file"]);
    one.write(dir.path());
    std::fs::remove_file(file(KEY)).unwrap();
    refused(&["error: TLS", KEY, "No such file"]);
    std::fs::write(file(KEY), &other.key_pem).unwrap();
    refused(&["error: TLS", KEY, CERTIFICATE, "not the one of"]);
    std::fs::write(file(KEY), &one.certificate_pem).unwrap();
    refused(&["error: TLS", KEY, "holds no private key"]);
    one.write(dir.path());
    std::fs::write(file(CERTIFICATE), "").unwrap();
    refused(&["error: TLS", CERTIFICATE, "holds no certificate"]);
    one.write(dir.path());
    let sound = start(dir.path(), &[]);
    assert!(sound.listened && !sound.said.contains("WARN"), "{}", sound.said);
}

#[test]
fn what_browsers_will_refuse_is_warned_of_and_served() {
    let public = [("KEYVEIL_PUBLIC_URL", "https://localhost:8443")];
    for (expected, made, public) in [
        ("has expired", Made::with(1, |made| made.not_after = date_time_ymd(2020, 1, 1)), &public),
        ("not valid yet", Made::with(1, |made| made.not_before = date_time_ymd(2900, 1, 1)), &public),
        ("not one of this host", Made::new(1), &[("KEYVEIL_PUBLIC_URL", "https://video.example.com")]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        made.write(dir.path());
        let start = start(dir.path(), public);
        assert!(start.listened && start.said.contains(expected), "{expected}: {}", start.said);
    }
}

#[test]
fn the_servers_own_worker_reaches_it_on_a_loopback_port_of_its_own() {
    use std::os::unix::fs::PermissionsExt;
    let dir = std::sync::Arc::new(tempfile::tempdir().unwrap());
    Made::new(1).write(dir.path());
    let (script, told) = (dir.path().join("packager"), dir.path().join("told"));
    let lines = format!("#!/bin/sh\necho \"$3\" >> {}\nexec sleep 1000\n", told.display());
    std::fs::write(&script, lines).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    let app = TestApp::builder().in_folder(dir).local_worker(script).configure(super::with_files).start();
    app.until("the worker is started", || std::fs::read_to_string(&told).is_ok_and(|text| text.ends_with('\n')));
    let url = std::fs::read_to_string(&told).unwrap().trim().to_owned();
    let address = url.strip_prefix("http://127.0.0.1:").map(|port| format!("127.0.0.1:{port}")).expect(&url);
    assert_ne!(address, app.address());
    let answer = crate::support::Request::new(&address, "GET", "/healthz").send();
    assert_eq!(answer.status, 200);
}
