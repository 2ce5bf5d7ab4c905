//! Sources that the server fetches itself.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::TryStreamExt;
use keyveil_key_server::actions::apps::{self, NewApp};
use keyveil_key_server::actions::sources;
use keyveil_key_server::store::{Title, TitleState};
use serde_json::{Value, json};

use crate::support::{Response, TestApp};

fn start() -> TestApp {
    TestApp::builder().allow_private().start()
}

/// Answers each request on a connection of its own; the answer sees the path and how many came before it.
fn server(answer: impl Fn(&str, usize) -> Vec<u8> + Send + 'static) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let len = stream.read(&mut head).unwrap_or(0);
            let path = String::from_utf8_lossy(&head[..len]).split(' ').nth(1).unwrap_or_default().to_owned();
            let _ = stream.write_all(&answer(&path, counted.fetch_add(1, Ordering::SeqCst)));
        }
    });
    (address, count)
}

fn ok(len: usize, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn film() -> Vec<u8> {
    (0..2_000_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect()
}

fn create(app: &TestApp, url: &str, more: &Value) -> Response {
    let mut body = json!({ "url": url });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    app.authorized("POST", "/v1/titles").json(body.to_string()).send()
}

fn begin(app: &TestApp, url: &str, more: &Value) -> String {
    let created = create(app, url, more);
    assert_eq!(created.status, 201, "{}", created.text());
    created.value()["fileId"].as_str().unwrap().to_owned()
}

fn title(app: &TestApp, file_id: &str) -> Title {
    app.block_on(app.installation().store().title(&file_id.parse().unwrap())).unwrap().unwrap()
}

/// Waits until the title no longer waits for its source; time passes for the server's clock meanwhile.
#[track_caller]
fn settled(app: &TestApp, file_id: &str) -> (TitleState, Option<(String, String)>) {
    app.until("the pull ends", || {
        app.clock.advance(1);
        title(app, file_id).state != TitleState::Uploading
    });
    let title = title(app, file_id);
    (title.state, title.failure.map(|failure| (failure.code, failure.message)))
}

#[track_caller]
fn failure(app: &TestApp, file_id: &str) -> (String, String) {
    let (state, failure) = settled(app, file_id);
    assert_eq!(state, TitleState::Failed);
    failure.unwrap()
}

fn source(app: &TestApp, file_id: &str) -> Vec<u8> {
    let file_id = file_id.parse().unwrap();
    app.block_on(async {
        let len = sources::len(app.state(), &file_id).await.unwrap();
        let chunks: Vec<_> = sources::read(app.state(), &file_id, 0..len).await.unwrap().try_collect().await.unwrap();
        chunks.concat()
    })
}

#[test]
fn a_file_is_fetched_also_behind_redirects_and_without_a_length() {
    let app = start();
    let film = film();
    let sha256 = hex::encode(ring::digest::digest(&ring::digest::SHA256, &film).as_ref());
    let (address, _) = server({
        let film = film.clone();
        move |path, _| match path {
            "/moved/Film%201.mp4" => {
                b"HTTP/1.1 302 Found\r\nLocation: /end\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec()
            }
            "/end" => ok(film.len(), &film),
            _ => [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".as_slice(), &film].concat(),
        }
    });
    let moved = begin(&app, &format!("{address}/moved/Film%201.mp4"), &json!({ "sha256": sha256, "labels": ["a"] }));
    let unmeasured = begin(&app, &format!("{address}/b.mp4?token=x"), &json!({ "name": "B", "fileId": "b" }));
    for file_id in [&moved, &unmeasured] {
        assert_eq!(settled(&app, file_id), (TitleState::Queued, None));
        assert_eq!(source(&app, file_id), film);
        assert_eq!(title(&app, file_id).size_bytes, Some(2_000_000));
    }
    assert_eq!((title(&app, &moved).name.as_str(), unmeasured.as_str()), ("Film 1", "b"));
    let upload = app.block_on(app.installation().store().source(&"b".parse().unwrap())).unwrap().unwrap();
    assert_eq!(upload.url, None, "an address may hold a token, so it is forgotten");
}

#[test]
fn what_breaks_off_is_fetched_again_and_given_up_after_three_times() {
    let app = start();
    let film = film();
    let (flaky, count) = server({
        let film = film.clone();
        move |_, before| if before < 2 { ok(film.len(), &film[..900_000]) } else { ok(film.len(), &film) }
    });
    let file_id = begin(&app, &format!("{flaky}/a.mp4"), &json!({}));
    assert_eq!(settled(&app, &file_id), (TitleState::Queued, None));
    assert_eq!((source(&app, &file_id), count.load(Ordering::SeqCst)), (film, 3));
    let (broken, count) = server(|_, _| ok(1000, b"half"));
    let file_id = begin(&app, &format!("{broken}/a.mp4"), &json!({}));
    assert_eq!(failure(&app, &file_id).0, "pull_failed");
    assert_eq!(count.load(Ordering::SeqCst), 3);
    let upload = app.block_on(app.installation().store().source(&file_id.parse().unwrap())).unwrap();
    assert!(upload.is_none(), "the half is discarded");
}

#[test]
fn what_another_attempt_would_not_change_fails_at_once_with_a_sentence() {
    let app = start();
    let (address, count) = server(|path, _| match path {
        "/empty.mp4" => ok(0, b""),
        "/large.mp4" => ok(107_374_182_401, b"x"),
        "/page.mp4" => {
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx".to_vec()
        }
        "/inward.mp4" => {
            b"HTTP/1.1 302 Found\r\nLocation: ftp://x/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec()
        }
        _ => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec(),
    });
    for (path, code, words) in [
        ("missing.mp4", "pull_failed", "404"),
        ("empty.mp4", "pull_failed", "empty"),
        ("page.mp4", "pull_failed", "web page"),
        ("large.mp4", "upload_too_large", "larger"),
        ("inward.mp4", "url_refused", "neither http nor https"),
    ] {
        let file_id = begin(&app, &format!("{address}/{path}"), &json!({}));
        let (found, message) = failure(&app, &file_id);
        assert_eq!(found, code, "{path}");
        assert!(message.contains(words), "{path}: {message}");
    }
    assert_eq!(count.load(Ordering::SeqCst), 5);
    let file_id = begin(&app, &format!("{address}/empty.mp4"), &json!({ "sha256": "00".repeat(32) }));
    assert_eq!(failure(&app, &file_id).0, "pull_failed");
}

/// The limit is the application's; it is put down to less than a film here.
#[test]
fn a_length_that_nobody_announced_is_limited_all_the_same() {
    let app = start();
    app.database().run("UPDATE apps SET upload_bytes_max = 1000000");
    let (address, _) = server(|path, _| {
        let len = if path == "/fits.mp4" { 1_000_000 } else { 1_000_001 };
        [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".as_slice(), &film()[..len]].concat()
    });
    let file_id = begin(&app, &format!("{address}/fits.mp4"), &json!({}));
    assert_eq!(settled(&app, &file_id).0, TitleState::Queued);
    let file_id = begin(&app, &format!("{address}/over.mp4"), &json!({}));
    assert_eq!(failure(&app, &file_id).0, "upload_too_large");
}

#[test]
fn a_file_that_differs_from_its_sha256_fails() {
    let app = start();
    let (address, count) = server(|_, _| ok(4, b"film"));
    let file_id = begin(&app, &format!("{address}/a.mp4"), &json!({ "sha256": "00".repeat(32) }));
    assert_eq!(failure(&app, &file_id).0, "checksum_mismatch");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn a_restart_begins_a_pull_anew() {
    let mut app = start();
    let film = film();
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let (address, count) = server({
        let film = film.clone();
        move |_, before| {
            if before == 0 {
                wait.recv().unwrap();
            }
            ok(film.len(), &film)
        }
    });
    let file_id = begin(&app, &format!("{address}/a.mp4"), &json!({}));
    app.until("the pull begins", || count.load(Ordering::SeqCst) == 1);
    app.stop();
    go_on.send(()).unwrap();
    let restarted = TestApp::builder().allow_private().over(&app).start();
    assert_eq!(settled(&restarted, &file_id), (TitleState::Queued, None));
    assert_eq!(source(&restarted, &file_id), film);
}

#[test]
fn an_address_that_is_not_called_is_refused_at_once() {
    let app = TestApp::start();
    for url in [
        "http://127.0.0.1/a.mp4",
        "http://localhost/a.mp4",
        "http://[::1]/a.mp4",
        "http://169.254.169.254/a.mp4",
        "http://10.1.2.3/a.mp4",
        "http://[::ffff:10.1.2.3]/a.mp4",
        "http://user:secret@93.184.216.34/a.mp4",
        "ftp://93.184.216.34/a.mp4",
    ] {
        assert_eq!(create(&app, url, &json!({})).code(), "url_refused", "{url}");
    }
    for body in
        [json!({ "url": "nonsense" }), json!({}), json!({ "url": format!("http://1.1.1.1/{}", "x".repeat(2048)) })]
    {
        let response = app.authorized("POST", "/v1/titles").json(body.to_string()).send();
        assert_eq!(response.code(), "malformed_request", "{body}");
    }
    assert_eq!(create(&app, "http://93.184.216.34/a.exe", &json!({})).code(), "upload_type_not_allowed");
    assert_eq!(create(&app, "http://93.184.216.34/a.mp4", &json!({ "fileId": "film" })).code(), "title_exists");
    let bare = app.request("POST", "/v1/titles").json(json!({ "url": "http://1.1.1.1/a.mp4" }).to_string()).send();
    assert_eq!(bare.code(), "api_key_invalid");
    assert_eq!(create(&start(), "http://127.0.0.1:1/a.mp4", &json!({})).status, 201, "allow_private lifts the check");
}

/// Sends a byte now and then, on every connection: too much for silence, and nothing that ends soon.
fn endless() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            std::thread::spawn(move || {
                let mut head = [0; 4096];
                let _ = stream.read(&mut head);
                let mut next = ok(1_000_000, b"");
                while stream.write_all(&next).is_ok() {
                    next = vec![b'x'];
                    std::thread::sleep(std::time::Duration::from_secs(5));
                }
            });
        }
    });
    (address, count)
}

#[test]
fn slow_servers_of_one_application_leave_room_for_another() {
    let app = start();
    let new_app = NewApp { name: "Other".to_owned(), domains: Vec::new(), max_age_secs: 60 };
    let other = app.block_on(apps::create(app.installation(), &new_app, 1)).unwrap();
    let key = format!("Bearer {}", other.api_key.expose_text().as_str());
    let (slow, count) = endless();
    for _ in 0..6 {
        begin(&app, &format!("{slow}/a.mp4"), &json!({}));
    }
    app.until("the first two are fetched", || count.load(Ordering::SeqCst) == 2);
    let film = film();
    let (address, _) = server({
        let film = film.clone();
        move |_, _| ok(film.len(), &film)
    });
    let body = json!({ "url": format!("{address}/b.mp4"), "fileId": "b" }).to_string();
    let created = app.request("POST", "/v1/titles").header("Authorization", &key).json(body).send();
    assert_eq!(created.status, 201, "{}", created.text());
    assert_eq!(settled(&app, "b"), (TitleState::Queued, None));
    assert_eq!(source(&app, "b"), film);
    assert_eq!(count.load(Ordering::SeqCst), 2, "the others of the first application wait");
}
