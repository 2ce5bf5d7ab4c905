//! Certificates, the local worker's programs, pages, the public address, and clocks.

use std::net::TcpListener;
use std::time::{Duration, SystemTime};

use super::{Sound, web_server};
use crate::command_line::succeed;
use crate::support::Served;
use crate::tls::Made;

const DAY: Duration = Duration::from_secs(86_400);

fn certified(made: &Made, public_url: &str) -> Sound {
    let sound = Sound::new();
    made.write(&sound.folder);
    let (certificate, key) = (sound.path("tls.pem"), sound.path("tls.key"));
    sound
        .with("KEYVEIL_HTTP_TLS_CERTIFICATE", certificate)
        .with("KEYVEIL_HTTP_TLS_KEY", key)
        .with("KEYVEIL_PUBLIC_URL", public_url)
}

fn ending(after: Option<Duration>, before: Option<Duration>) -> Made {
    Made::with(1, |params| {
        if let Some(from) = before {
            params.not_before = (SystemTime::now() + from).into();
        }
        if let Some(until) = after {
            params.not_after = (SystemTime::now() + until).into();
        }
    })
}

#[test]
fn certificates_are_judged_by_time_name_and_key() {
    const HERE: &str = "https://localhost:9";
    certified(&Made::new(1), HERE).examine().is_ok("TLS");
    certified(&ending(Some(DAY * 31), None), HERE).examine().is_ok("TLS");
    certified(&ending(Some(DAY * 29), None), HERE).examine().says("TLS", "warning", "within 30 days");
    certified(&ending(None, Some(DAY)), HERE).examine().says("TLS", "problem", "not valid yet");
    let expired = Made::with(1, |params| params.not_after = (SystemTime::now() - DAY).into());
    certified(&expired, HERE).examine().says("TLS", "problem", "expired");
    certified(&Made::new(1), "https://video.example.invalid").examine().says(
        "TLS",
        "problem",
        "this host, video.example.invalid",
    );
    let mixed = certified(&Made::new(1), HERE);
    mixed.write("tls.key", &Made::new(2).key_pem);
    mixed.examine().says("TLS", "problem", "not the one of the certificate");
    mixed.write("tls.pem", "no certificate");
    mixed.examine().says("TLS", "problem", "PEM");
    std::fs::remove_file(mixed.folder.join("tls.pem")).unwrap();
    mixed.examine().says("TLS", "problem", "tls.pem");
}

/// With its own worker, and a path that has nothing but what a test puts there.
fn working() -> Sound {
    let sound = Sound::new().with("KEYVEIL_WORKERS_LOCAL", "true");
    let (path, packager) = (sound.path("bin"), sound.path("bin/packager"));
    sound.program("packager", "exit 0");
    sound.program("ffprobe", "exit 0");
    sound.program("ffmpeg", "echo ' V....D libx264 H.264'; echo ' A....D aac AAC'");
    sound.with("PATH", path).with("KEYVEIL_WORKERS_PACKAGER", packager)
}

#[test]
fn the_local_workers_programs_have_to_run() {
    working().examine().is_ok("worker");
    for (program, part) in
        [("ffmpeg", "ffmpeg is not"), ("ffprobe", "ffprobe is not"), ("packager", "packager was not found")]
    {
        let sound = working();
        std::fs::remove_file(sound.folder.join("bin").join(program)).unwrap();
        sound.examine().says("worker", "problem", part);
    }
    let sound = working();
    sound.program("packager", "exit 127");
    sound.program("ffmpeg", "echo ' A....D aac AAC'");
    let report = sound.examine();
    report.says("worker", "problem", "does not run");
    report.says("worker", "problem", "no encoder libx264");
}

#[test]
fn pages_and_the_player_have_to_be_there_and_of_a_build_in_use() {
    let sound = Sound::new();
    std::fs::remove_dir_all(sound.folder.join("www/console")).unwrap();
    sound.examine().says("pages", "problem", "no console/index.html");
    std::fs::remove_file(sound.folder.join("sdk/keyveil.wasm")).unwrap();
    sound.examine().says("SDK", "problem", "keyveil.wasm");
    std::fs::remove_file(sound.folder.join("sdk/sdk.json")).unwrap();
    sound.examine().says("SDK", "problem", "as it is shipped");
    sound.write("sdk/sdk.json", r#"{"buildId":"0011223344556677","wasm":"worker.js","sha256":""}"#);
    sound.examine().says("SDK", "problem", "does not know");
    std::fs::remove_file(sound.folder.join("sdk/worker.js")).unwrap();
    sound.examine().says("SDK", "problem", "no folder");
    let retired = Sound::new();
    let list = succeed(&retired.data, &["build", "list"]);
    succeed(&retired.data, &["build", "retire", list.split_whitespace().next().unwrap()]);
    retired.examine().says("SDK", "problem", "retired");
}

#[test]
fn the_public_address_has_to_lead_to_a_key_server() {
    let sound = Sound::new();
    let served = Served::start(&sound.data, &sound.folder.join("log"), "info");
    let address = format!("http://{}", served.address);
    let sound = sound.with("KEYVEIL_PUBLIC_URL", &address);
    let report = sound.examine();
    report.is_ok("public address");
    report.says("clock", "ok", &address);
    // Beside the running server nothing else is found, either.
    report.is_ok("database");
    drop(served);
    sound.examine().says("public address", "warning", "does not answer");
    let other = web_server("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n".to_owned());
    Sound::new().with("KEYVEIL_PUBLIC_URL", other).examine().says("public address", "problem", "something else");
}

#[test]
fn clocks_that_differ_are_told() {
    let date = |ahead: i64| {
        let now = SystemTime::now();
        let moved = Duration::from_secs(ahead.unsigned_abs());
        let at = if ahead < 0 { now - moved } else { now + moved };
        web_server(format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: {}\r\n\r\n", httpdate::fmt_http_date(at)))
    };
    let sound = Sound::new();
    let ask = |ahead: i64| sound.examine_with(&["--time-from", &date(ahead)]);
    ask(0).says("clock", "ok", "agrees with --time-from");
    ask(15).says("clock", "warning", "behind --time-from");
    ask(-15).says("clock", "warning", "ahead of --time-from");
    ask(-3600).says("clock", "problem", "ahead of --time-from");
    let silent = web_server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned());
    sound.examine_with(&["--time-from", &silent]).says("clock", "skipped", "does not tell the time");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    sound.examine_with(&["--time-from", &format!("http://{closed}")]).says("clock", "skipped", "does not answer");
}

#[test]
fn the_system_says_whether_its_clock_is_synchronised() {
    let sound = Sound::new();
    let path = sound.path("bin");
    let sound = sound.with("PATH", path);
    sound.examine().says("clock", "skipped", "does not tell here");
    sound.program("timedatectl", "echo no");
    sound.examine().says("clock", "warning", "not synchronised");
    sound.program("timedatectl", "echo yes");
    sound.examine().says("clock", "ok", "synchronised");
}
