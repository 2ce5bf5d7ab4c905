//! tus over HTTP, and what lies on the disk of it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use base64ct::{Base64, Encoding};
use futures_util::TryStreamExt;
use keyveil_key_server::actions::{sources, uploads};
use keyveil_key_server::store::{TitleState, Upload, UploadState};
use serde_json::Value;

use crate::support::{Request, Response, TestApp};

/// A sentence that no other file holds, over and over, so that any block of the source gives it away.
const SENTENCE: &[u8] = b"What is uploaded here must never lie on a disk as it is. ";

fn film(len: usize) -> Vec<u8> {
    SENTENCE.iter().copied().cycle().take(len).collect()
}

fn metadata(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().map(|(key, value)| format!("{key} {}", Base64::encode_string(value.as_bytes())));
    pairs.collect::<Vec<_>>().join(",")
}

trait Tus {
    fn tus(&self, method: &str, path: &str) -> Request;

    fn create(&self, len: usize, pairs: &[(&str, &str)]) -> Response {
        let request = self.tus("POST", "/v1/uploads").header("Upload-Length", &len.to_string());
        request.header("Upload-Metadata", &metadata(pairs)).send()
    }

    /// The path of a new upload of `film.mp4`.
    fn begin(&self, len: usize) -> String {
        let created = self.create(len, &[("filename", "film.mp4")]);
        assert_eq!(created.status, 201, "{}", created.text());
        created.header("location").unwrap().to_owned()
    }

    fn part(&self, path: &str, offset: usize) -> Request {
        let request = self.tus("PATCH", path).header("Upload-Offset", &offset.to_string());
        request.header("Content-Type", "application/offset+octet-stream")
    }

    fn patch(&self, path: &str, offset: usize, bytes: &[u8]) -> Response {
        self.part(path, offset).body(bytes).send()
    }

    fn offset(&self, path: &str) -> usize {
        let response = self.tus("HEAD", path).send();
        assert_eq!((response.status, response.header("cache-control")), (200, Some("no-store")));
        response.header("upload-offset").unwrap().parse().unwrap()
    }
}

impl Tus for TestApp {
    fn tus(&self, method: &str, path: &str) -> Request {
        self.authorized(method, path).header("Tus-Resumable", "1.0.0")
    }
}

fn upload_id(path: &str) -> &str {
    path.strip_prefix("/v1/uploads/").unwrap()
}

fn upload(app: &TestApp, path: &str) -> Upload {
    app.block_on(app.installation().store().upload(&upload_id(path).parse().unwrap())).unwrap().unwrap()
}

fn title_of(app: &TestApp, path: &str) -> (TitleState, Option<String>) {
    let title = app.block_on(app.installation().store().title(&upload(app, path).file_id)).unwrap().unwrap();
    (title.state, title.failure.map(|failure| failure.code))
}

fn source(app: &TestApp, path: &str) -> Vec<u8> {
    let file_id = upload(app, path).file_id;
    app.block_on(async {
        let len = sources::len(app.state(), &file_id).await.unwrap();
        let chunks: Vec<_> = sources::read(app.state(), &file_id, 0..len).await.unwrap().try_collect().await.unwrap();
        chunks.concat()
    })
}

fn file(app: &TestApp, path: &str) -> std::path::PathBuf {
    app.dir.path().join("data/uploads").join(upload_id(path))
}

/// A request that sends less than it announces and then waits.
fn begin_patch(app: &TestApp, path: &str, announced: usize, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(app.address()).unwrap();
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
         Content-Type: application/offset+octet-stream\r\nContent-Length: {announced}\r\nConnection: close\r\n\r\n",
        app.address(),
        app.app.api_key.expose_text(),
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(bytes).unwrap();
    stream
}

fn status_of(stream: TcpStream) -> String {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line.split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn a_file_that_arrives_in_parts_is_queued() {
    let app = TestApp::start();
    let film = film(3_000_000);
    let created =
        app.create(film.len(), &[("filename", "Mein Film.MP4"), ("labels", "a,b"), ("filetype", "video/mp4")]);
    assert_eq!((created.status, created.header("tus-resumable")), (201, Some("1.0.0")));
    assert_eq!((created.header("upload-offset"), created.header("cache-control")), (Some("0"), Some("no-store")));
    assert!(created.header("upload-expires").unwrap().ends_with(" GMT"));
    let path = created.header("location").unwrap().to_owned();
    assert_eq!(title_of(&app, &path), (TitleState::Uploading, None));
    let first = app.patch(&path, 0, &film[..1_234_567]);
    assert_eq!((first.status, first.header("upload-offset")), (204, Some("1234567")), "{}", first.text());
    assert_eq!(app.offset(&path), 1_234_567);
    let last = app.patch(&path, 1_234_567, &film[1_234_567..]);
    assert_eq!(
        (last.status, last.header("upload-offset"), last.header("upload-expires")),
        (204, Some("3000000"), None)
    );
    assert_eq!(title_of(&app, &path), (TitleState::Queued, None));
    assert_eq!(source(&app, &path), film);
    // What was lost of an answer can be asked for again, and nothing can be added.
    assert_eq!(app.offset(&path), film.len());
    assert_eq!(app.patch(&path, film.len(), b"").status, 204);
    assert_eq!(app.patch(&path, film.len(), b"x").code(), "upload_gone");
    assert_eq!(app.tus("DELETE", &path).send().code(), "upload_gone");
    let file_id = created.header("keyveil-file-id").unwrap().parse().unwrap();
    let title = app.block_on(app.installation().store().title(&file_id)).unwrap().unwrap();
    assert_eq!((title.name.as_str(), title.file_name.as_deref()), ("Mein Film", Some("Mein Film.MP4")));
    assert_eq!((title.size_bytes, title.workflow_id.unwrap().as_str()), (Some(3_000_000), "adaptive"));
}

#[test]
fn what_is_offered_is_told() {
    let app = TestApp::start();
    let options = app.authorized("OPTIONS", "/v1/uploads").send();
    assert_eq!((options.status, options.header("tus-version")), (204, Some("1.0.0")));
    let extensions: Vec<_> = options.header("tus-extension").unwrap().split(',').collect();
    assert_eq!(extensions, ["creation", "creation-with-upload", "checksum", "termination", "expiration"]);
    assert_eq!(options.header("tus-checksum-algorithm"), Some("sha1,sha256"));
    assert_eq!(options.header("tus-max-size"), Some("107374182400"));
    let other = app.authorized("POST", "/v1/uploads").header("Tus-Resumable", "0.2.2").header("Upload-Length", "1");
    let other = other.send();
    assert_eq!((other.code().as_str(), other.header("tus-version")), ("tus_version", Some("1.0.0")));
    let get = app.tus("GET", "/v1/uploads").send();
    assert_eq!((get.code().as_str(), get.header("allow")), ("method_not_allowed", Some("POST, OPTIONS")));
}

#[test]
fn a_creation_can_bring_the_first_bytes_or_all_of_them() {
    let app = TestApp::start();
    let with_upload = |bytes: &[u8], checksum: &str| {
        let request = app.tus("POST", "/v1/uploads").header("Upload-Length", "1000");
        let request = request.header("Upload-Metadata", &metadata(&[("filename", "a.mp4")]));
        let request = request.header("Content-Type", "application/offset+octet-stream");
        let request = if checksum.is_empty() { request } else { request.header("Upload-Checksum", checksum) };
        request.body(bytes).send()
    };
    let all = with_upload(&film(1000), "");
    assert_eq!((all.status, all.header("upload-offset")), (201, Some("1000")));
    assert_eq!(title_of(&app, all.header("location").unwrap()), (TitleState::Queued, None));
    let some = with_upload(&film(400), "");
    assert_eq!((some.status, some.header("upload-offset")), (201, Some("400")));
    let damaged = with_upload(&film(400), "sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    assert_eq!((damaged.status, damaged.header("upload-offset")), (201, Some("0")), "made, and to be gone on with");
    let untyped = app.tus("POST", "/v1/uploads").header("Upload-Length", "4");
    assert_eq!(
        untyped.header("Upload-Metadata", &metadata(&[("filename", "a.mp4")])).body("data").send().code(),
        "unsupported_media_type"
    );
}

#[test]
fn a_part_that_breaks_off_is_kept_and_gone_on_from_after_a_restart() {
    let mut app = TestApp::start();
    let film = film(2_500_000);
    let path = app.begin(film.len());
    drop(begin_patch(&app, &path, film.len(), &film[..1_700_000]));
    app.until("the part is recorded", || upload(&app, &path).offset == 1_700_000);
    assert_eq!(app.offset(&path), 1_700_000);
    app.stop();
    let restarted = app.replica();
    let again = |method: &str| {
        let request = restarted.request(method, &path).header("Tus-Resumable", "1.0.0");
        request.header("Authorization", &format!("Bearer {}", app.app.api_key.expose_text()))
    };
    assert_eq!(again("HEAD").send().header("upload-offset"), Some("1700000"));
    let request = again("PATCH").header("Upload-Offset", "1700000");
    let response = request.header("Content-Type", "application/offset+octet-stream").body(&film[1_700_000..]).send();
    assert_eq!((response.status, response.header("upload-offset")), (204, Some("2500000")));
    assert_eq!(source(&restarted, &path), film);
    assert_eq!(title_of(&restarted, &path).0, TitleState::Queued);
}

#[test]
fn of_two_at_once_one_writes_and_nothing_is_lost() {
    let app = TestApp::start();
    let film = film(2_000_000);
    let path = app.begin(film.len());
    let mut first = begin_patch(&app, &path, film.len(), &film[..1_500_000]);
    app.until("the first one writes", || std::fs::metadata(file(&app, &path)).is_ok_and(|file| file.len() > 0));
    assert_eq!(app.patch(&path, 0, &vec![0; film.len()]).code(), "upload_offset");
    first.write_all(&film[1_500_000..]).unwrap();
    assert_eq!(status_of(first), "204");
    assert_eq!(source(&app, &path), film);
}

#[test]
fn whoever_asks_for_the_offset_takes_the_place_of_a_request_that_hangs() {
    let app = TestApp::start();
    let film = film(2_000_000);
    let path = app.begin(film.len());
    let hanging = begin_patch(&app, &path, film.len(), &film[..1_500_000]);
    app.until("it writes", || std::fs::metadata(file(&app, &path)).is_ok_and(|file| file.len() > 0));
    let offset = app.offset(&path);
    assert!((1..=1_500_000).contains(&offset), "{offset}");
    assert_eq!(app.patch(&path, offset, &film[offset..]).status, 204);
    assert_eq!(source(&app, &path), film);
    drop(hanging);
}

#[test]
fn a_wrong_offset_is_refused_and_changes_nothing() {
    let app = TestApp::start();
    let path = app.begin(1000);
    assert_eq!(app.patch(&path, 0, &film(100)).status, 204);
    for offset in [0, 99, 101, 1000] {
        assert_eq!(app.patch(&path, offset, &film(100)).code(), "upload_offset", "{offset}");
    }
    assert_eq!(app.offset(&path), 100);
    let untyped = app.tus("PATCH", &path).header("Upload-Offset", "100").body("x").send();
    assert_eq!(untyped.code(), "unsupported_media_type");
    for offset in ["-1", "+100", "1e2", "", "99999999999999999999"] {
        let request = app.tus("PATCH", &path).header("Content-Type", "application/offset+octet-stream");
        assert_eq!(request.header("Upload-Offset", offset).body("x").send().code(), "malformed_request", "{offset}");
    }
}

#[test]
fn more_than_the_length_is_refused() {
    let app = TestApp::start();
    let path = app.begin(1000);
    assert_eq!(app.patch(&path, 0, &film(1001)).code(), "body_too_large");
    assert_eq!(app.offset(&path), 0);
    let chunked = |len: usize| {
        let body = [format!("{len:x}\r\n").into_bytes(), film(len), b"\r\n0\r\n\r\n".to_vec()].concat();
        app.part(&path, 0).header("Transfer-Encoding", "chunked").raw_body(body).send()
    };
    assert_eq!(chunked(1001).code(), "body_too_large");
    assert_eq!(app.offset(&path), 0);
    assert_eq!(chunked(1000).status, 204);
    assert_eq!(source(&app, &path), film(1000));
}

#[test]
fn a_damaged_part_is_discarded_and_a_sound_one_is_taken() {
    let app = TestApp::start();
    let path = app.begin(600);
    let film = film(600);
    let digest = |algorithm, bytes: &[u8]| Base64::encode_string(ring::digest::digest(algorithm, bytes).as_ref());
    let sha1 = format!("sha1 {}", digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &film[..300]));
    let sha256 = format!("sha256 {}", digest(&ring::digest::SHA256, &film[300..]));
    let damaged = app.part(&path, 0).header("Upload-Checksum", &sha1).body(&film[1..301]).send();
    assert_eq!(damaged.code(), "checksum_mismatch");
    assert_eq!(app.offset(&path), 0);
    assert_eq!(app.part(&path, 0).header("Upload-Checksum", &sha1).body(&film[..300]).send().status, 204);
    assert_eq!(app.part(&path, 300).header("Upload-Checksum", &sha256).body(&film[..300]).send().status, 460);
    assert_eq!(app.part(&path, 300).header("Upload-Checksum", "md5 AAAA").body("x").send().code(), "malformed_request");
    assert_eq!(app.part(&path, 300).header("Upload-Checksum", &sha256).body(&film[300..]).send().status, 204);
    assert_eq!(source(&app, &path), film);
}

#[test]
fn a_file_that_differs_from_its_sha256_fails_its_title_and_is_removed() {
    let app = TestApp::start();
    let film = film(500_000);
    let sha256 = hex::encode(ring::digest::digest(&ring::digest::SHA256, &film).as_ref());
    let begin = || {
        let created = app.create(film.len(), &[("filename", "a.mp4"), ("sha256", &sha256)]);
        created.header("location").unwrap().to_owned()
    };
    let (sound, damaged) = (begin(), begin());
    assert_eq!(app.patch(&sound, 0, &film).status, 204);
    assert_eq!(title_of(&app, &sound), (TitleState::Queued, None));
    let mut altered = film.clone();
    altered[250_000] ^= 1;
    assert_eq!(app.patch(&damaged, 0, &altered).code(), "checksum_mismatch");
    assert_eq!(title_of(&app, &damaged), (TitleState::Failed, Some("checksum_mismatch".to_owned())));
    assert_eq!(upload(&app, &damaged).state, UploadState::Gone);
    assert!(!file(&app, &damaged).exists() && file(&app, &sound).exists());
    assert_eq!(app.tus("HEAD", &damaged).send().status, 410);
}

#[test]
fn what_an_application_does_not_take_is_refused_at_creation() {
    let app = TestApp::start();
    let code = |len: usize, pairs: &[(&str, &str)]| app.create(len, pairs).code();
    assert_eq!(code(107_374_182_401, &[("filename", "a.mp4")]), "upload_too_large");
    assert_eq!(app.create(107_374_182_400, &[("filename", "a.mp4")]).status, 201, "the limit itself");
    assert_eq!(code(1, &[("filename", "a.exe")]), "upload_type_not_allowed");
    assert_eq!(code(1, &[("filename", "mp4")]), "upload_type_not_allowed");
    assert_eq!(code(0, &[("filename", "a.mp4")]), "malformed_request");
    assert_eq!(code(1, &[("filename", "../a.mp4")]), "malformed_request");
    assert_eq!(code(1, &[("filename", "a.mp4"), ("workflowId", "nowhere")]), "workflow_not_found");
    assert_eq!(code(1, &[("filename", "a.mp4"), ("fileId", "film")]), "title_exists");
    let deferred = app.tus("POST", "/v1/uploads").header("Upload-Defer-Length", "1");
    assert_eq!(
        deferred.header("Upload-Metadata", &metadata(&[("filename", "a.mp4")])).send().code(),
        "malformed_request"
    );
    let chosen = app.create(1, &[("filename", "a.mp4"), ("fileId", "mine"), ("workflowId", "clear")]);
    assert_eq!((chosen.status, chosen.header("keyveil-file-id")), (201, Some("mine")));
    assert_eq!(code(1, &[("filename", "a.mp4"), ("fileId", "mine")]), "title_exists");
}

#[test]
fn two_files_of_one_name_are_two_titles() {
    let app = TestApp::start();
    let (one, other) = (app.begin(10), app.begin(10));
    assert_ne!(upload(&app, &one).file_id, upload(&app, &other).file_id);
    assert_eq!(app.patch(&one, 0, b"aaaaaaaaaa").status, 204);
    assert_eq!(app.patch(&other, 0, b"bbbbbbbbbb").status, 204);
    assert_eq!((source(&app, &one), source(&app, &other)), (vec![b'a'; 10], vec![b'b'; 10]));
}

#[test]
fn an_upload_is_its_applications_alone() {
    let app = TestApp::start();
    let stranger = app.replica();
    let path = app.begin(10);
    for method in ["HEAD", "PATCH", "DELETE"] {
        let request = app.request(method, &path).header("Tus-Resumable", "1.0.0").header("Upload-Offset", "0");
        let request = request.header("Content-Type", "application/offset+octet-stream");
        let bare = request.body("x").send();
        assert_eq!(bare.status, 401, "{method}");
        let request = app.request(method, &path).header("Tus-Resumable", "1.0.0").header("Upload-Offset", "0");
        let request = request.header("Authorization", &format!("Bearer {}", stranger.app.api_key.expose_text()));
        let foreign = request.header("Content-Type", "application/offset+octet-stream").body("x").send();
        assert_eq!(foreign.status, 404, "{method}");
    }
    assert_eq!(app.request("OPTIONS", "/v1/uploads").send().code(), "api_key_invalid");
    assert_eq!(app.tus("HEAD", "/v1/uploads/none").send().status, 404);
    assert_eq!(app.offset(&path), 0);
    assert_eq!(app.patch(&path, 0, &film(10)).status, 204, "its own may");
}

#[test]
fn a_terminated_upload_takes_its_title_along() {
    let app = TestApp::start();
    let path = app.begin(1000);
    app.patch(&path, 0, &film(500));
    assert!(file(&app, &path).exists());
    let deleted = app.tus("DELETE", &path).send();
    assert_eq!((deleted.status, deleted.header("tus-resumable")), (204, Some("1.0.0")));
    assert_eq!(title_of(&app, &path).0, TitleState::Deleted);
    assert!(!file(&app, &path).exists());
    assert_eq!(app.tus("HEAD", &path).send().status, 410);
    assert_eq!(app.patch(&path, 500, &film(500)).code(), "upload_gone");
    // Where only POST gets through.
    let other = app.begin(1000);
    let patched = app.tus("POST", &other).header("X-HTTP-Method-Override", "PATCH").header("Upload-Offset", "0");
    assert_eq!(patched.header("Content-Type", "application/offset+octet-stream").body(film(10)).send().status, 204);
    assert_eq!(app.tus("POST", &other).header("X-HTTP-Method-Override", "DELETE").send().status, 204);
    assert_eq!(app.tus("POST", &other).send().code(), "method_not_allowed");
}

#[test]
fn what_nobody_comes_back_for_is_swept() {
    let app = TestApp::start();
    let (left, gone_on_with) = (app.begin(1000), app.begin(1000));
    assert_eq!(app.patch(&left, 0, &film(10)).status, 204);
    app.clock.advance(23 * 3600);
    assert_eq!(app.patch(&gone_on_with, 0, &film(10)).status, 204);
    let sweep = || app.block_on(uploads::sweep(app.state())).unwrap();
    sweep();
    assert_eq!(title_of(&app, &left).0, TitleState::Uploading, "not yet");
    app.clock.advance(2 * 3600);
    let stray = app.dir.path().join("data/uploads").join("0123456789abcdef0123456789abcdef");
    let foreign = app.dir.path().join("data/uploads/README");
    std::fs::write(&stray, b"of nobody").unwrap();
    std::fs::write(&foreign, b"not this server's").unwrap();
    sweep();
    assert_eq!(title_of(&app, &left), (TitleState::Failed, Some("upload_abandoned".to_owned())));
    assert_eq!(title_of(&app, &gone_on_with), (TitleState::Uploading, None));
    assert!(!file(&app, &left).exists() && file(&app, &gone_on_with).exists());
    assert!(!stray.exists() && foreign.exists());
    assert_eq!(app.patch(&left, 10, &film(10)).code(), "upload_gone");
    assert_eq!(app.patch(&gone_on_with, 10, &film(990)).status, 204);
}

/// Every file below the folder that holds the bytes.
fn holding(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holding(&path, bytes));
        } else if std::fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes) {
            found.push(entry.file_name().into_string().unwrap());
        }
    }
    found
}

#[test]
fn no_clear_byte_of_a_source_is_on_the_disk_and_the_file_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let app = TestApp::start();
    let path = app.begin(300_000);
    assert_eq!(app.patch(&path, 0, &film(200_000)).status, 204);
    let data = app.dir.path().join("data");
    std::fs::write(data.join("control"), film(100)).unwrap();
    assert_eq!(holding(&data, &SENTENCE[..20]), ["control"], "the search finds what is there, and only that");
    assert_eq!(std::fs::metadata(file(&app, &path)).unwrap().len(), 200_000);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file(&app, &path)), mode(&data.join("uploads"))), (0o600, 0o700));
}

#[test]
fn each_change_tells_its_event() {
    let app = TestApp::start();
    let path = app.begin(10);
    app.patch(&path, 0, &film(10));
    let file_id = upload(&app, &path).file_id;
    let events = app.block_on(async {
        let database = format!("sqlite://{}", app.dir.path().join("data/keyveil.db").display());
        let pool = sqlx::SqlitePool::connect(&database).await.unwrap();
        sqlx::query_as::<_, (String, String)>("SELECT type, data FROM events WHERE file_id = ? ORDER BY seq")
            .bind(file_id.as_str())
            .fetch_all(&pool)
            .await
            .unwrap()
    });
    let kinds: Vec<_> = events.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["upload.completed", "title.processing"]);
    let data: Value = serde_json::from_str(&events[1].1).unwrap();
    assert_eq!(data["state"], "queued");
}

/// A disk that is really full: a tiny tmpfs in a mount namespace of its own, which grows when a line is written to the
/// script. Where the system allows neither, the test says so and checks nothing.
#[test]
fn a_full_disk_is_told_and_an_upload_goes_on_when_there_is_space() {
    let script = "mkdir -p \"$1\"; mount -t tmpfs -o size=1m,mode=700 none \"$1\" || exit 99
        \"$2\" serve & server=$!; read line; mount -o remount,size=16m \"$1\"; echo grown; read line; kill $server; wait";
    let mut app = TestApp::start();
    app.stop();
    let data = app.dir.path().join("data");
    let start = |flags: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(flags).args(["--mount", "sh", "-c", script, "sh"]);
        command.args([data.join("uploads").as_os_str(), env!("CARGO_BIN_EXE_key-server").as_ref()]);
        command.env("KEYVEIL_DATA", &data).env("KEYVEIL_LISTEN", "127.0.0.1:0");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        match lines.next() {
            Some(Ok(line)) => Some((child, lines, line.strip_prefix("listening: http://").unwrap().to_owned())),
            _ => {
                child.wait().unwrap();
                None
            }
        }
    };
    let Some((mut child, mut lines, address)) = start(&[]).or_else(|| start(&["--user", "--map-root-user"])) else {
        eprintln!("a_full_disk_is_told…: no tmpfs can be mounted here, so this checked NOTHING");
        return;
    };
    let film = film(4_000_000);
    let tus = OnDisk { address, api_key: app.app.api_key.expose_text().to_owned() };
    let path = tus.begin(film.len());
    let full = tus.patch(&path, 0, &film);
    assert_eq!(full.code(), "no_space");
    let offset = tus.offset(&path);
    assert!(offset < film.len());
    assert_eq!(tus.patch(&path, offset, &film[offset..]).code(), "no_space", "still");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"grow\n").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "grown");
    let offset = tus.offset(&path);
    assert_eq!(tus.patch(&path, offset, &film[offset..]).status, 204);
    assert_eq!(tus.offset(&path), film.len());
    let stretches: i64 = app.block_on(async {
        let database = format!("sqlite://{}", data.join("keyveil.db").display());
        let pool = sqlx::SqlitePool::connect(&database).await.unwrap();
        let count = sqlx::query_scalar("SELECT max(number) FROM source_stretches WHERE upload_id = ?");
        count.bind(upload_id(&path)).fetch_one(&pool).await.unwrap()
    });
    assert_eq!(
        stretches, 3,
        "a batch that did not fit has met the disk in part: each attempt needs a keystream of its own"
    );
    stdin.write_all(b"end\n").unwrap();
    child.wait().unwrap();
}

/// A server of another process.
struct OnDisk {
    address: String,
    api_key: String,
}

impl Tus for OnDisk {
    fn tus(&self, method: &str, path: &str) -> Request {
        let request = Request::new(&self.address, method, path).header("Tus-Resumable", "1.0.0");
        request.header("Authorization", &format!("Bearer {}", self.api_key))
    }
}

#[test]
fn a_title_on_its_way_says_how_much_of_it_is_there() {
    let app = TestApp::start();
    let film = film(1000);
    let path = app.begin(film.len());
    let percent = || {
        let file_id = upload(&app, &path).file_id;
        app.authorized("GET", &format!("/v1/titles/{file_id}")).send().value()["percent"].clone()
    };
    assert_eq!(percent(), 0.0);
    assert_eq!(app.patch(&path, 0, &film[..250]).status, 204);
    assert_eq!(percent(), 25.0);
    assert_eq!(app.patch(&path, 250, &film[250..]).status, 204);
    assert_eq!(percent(), Value::Null);
}
