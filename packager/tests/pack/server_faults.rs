//! A key server that is away, busy, refusing or not the one it claims to be.

use std::net::TcpListener;

use crate::{
    clips,
    key_server::{Faults, KeyServer},
    packager::{entries, pack, refused, succeeded},
};

/// Packs a private title against a server with these faults.
fn pack_against(faults: Faults, more: &[&str]) -> (std::process::Output, KeyServer, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "320x180", 1);
    let server = KeyServer::start(faults);
    let arguments = [&["--server", &server.url, "--api-key", &server.api_key], more].concat();
    let output = pack(&clip, &folder.path().join("out"), &arguments);
    (output, server, folder)
}

#[test]
fn busy_server_is_asked_again_until_it_answers() {
    let faults = Faults { busy_registrations: 2, failed_publications: 1, ..Faults::default() };
    let (output, server, folder) = pack_against(faults, &[]);
    succeeded(&output);
    assert_eq!(server.seen(|seen| seen.requests.clone()), ["put", "put", "put", "keys", "publish", "publish"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(stderr.matches("trying again in").count(), 3, "{stderr}");
    assert_eq!(entries(&folder.path().join("out")), ["t"]);
}

#[test]
fn server_that_fails_at_publishing_gets_its_title_deleted_and_no_output_stays() {
    let faults = Faults { failed_publications: 1000, ..Faults::default() };
    let (output, server, folder) = pack_against(faults, &["--retry-secs", "1"]);
    refused(&output, "server_error", &folder.path().join("out"));
    assert_eq!(server.seen(|seen| seen.requests.last().cloned()), Some("delete".into()));
    assert!(server.seen(|seen| seen.published.is_empty()));
}

#[test]
fn unreachable_server_is_an_error_before_any_encoding() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "320x180", 1);
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let key = KeyServer::start(Faults::default()).api_key;
    let out = folder.path().join("out");
    let url = format!("http://{address}");
    let more = ["--server", &url, "--api-key", &key, "--retry-secs", "1"];
    let stderr = refused(&pack(&clip, &out, &more), "server_unreachable", &out);
    assert!(stderr.contains("trying again in") && stderr.contains(&url), "{stderr}");
}

#[test]
fn wrong_api_key_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clips::mp4(folder.path(), "320x180", 1);
    let server = KeyServer::start(Faults::default());
    let wrong = format!("kv_tester_{}", "B".repeat(42) + "A");
    let out = folder.path().join("out");
    let stderr = refused(&pack(&clip, &out, &["--server", &server.url, "--api-key", &wrong]), "api_key_invalid", &out);
    assert!(!stderr.contains(&wrong), "the key is not shown");
    assert_eq!(server.seen(|seen| seen.requests.clone()), ["put"]);
}

#[test]
fn published_title_of_the_same_id_is_neither_replaced_nor_deleted() {
    let (output, server, folder) = pack_against(Faults { title_exists: true, ..Faults::default() }, &[]);
    refused(&output, "title_exists", &folder.path().join("out"));
    assert_eq!(server.seen(|seen| seen.requests.clone()), ["put"]);
}

#[test]
fn title_that_another_run_took_over_is_not_deleted() {
    let (output, server, folder) = pack_against(Faults { taken_over: true, ..Faults::default() }, &[]);
    refused(&output, "title_exists", &folder.path().join("out"));
    assert_eq!(server.seen(|seen| seen.requests.clone()), ["put", "keys", "publish"]);
}

#[test]
fn envelope_of_another_server_key_gives_no_title_secret() {
    let (output, _, folder) = pack_against(Faults { swapped_key: true, ..Faults::default() }, &[]);
    refused(&output, "envelope_rejected", &folder.path().join("out"));
    let (output, _, folder) = pack_against(Faults { unlisted_key: true, ..Faults::default() }, &[]);
    refused(&output, "server_key_unknown", &folder.path().join("out"));
    let pinned = "11".repeat(32);
    let (output, _, folder) = pack_against(Faults::default(), &["--server-key", &pinned]);
    refused(&output, "envelope_rejected", &folder.path().join("out"));
}
