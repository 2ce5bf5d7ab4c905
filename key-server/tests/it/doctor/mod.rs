//! `key-server doctor`: each check beside an installation that is broken where it looks.

mod around;
mod inside;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::command_line::succeed;
use crate::support::command;

/// An installation that is as it should be, with pages and a player that stand in for the built ones.
struct Sound {
    _dir: tempfile::TempDir,
    folder: PathBuf,
    data: PathBuf,
    variables: Vec<(String, String)>,
}

impl Sound {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().to_owned();
        let data = folder.join("data");
        succeed(&data, &["init"]);
        let list = succeed(&data, &["build", "list"]);
        let build = list.split_whitespace().next().unwrap();
        let sound = Self { _dir: dir, folder, data, variables: Vec::new() };
        for page in ["www/index.html", "www/console/index.html", "www/player/index.html"] {
            sound.write(page, "");
        }
        sound.write("sdk/index.js", "");
        sound.write("sdk/worker.js", "");
        sound.write("sdk/keyveil.wasm", "");
        sound.write("sdk/sdk.json", &format!(r#"{{"buildId":"{build}","wasm":"keyveil.wasm","sha256":""}}"#));
        let (www, sdk) = (sound.path("www"), sound.path("sdk"));
        sound.with("KEYVEIL_PAGES_WWW_DIR", www).with("KEYVEIL_PAGES_SDK_DIRS", sdk)
    }

    fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// A program that takes the place of one on the path.
    fn program(&self, name: &str, script: &str) {
        self.write(&format!("bin/{name}"), &format!("#!/bin/sh\n{script}\n"));
        mode(&self.folder.join("bin").join(name), 0o755);
    }

    fn output(&self, args: &[&str]) -> Output {
        let args: Vec<&str> = ["doctor"].into_iter().chain(args.iter().copied()).collect();
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        command(&self.data, &args).envs(variables).output().unwrap()
    }

    fn examine(&self) -> Report {
        self.examine_with(&[])
    }

    fn examine_with(&self, args: &[&str]) -> Report {
        let args: Vec<&str> = ["--json"].into_iter().chain(args.iter().copied()).collect();
        let output = self.output(&args);
        let value = serde_json::from_slice(&output.stdout);
        let value = value.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        Report { value, code: output.status.code().unwrap() }
    }
}

struct Report {
    value: Value,
    code: i32,
}

impl Report {
    /// Of one check: level, what, next.
    fn of(&self, check: &str) -> Vec<(&str, &str, &str)> {
        let findings = self.value["findings"].as_array().unwrap().iter();
        let of_check = findings.filter(|finding| finding["check"] == check);
        of_check
            .map(|finding| ["level", "what", "next"].map(|name| finding[name].as_str().unwrap_or_default()).into())
            .collect()
    }

    #[track_caller]
    fn says(&self, check: &str, level: &str, part: &str) {
        let findings = self.of(check);
        let found = findings.iter().find(|(of, what, _)| *of == level && what.contains(part));
        let (_, _, next) = found.unwrap_or_else(|| panic!("no {level} with {part:?}: {:#}", self.value));
        assert_eq!(next.is_empty(), matches!(level, "ok" | "skipped"), "what to do next stands beside what is wrong");
        let code = match level {
            "problem" => 1,
            "warning" if self.value["counts"]["problems"] == 0 => 3,
            _ => return,
        };
        assert_eq!(self.code, code);
    }

    #[track_caller]
    fn is_ok(&self, check: &str) {
        let findings = self.of(check);
        assert!(!findings.is_empty() && findings.iter().all(|(level, ..)| *level == "ok"), "{check}: {:#}", self.value);
    }
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A web server that gives each connection this one answer. Resolves to its address.
fn web_server(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

#[test]
fn a_sound_installation_has_no_problem() {
    let sound = Sound::new();
    let report = sound.examine();
    assert_eq!(report.value["counts"]["problems"], 0, "{:#}", report.value);
    for check in ["configuration", "data folder", "database", "KMS", "storage", "pages", "SDK"] {
        report.is_ok(check);
    }
    report.says("TLS", "skipped", "none of its own");
    report.says("worker", "skipped", "workers.local is off");
    report.says("public address", "skipped", "not set");
    assert_eq!(report.code, if report.value["counts"]["warnings"] == 0 { 0 } else { 3 });
}

#[test]
fn people_get_a_table_with_the_next_step_below() {
    let sound = Sound::new();
    std::fs::remove_file(sound.folder.join("www/player/index.html")).unwrap();
    let output = sound.output(&[]);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| line.starts_with("problem  pages ")).unwrap();
    assert!(lines[at].contains("no player/index.html") && lines[at + 1].trim_start().starts_with("→ run"), "{text}");
    assert!(lines.last().unwrap().contains("problems: 1"), "{text}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn help_says_the_exit_codes_and_an_unknown_argument_is_another_one() {
    let sound = Sound::new();
    let help = String::from_utf8(sound.output(&["--help"]).stdout).unwrap();
    assert!(help.contains("Exit code: 0") && help.contains("key-server doctor --json"), "{help}");
    assert_eq!(sound.output(&["--min-free", "much"]).status.code(), Some(2));
}

/// Secrets of the installation stand in none of its words, whatever is wrong.
#[test]
fn no_secret_is_told() {
    let sound = Sound::new().with("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").with("AWS_SECRET_ACCESS_KEY", "hunter2hunter2");
    let sound = sound.with("KEYVEIL_STORAGE_URL", "s3://media").with("KEYVEIL_STORAGE_ENDPOINT", "http://127.0.0.1:9");
    let root_key = hex::encode(std::fs::read(sound.data.join("root.key")).unwrap());
    std::fs::write(sound.data.join("root.key"), b"hunter2, but of another length").unwrap();
    for args in [&[][..], &["--json"]] {
        let output = sound.output(args);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains("root key") && said.contains("storage"), "the search looks at what is there: {said}");
        assert!(!said.contains("hunter2") && !said.contains(&root_key), "{said}");
    }
}
