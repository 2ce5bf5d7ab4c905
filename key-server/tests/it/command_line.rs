//! The binary itself, as an operator runs it.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use keyveil_protocol::psign::UnverifiedPlayerSignature;
use keyveil_protocol::{ApiKey, Exchange};
use serde_json::{Value, json};

use crate::support::{Player, Request, Served, command, database_variable, media_info};

fn run(data: &Path, args: &[&str]) -> Output {
    command(data, args).output().unwrap()
}

pub(super) fn succeed(data: &Path, args: &[&str]) -> String {
    let output = run(data, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn fail(data: &Path, args: &[&str]) -> String {
    let output = run(data, args);
    assert!(!output.status.success(), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_first_start_makes_everything_private_and_a_second_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    succeed(&data, &["init"]);
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("root.key")), 0o600);
    assert_eq!(data.join("keyveil.db").exists(), database_variable(&data).is_none(), "only without PostgreSQL");
    let root_key = std::fs::read(data.join("root.key")).unwrap();
    let builds = succeed(&data, &["build", "list"]);
    let keys = succeed(&data, &["server-key", "list"]);
    assert_eq!((builds.lines().count(), keys.lines().count()), (1, 1));
    succeed(&data, &["init"]);
    assert_eq!(std::fs::read(data.join("root.key")).unwrap(), root_key);
    assert_eq!(succeed(&data, &["build", "list"]), builds);
    assert_eq!(succeed(&data, &["server-key", "list"]), keys);
}

#[test]
fn worker_keys_are_made_listed_and_retired() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let made: Value =
        serde_json::from_str(&succeed(&data, &["worker", "create", "--name", "rack-7", "--json"])).unwrap();
    let (id, token) = (made["apiKeyId"].as_str().unwrap(), made["token"].as_str().unwrap());
    assert!(token.starts_with(&format!("kv_{id}_")));
    let listed = succeed(&data, &["worker", "keys"]);
    assert!(listed.contains(id) && listed.contains("in use") && listed.contains("rack-7"), "{listed}");
    assert!(!listed.contains(token), "a token is told once");
    assert!(succeed(&data, &["worker", "retire", "--id", id]).contains(id));
    assert!(succeed(&data, &["worker", "keys"]).contains("retired"));
    assert!(fail(&data, &["worker", "retire", "--id", id]).contains("no such worker key"));
    assert!(fail(&data, &["worker", "create", "--name", ""]).contains("1 to 256 bytes"));
    assert_eq!(succeed(&data, &["worker", "list"]), "", "a key is no worker");
    assert!(fail(&data, &["worker", "drain", "nobody"]).contains("worker list"));
    assert!(fail(&data, &["worker", "drain", "no body"]).contains("worker id is malformed"));
}

#[test]
fn an_exposed_or_missing_root_key_stops_every_start() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    succeed(&data, &["init"]);
    let root_key = data.join("root.key");
    std::fs::set_permissions(&root_key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(fail(&data, &["serve"]).contains("chmod 600"));
    std::fs::set_permissions(&root_key, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&root_key, b"short").unwrap();
    assert!(fail(&data, &["serve"]).contains("32 bytes"));
    std::fs::remove_file(&root_key).unwrap();
    assert!(fail(&data, &["serve"]).contains("restore"));
}

#[test]
fn builds_are_written_beside_each_other_until_they_are_retired() {
    let dir = tempfile::tempdir().unwrap();
    let (data, sdk, out) = (dir.path().join("data"), dir.path().join("sdk"), dir.path().join("out/sdk"));
    shipped_sdk(&sdk);
    let write = |more: &[&str]| {
        let paths = ["build", "write", "--sdk", sdk.to_str().unwrap(), "--out", out.to_str().unwrap()];
        succeed(&data, &[paths.as_slice(), more].concat())
    };
    let manifest = || serde_json::from_slice::<Value>(&std::fs::read(out.join("sdk.json")).unwrap()).unwrap();
    let wasm = || manifest()["wasm"].as_str().unwrap().to_owned();
    assert!(write(&[]).ends_with("written\n"));
    let (first, first_wasm) = (manifest(), wasm());
    let worker = std::fs::read_to_string(out.join("worker.js")).unwrap();
    assert!(worker.contains(&format!("keyveil-sdk-pin:{first_wasm}:{}", first["sha256"].as_str().unwrap())));
    assert!(write(&[]).ends_with("unchanged\n"), "the same build of the same SDK is the same");

    let id = succeed(&data, &["build", "create"]).trim().strip_prefix("build: ").unwrap().to_owned();
    write(&[]);
    assert_eq!(manifest()["buildId"], id.as_str());
    assert!(out.join(&first_wasm).exists(), "players of the build before go on");
    let second_wasm = wasm();
    assert_ne!(std::fs::read(out.join(&second_wasm)).unwrap(), std::fs::read(out.join(&first_wasm)).unwrap());
    assert!(succeed(&data, &["build", "list"]).lines().all(|line| line.contains("in use  no sessions")));

    succeed(&data, &["build", "retire", &id]);
    assert!(fail(&data, &["build", "retire", &id]).contains("no such build"));
    assert!(succeed(&data, &["build", "list"]).contains(&format!("{id}  retired")));
    let first_id = first["buildId"].as_str().unwrap();
    assert!(write(&["--build", first_id]).starts_with(&format!("build: {first_id}")));
    assert_eq!(manifest(), first);
    assert!(!out.join(&second_wasm).exists(), "a retired build's wasm goes");
    let left: Vec<_> = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "nothing half written: {left:?}");
}

#[test]
fn a_build_that_can_not_be_written_says_why_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (data, sdk, out) = (dir.path().join("data"), dir.path().join("sdk"), dir.path().join("out"));
    shipped_sdk(&sdk);
    let write = |sdk: &Path, out: &Path, more: &[&str]| {
        let paths = ["build", "write", "--sdk", sdk.to_str().unwrap(), "--out", out.to_str().unwrap()];
        [paths.as_slice(), more].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let refused = |sdk: &Path, out: &Path, more: &[&str]| {
        let args = write(sdk, out, more);
        fail(&data, &args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert!(refused(Path::new("/no/such/sdk"), &out, &[]).contains("/no/such/sdk/keyveil.wasm"));
    assert!(refused(&sdk, &sdk, &[]).contains("--out is the SDK's own folder"));
    assert!(refused(&sdk, &out, &["--build", "unknown"]).contains("no such SDK build in use"));
    assert!(refused(&sdk, &sdk.join("worker.js"), &[]).contains("worker.js"));
    assert!(!out.exists());
    let args = write(&sdk, &out, &[]);
    succeed(&data, &args.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(refused(&out, &dir.path().join("again"), &[]).contains("keyveil.wasm"), "what was written is no template");
    std::fs::copy(out.join("worker.js"), sdk.join("worker.js")).unwrap();
    assert!(refused(&sdk, &out, &[]).contains("no single place for a pin"));
}

/// What `player-wasm/build.mjs` makes, as small as it can be.
fn shipped_sdk(folder: &Path) {
    // (module (import "./keyveil_bg.js" "__wbg_sign_0" (func (param i32) (result i32))))
    let mut wasm = b"\0asm\x01\0\0\0\x01\x06\x01\x60\x01\x7f\x01\x7f\x02\x20\x01\x0f./keyveil_bg.js".to_vec();
    wasm.extend_from_slice(b"\x0c__wbg_sign_0\0\0");
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("keyveil.wasm"), wasm).unwrap();
    std::fs::write(folder.join("worker.js"), "const pin='keyveil-sdk-pin:none';").unwrap();
}

#[test]
fn bad_arguments_are_refused_with_advice() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    assert!(fail(&data, &["app", "create", "--name", "x", "--domain", "https://x.com"]).contains("host name"));
    assert!(fail(&data, &["app", "create", "--name", ""]).contains("name"));
    assert!(fail(&data, &["sign", "--app", "1", "--file", "film"]).contains("no such application"));
    assert!(fail(&data, &["sign", "--app", "1", "--file", "film", "--expires-in", "1"]).contains("24h"));
    assert!(fail(&data, &["serve", "--config", "/no/such.toml"]).contains("configuration"));
    for command in [&["--help"][..], &["serve", "--help"], &["app", "create", "--help"], &["build", "write", "--help"]]
    {
        assert!(succeed(&data, command).contains("Example"), "{command:?}");
    }
}

/// Packs, signs and plays through the binary while the command line writes beside it; then searches the log.
#[test]
fn the_command_line_works_beside_the_server_and_logs_hold_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let log = dir.path().join("log");
    let mut served = Served::start(&data, &log, "trace");
    let app: Value = serde_json::from_str(&succeed(&data, &["app", "create", "--name", "Demo", "--json"])).unwrap();
    let text = |name: &str| app[name].as_str().unwrap().to_owned();
    let (app_id, api_key) = (app["appId"].to_string(), text("apiKey"));
    assert!(api_key.parse::<ApiKey>().is_ok());
    assert!(succeed(&data, &["app", "list"]).contains("Demo"));
    let send = |method: &str, path: &str, body: Value| {
        let request = Request::new(&served.address, method, path).header("Authorization", &format!("Bearer {api_key}"));
        request.json(body.to_string()).send()
    };
    let public_key = || Exchange::generate(&mut Player::rng()).public_key().to_string();
    let run = public_key();
    let put = json!({ "fileId": "film", "publicKey": run, "name": "n", "mode": "private" });
    assert_eq!(send("PUT", "/v1/titles/film", put).status, 201);
    let mut publication = media_info("private");
    publication["publicKey"] = json!(run);
    assert_eq!(send("POST", "/v1/titles/film/commit", publication).status, 200);
    std::fs::create_dir_all(data.join("media/film")).unwrap();
    std::fs::write(data.join("media/film/master.m3u8"), "#EXTM3U\n").unwrap();
    let psign = succeed(&data, &["sign", "--app", &app_id, "--file", "film", "--uid", "alice"]).trim().to_owned();
    sign_with_every_limit(&data, &app_id, &text("kid"));
    let build_id = succeed(&data, &["build", "list"]).split(' ').next().unwrap().to_owned();
    let play = json!({ "psign": psign, "publicKey": public_key(), "buildId": build_id });
    let played = send("POST", "/v1/play", play);
    assert_eq!(played.status, 200, "{}", played.text());
    let url = played.value()["playlistUrl"].as_str().unwrap().to_owned();
    let path = url.split_once(&served.address).unwrap().1;
    assert_eq!(Request::new(&served.address, "GET", path).send().status, 200);
    let token = path.split('/').nth(2).unwrap().to_owned();
    // Refusals too: a psign where an id belongs, an altered URL, a wrong MAC.
    let misplaced = json!({ "psign": psign, "fileId": psign, "publicKey": public_key(), "buildId": [&psign] });
    assert_eq!(send("POST", "/v1/play", misplaced).code(), "malformed_request");
    assert_eq!(send("GET", &format!("/media/{token}x/film/master.m3u8"), json!({})).code(), "url_invalid");
    let elapsed = served.terminate();
    assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
    assert!(succeed(&data, &["audit", "verify"]).contains("the chain holds"));
    let logged = std::fs::read_to_string(&log).unwrap();
    assert!(logged.contains("url_invalid") && logged.contains("/v1/play"), "the search looks at a log that is there");
    let mac = token.split_once('-').unwrap().1;
    let secret_of_api_key = &api_key[api_key.len() - 43..];
    for (what, secret) in [
        ("psign", psign.as_str()),
        ("psign's HMAC", psign.rsplit_once('.').unwrap().1),
        ("API key", secret_of_api_key),
        ("signing key", &text("signingKey")),
        ("url token", mac),
        ("envelope", played.value()["grant"]["ciphertext"].as_str().unwrap()),
    ] {
        assert!(!logged.contains(secret), "{what} in the log");
    }
}

#[test]
fn media_origins_are_made_listed_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let app: Value = serde_json::from_str(&succeed(&data, &["app", "create", "--name", "Demo", "--json"])).unwrap();
    let id = app["appId"].to_string();
    let base = ["media-origin", "create", "--app", &id, "--base-url", "https://cdn.example.com"];
    fn words<'a>(base: &[&'a str], rest: &[&'a str]) -> Vec<&'a str> {
        base.iter().chain(rest).copied().collect()
    }
    let made = succeed(&data, &words(&base, &["--id", "c1", "--scheme", "a", "--default"]));
    let key = made.split_once("key: ").unwrap().1.trim().to_owned();
    assert_eq!(key.len(), 20);
    let file = dir.path().join("cdn.key");
    std::fs::write(&file, "aMainKey12345678\n").unwrap();
    let given = words(
        &base,
        &["--id", "c2", "--scheme", "f", "--key-file", file.to_str().unwrap(), "--ttl-secs", "60", "--json"],
    );
    let made: Value = serde_json::from_str(&succeed(&data, &given)).unwrap();
    assert_eq!((&made["originId"], &made["key"], &made["ttlSecs"]), (&json!("c2"), &Value::Null, &json!(60)));
    let listed = succeed(&data, &["media-origin", "list", "--app", &id]);
    assert!(
        listed.contains("c1  a  https://cdn.example.com  14400 s  default\n") && listed.contains("c2  f  "),
        "{listed}"
    );
    assert!(!listed.contains(&key) && !listed.contains("aMainKey"));
    assert!(fail(&data, &words(&base, &["--id", "c1", "--scheme", "a"])).contains("taken"));
    assert!(fail(&data, &words(&base, &["--id", "c3", "--scheme", "md5"])).contains("scheme"));
    assert!(
        fail(&data, &words(&base, &["--id", "c3", "--scheme", "a", "--key-file", "/no/such/file"])).contains("No such")
    );
    let remove = ["media-origin", "remove", "--app", &id, "--id", "c1"];
    assert_eq!(succeed(&data, &remove), "removed: c1\n");
    assert!(fail(&data, &remove).contains("no such media origin"));
}

#[test]
fn applications_and_api_keys_are_changed_beside_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let app: Value = serde_json::from_str(&succeed(&data, &["app", "create", "--name", "Demo", "--json"])).unwrap();
    let id = app["appId"].to_string();
    assert!(succeed(&data, &["app", "add-domain", "--app", &id, "a.example.com"]).contains("a.example.com"));
    succeed(&data, &["app", "add-domain", "--app", &id, "b.example.com"]);
    assert!(succeed(&data, &["app", "list"]).contains("a.example.com b.example.com"));
    assert_eq!(succeed(&data, &["app", "remove-domain", "--app", &id, "a.example.com"]), "domains: b.example.com\n");
    assert!(fail(&data, &["app", "remove-domain", "--app", &id, "a.example.com"]).contains("no such domain"));
    assert!(fail(&data, &["app", "add-domain", "--app", "1", "a.example.com"]).contains("no such application"));
    let set = ["app", "set", "--app", &id, "--default-workflow", "original", "--upload-types", "mp4,mov"];
    let shown: Value = serde_json::from_str(&succeed(&data, &set)).unwrap();
    assert_eq!((&shown["defaultWorkflowId"], &shown["uploadTypes"]), (&json!("original"), &json!(["mp4", "mov"])));
    let levels = ["app", "set", "--app", &id, "--min-level", "sealed", "--below-min-level", "SD"];
    let shown: Value = serde_json::from_str(&succeed(&data, &levels)).unwrap();
    assert_eq!((&shown["minLevel"], &shown["belowMinLevel"]), (&json!("sealed"), &json!("SD")));
    assert!(fail(&data, &["app", "set", "--app", &id, "--min-level", "hardware"]).contains("level"));
    let both = ["app", "set", "--app", &id, "--default-workflow", "original", "--reset-default-workflow"];
    assert!(fail(&data, &both).contains("cannot be used with"));
    let reset: Value =
        serde_json::from_str(&succeed(&data, &both[..4].iter().chain(&both[6..]).copied().collect::<Vec<_>>()))
            .unwrap();
    assert_eq!((&reset["defaultWorkflowId"], &reset["uploadTypes"]), (&Value::Null, &json!(["mp4", "mov"])));
    assert!(fail(&data, &["app", "set", "--app", &id]).contains("--name"));
    assert!(fail(&data, &["app", "set", "--app", &id, "--upload-types", "MP4"]).contains("uploadTypes"));
    let create = ["api-key", "create", "--app", &id, "--name", "site", "--scope", "read", "--scope", "sign", "--json"];
    let key: Value = serde_json::from_str(&succeed(&data, &create)).unwrap();
    assert!(key["apiKey"].as_str().unwrap().parse::<ApiKey>().is_ok());
    let key_id = key["apiKeyId"].as_str().unwrap();
    assert!(succeed(&data, &["api-key", "list", "--app", &id]).contains(&format!("{key_id}  in use  read,sign  site")));
    assert!(!succeed(&data, &["api-key", "list", "--app", &id, "--json"]).contains(key["apiKey"].as_str().unwrap()));
    succeed(&data, &["api-key", "retire", "--app", &id, "--id", key_id]);
    assert!(fail(&data, &["api-key", "retire", "--app", &id, "--id", key_id]).contains("no such API key"));
    assert!(fail(&data, &["api-key", "create", "--app", &id, "--name", "x", "--scope", "worker"]).contains("worker"));
    for command in [&["app", "set", "--help"][..], &["app", "add-domain", "--help"], &["api-key", "create", "--help"]] {
        assert!(succeed(&data, command).contains("Example"), "{command:?}");
    }
}

/// A stream has no end of its own: it is ended, so that nothing waits for it.
fn sign_with_every_limit(data: &Path, app_id: &str, kid: &str) {
    let limits = [
        "--preview",
        "30s",
        "--address-limit",
        "3",
        "--ip",
        "127.0.0.1",
        "--ip",
        "2001:db8::/32",
        "--domain",
        "example.com",
        "--once",
        "--uid",
        "alice",
        "--sessions",
        "2",
        "--us",
        "campaign-7",
        "--watermark",
        "a",
        "--resolution-name",
        "480=SD",
        "--max-track",
        "SD",
        "--min-level",
        "guarded",
        "--below-min-level",
        "AUDIO",
        "--kid",
        kid,
    ];
    let limited = succeed(data, &[&["sign", "--app", app_id, "--file", "film"][..], &limits].concat());
    let claims = UnverifiedPlayerSignature::parse(limited.trim()).unwrap().claims().clone();
    let vendor = json!({ "exper": 30, "rlimit": 3, "us": "campaign-7" });
    let own = json!({
        "uid": "alice", "maxTrack": "SD", "domains": ["example.com"], "sessions": 2, "once": true,
        "ip": ["127.0.0.1", "2001:db8::/32"], "minLevel": "guarded", "belowMinLevel": "AUDIO",
    });
    assert_eq!((json!(claims.url_access_info), json!(claims.keyveil)), (vendor, own));
}

#[test]
fn limits_that_make_no_sense_are_refused_with_advice() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let created: Value = serde_json::from_str(&succeed(&data, &["app", "create", "--name", "Demo", "--json"])).unwrap();
    let app_id = created["appId"].to_string();
    let sign = ["sign", "--app", &app_id, "--file", "film"];
    for (wrong, advice) in [
        (&["--ip", "localhost"][..], "192.0.2.0/24"),
        (&["--preview", "30"], "24h"),
        (&["--sessions", "2"], "--uid"),
        (&["--resolution-name", "HD"], "720=HD"),
        (&["--kid", "a b"], "kid"),
    ] {
        assert!(fail(&data, &[&sign, wrong].concat()).contains(advice), "{wrong:?}");
    }
    let limits =
        ["--ip", "127.0.0.1", "--preview", "30s", "--uid", "alice", "--sessions", "2", "--resolution-name", "480=SD"];
    assert!(fail(&data, &[&sign[..], &limits].concat()).contains("no such title"), "the arguments are not at fault");
}

#[test]
fn a_stream_of_changes_does_not_hold_up_the_stop() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut served = Served::start(&data, &dir.path().join("log"), "info");
    let app: Value = serde_json::from_str(&succeed(&data, &["app", "create", "--name", "Demo", "--json"])).unwrap();
    let mut stream = std::net::TcpStream::connect(&served.address).unwrap();
    let head = format!(
        "GET /v1/changes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
        app["apiKey"].as_str().unwrap()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while !line.contains("retry") {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0);
    }
    served.terminate();
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert!(rest.ends_with("0\r\n\r\n"), "ended, not cut off: {rest:?}");
}

#[test]
fn an_idle_connection_does_not_hold_up_the_stop() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut served = Served::start(&data, &dir.path().join("log"), "info");
    let _idle = std::net::TcpStream::connect(&served.address).unwrap();
    assert_eq!(Request::new(&served.address, "GET", "/healthz").send().status, 200);
    assert!(served.terminate() < Duration::from_secs(12));
}

#[test]
fn people_are_added_listed_and_disabled_and_their_passwords_are_not_logged() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let log = dir.path().join("log");
    let mut served = Served::start(&data, &log, "trace");
    let made = succeed(&data, &["user", "create", "--name", "alice"]);
    let told = |output: &str| output.lines().find_map(|line| line.strip_prefix("password: ")).unwrap().to_owned();
    let password = told(&made);
    assert!(fail(&data, &["user", "create", "--name", "Alice"]).contains("already"));
    assert!(fail(&data, &["user", "create", "--name", " a"]).contains("plain text"));
    assert!(fail(&data, &["user", "set-password", "--name", "bob"]).contains("no person"));
    let sign_in = |password: &str| {
        let body = json!({ "name": "alice", "password": password }).to_string();
        Request::new(&served.address, "POST", "/v1/sign-in").json(body).send()
    };
    let response = sign_in(&password);
    assert_eq!(response.status, 200, "{}", response.text());
    let cookie = response.header("set-cookie").unwrap().split(['=', ';']).nth(1).unwrap().to_owned();
    let with_password = |typed: &str, args: &[&str]| {
        let mut child = command(&data, args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let set = ["user", "set-password", "--name", "alice", "--password-stdin"];
    assert!(!with_password("short\n", &set).status.success());
    let output = with_password("a longer password\nand a line that does not count", &set);
    assert!(output.status.success() && output.stdout.is_empty(), "what was given is not repeated");
    assert_eq!(sign_in(&password).code(), "sign_in_failed");
    assert_eq!(sign_in("a longer password").status, 200);
    assert!(succeed(&data, &["user", "list"]).trim().ends_with("alice  enabled"));
    succeed(&data, &["user", "disable", "--name", "alice"]);
    assert!(fail(&data, &["user", "disable", "--name", "alice"]).contains("already"));
    assert!(succeed(&data, &["user", "list"]).trim().ends_with("alice  disabled"));
    assert_eq!(sign_in("a longer password").code(), "sign_in_failed");
    served.terminate();
    let logged = std::fs::read_to_string(&log).unwrap();
    assert!(logged.contains("sign_in_failed") && logged.contains("/v1/sign-in"), "the search looks at the log");
    for secret in [password.as_str(), "a longer password", &cookie] {
        assert!(!logged.contains(secret), "{secret}");
    }
}

fn said(output: Output) -> (bool, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_audit_log_is_exported_and_verified_at_its_source_and_as_a_copy() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    succeed(&data, &["app", "create", "--name", "Demo"]);
    let verified = succeed(&data, &["audit", "verify"]);
    let tail = verified.trim().rsplit(' ').next().unwrap().to_owned();
    assert_eq!(verified.lines().count(), 1, "{verified}");
    let copy = succeed(&data, &["audit", "export"]);
    let rows = copy.lines().count();
    assert!(verified.starts_with(&format!("the chain holds: rows 1 to {rows}, tail ")), "{verified}");
    let (file, one, cut) = (dir.path().join("audit.jsonl"), dir.path().join("one.jsonl"), dir.path().join("cut.jsonl"));
    std::fs::write(&file, &copy).unwrap();
    std::fs::write(&one, succeed(&data, &["audit", "export", "--from", "2", "--to", "2"])).unwrap();
    std::fs::write(&cut, copy.lines().take(rows - 1).collect::<Vec<_>>().join("\n")).unwrap();

    // A copy is verified where there is no installation.
    let elsewhere = dir.path().join("elsewhere");
    let verify = |file: &Path, more: &[&str]| {
        let file = file.display().to_string();
        said(run(&elsewhere, &[&["audit", "verify", "--file", &file], more].concat()))
    };
    assert_eq!(verify(&file, &["--expect-head", &tail]), (true, verified.clone(), String::new()));
    assert!(verify(&one, &[]).1.starts_with("the chain holds: rows 2 to 2, tail "));
    assert!(verify(&cut, &[]).0, "by itself a shorter copy holds");
    let (holds, _, why) = verify(&cut, &["--expect-head", &tail]);
    assert!(!holds && why.contains("no row has the hash that was expected"), "{why}");
    assert!(!elsewhere.exists(), "nothing is made");

    std::fs::write(&file, copy.replacen("app_created", "app_changed", 1)).unwrap();
    let (holds, _, why) = verify(&file, &[]);
    let row = 1 + copy.lines().position(|line| line.contains("app_created")).unwrap();
    assert!(!holds && why.contains(&format!("row {row} was altered")), "{why}");
    std::fs::write(&file, "no row\n").unwrap();
    assert!(verify(&file, &[]).2.contains("line 1 is not a row"));
    assert!(fail(&data, &["audit", "verify", "--expect-head", &"0".repeat(64)]).contains("no row has the hash"));
    succeed(&data, &["audit", "verify", "--expect-head", &tail]);
    assert!(fail(&data, &["audit", "verify", "--expect-head", "beef"]).contains("64 hex digits"));
    assert!(fail(&data, &["audit", "export", "--from", "0"]).contains("--from"));
}

#[test]
fn a_server_leaves_no_core_dump() {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start(&dir.path().join("data"), &dir.path().join("log"), "info");
    let limits = |pid: &str| -> Vec<String> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let line = text.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        line["Max core file size".len()..].split_whitespace().map(str::to_owned).collect()
    };
    assert_eq!(limits(&served.child.id().to_string())[..2], ["0", "0"]);
    let own = limits("self");
    assert!(own[1] != "0" || own[0] == "0", "whoever starts it has {own:?}");
    let environment = std::fs::metadata(format!("/proc/{}/environ", served.child.id())).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&environment), 0, "not its user's to read");
}

#[test]
fn a_server_is_asked_whether_it_is_ready() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let served = Served::start(&data, &dir.path().join("log"), "info");
    let url = format!("http://{}", served.address);
    assert_eq!(succeed(&data, &["ready", "--url", &url]), "ready\n");
    let asked = command(&data, &["ready"]).env("KEYVEIL_LISTEN", &served.address).output().unwrap();
    assert_eq!(asked.stdout, b"ready\n");
    // It lives, and can't work: its media folder is gone.
    std::fs::remove_dir(data.join("media")).unwrap();
    std::fs::write(data.join("media"), "").unwrap();
    assert!(fail(&data, &["ready", "--url", &url]).contains("not ready"));
    drop(served);
    assert!(fail(&data, &["ready", "--url", &url]).contains("does not answer"));
    let tls = [("KEYVEIL_HTTP_TLS_CERTIFICATE", "a"), ("KEYVEIL_HTTP_TLS_KEY", "b")];
    assert!(!command(&data, &["ready"]).envs(tls).output().unwrap().status.success());
}
