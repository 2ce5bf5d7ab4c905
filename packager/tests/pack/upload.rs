//! `packager upload` against a server that breaks off.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use sha2::{Digest, Sha256};

use crate::{
    packager::{entries, succeeded},
    processes::{signal, until},
    tus_server::{Seen, TusServer},
};

const CHUNK: usize = 8 * 1024 * 1024;

/// Two and a half pieces that compress to nothing but differ everywhere.
fn film(folder: &Path) -> (PathBuf, Vec<u8>) {
    let bytes: Vec<u8> = (0..(CHUNK * 5 / 2) as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let path = folder.join("film.mp4");
    fs::write(&path, &bytes).unwrap();
    (path, bytes)
}

fn command(server: &TusServer, film: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packager"));
    command.arg("upload").arg(film).args(["--server", &server.url, "--progress", "plain"]).args(more);
    command.env("KEYVEIL_API_KEY", &server.api_key).env("XDG_STATE_HOME", film.parent().unwrap().join("state"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn upload(server: &TusServer, film: &Path, more: &[&str]) -> Output {
    command(server, film, more).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn upload_survives_broken_pieces_and_wrong_checksums_and_tells_the_title() {
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = film(folder.path());
    let server = TusServer::start(Seen { half_pieces: 2, mismatches: 1, ..Seen::default() });
    let more = ["--name", "A film", "--label", "drama", "--label", "new", "--workflow", "original"];
    let output = upload(&server, &path, &more);
    succeeded(&output);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "uploaded title1\n");
    server.seen(|seen| {
        assert!(seen.bytes == bytes);
        let wanted = [
            ("filename", "film.mp4"),
            ("labels", "drama,new"),
            ("name", "A film"),
            ("sha256", &hex::encode(Sha256::digest(&bytes))),
            ("workflowId", "original"),
        ];
        let got: Vec<_> = seen.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(got, wanted);
    });
    // Done is forgotten.
    let state = fs::read_to_string(folder.path().join("state/keyveil/uploads.json")).unwrap();
    assert_eq!(state.trim(), "[]");
}

#[test]
fn another_run_goes_on_where_a_killed_one_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = film(folder.path());
    // The first piece arrives by half, and then the server takes none.
    let server = TusServer::start(Seen { half_pieces: 1, ..Seen::default() });
    let child = command(&server, &path, &[]).spawn().unwrap();
    until("half a piece", || server.seen(|seen| seen.bytes.len() == CHUNK / 2));
    server.seen(|seen| seen.is_away = true);
    signal(child.id(), "KILL");
    child.wait_with_output().unwrap();
    let state = folder.path().join("state/keyveil/uploads.json");
    assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!fs::read_to_string(state).unwrap().contains(&server.api_key));
    let from = server.seen(|seen| {
        seen.is_away = false;
        seen.requests.clear();
        seen.bytes.len()
    });
    let output = upload(&server, &path, &[]);
    succeeded(&output);
    assert!(stderr(&output).contains(&format!("going on at byte {from} of")), "{}", stderr(&output));
    server.seen(|seen| {
        assert_eq!(seen.requests[..2], ["head".to_owned(), format!("patch {from}")]);
        assert!(seen.bytes == bytes);
    });
}

#[test]
fn file_that_changes_meanwhile_is_an_error_and_the_upload_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = film(folder.path());
    let server = TusServer::start(Seen { spoil: Some(path.clone()), ..Seen::default() });
    let output = upload(&server, &path, &[]);
    assert!(stderr(&output).contains("error[input_changed]: "), "{}", stderr(&output));
    assert_eq!(server.seen(|seen| seen.requests.last().cloned()), Some("delete".into()));
}

#[test]
fn title_is_waited_for_and_its_failure_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = film(folder.path());
    let server = TusServer::start(Seen { states: vec!["queued", "transcoding", "published"], ..Seen::default() });
    let output = upload(&server, &path, &["--wait"]);
    succeeded(&output);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "uploaded title1; the title is published\n");
    assert!(stderr(&output).contains("the title is transcoding 50.0 %"), "{}", stderr(&output));
    let server = TusServer::start(Seen { states: vec!["failed"], ..Seen::default() });
    let output = upload(&server, &path, &["--wait"]);
    assert!(stderr(&output).contains("film.mp4 is not a video (input_not_video)"), "{}", stderr(&output));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn wrong_key_bad_file_and_bad_label_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = film(folder.path());
    let server = TusServer::start(Seen::default());
    let wrong = format!("kv_app_{}", "B".repeat(42) + "A");
    let code = |output: &Output, code: &str| {
        assert!(stderr(output).contains(&format!("error[{code}]: ")), "{}", stderr(output));
    };
    code(&upload(&server, &path, &["--api-key", &wrong]), "api_key_invalid");
    code(&upload(&server, &path, &["--label", "a,b"]), "option_invalid");
    code(&upload(&server, &folder.path().join("absent"), &[]), "input_not_found");
    let empty = folder.path().join("empty.mp4");
    fs::write(&empty, b"").unwrap();
    code(&upload(&server, &empty, &[]), "input_empty");
    assert!(server.seen(|seen| seen.requests.is_empty()));
    assert!(entries(&folder.path().join("state")).is_empty(), "nothing is remembered of it");
}

#[test]
fn help_of_both_commands_has_examples() {
    for name in ["upload", "worker"] {
        let output = Command::new(env!("CARGO_BIN_EXE_packager")).args([name, "--help"]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("Examples:") && text.contains(&format!("packager {name}")), "{text}");
    }
}
