//! Repeated creates.

use serde_json::{Value, json};

use super::account::Person;
use crate::support::{Response, TITLE, TestApp};

fn workflow(name: &str) -> String {
    json!({ "name": name, "settings": settings() }).to_string()
}

fn settings() -> Value {
    json!({
        "ladder": { "kind": "auto", "maxEdge": null }, "container": "fmp4", "mode": "private", "cipher": "aes-128-cbc",
        "segmentSecs": 6, "periodSegments": 5, "audioBitRate": 128_000, "preset": "veryfast",
        "cover": null, "sprites": null, "publish": "auto",
    })
}

fn create(app: &TestApp, key: &str, body: &str) -> Response {
    app.authorized("POST", "/v1/workflows").header("Idempotency-Key", key).json(body).send()
}

fn own_workflows(app: &TestApp) -> usize {
    let listed = app.authorized("GET", "/v1/workflows").send().value();
    listed["workflows"].as_array().unwrap().iter().filter(|workflow| workflow["builtIn"] == false).count()
}

#[test]
fn a_repetition_gets_the_first_answer_and_another_body_is_refused() {
    let app = TestApp::start();
    let first = create(&app, "key-1", &workflow("One"));
    assert_eq!(first.status, 201, "{}", first.text());
    let again = create(&app, "key-1", &workflow("One"));
    assert_eq!((again.status, again.value()), (201, first.value()));
    assert_eq!(again.header("content-type"), first.header("content-type"));
    assert_eq!(again.header("cache-control"), Some("no-store"));
    assert_eq!(own_workflows(&app), 1);
    assert_eq!(create(&app, "key-1", &workflow("Two")).code(), "idempotency_conflict");
    assert_eq!(create(&app, "key-2", &workflow("One")).status, 201, "another key is another create");
    assert_eq!(app.authorized("POST", "/v1/workflows").json(workflow("One")).send().status, 201, "so is none");
    assert_eq!(own_workflows(&app), 3);
    for key in ["", "a b", "ä", &"x".repeat(65)] {
        assert_eq!(create(&app, key, &workflow("One")).code(), "malformed_request", "{key}");
    }
}

#[test]
fn keys_belong_to_who_used_them() {
    let app = TestApp::start();
    let alice = Person::new(&app);
    let first = create(&app, "key-1", &workflow("One")).value();
    let request = alice.request("POST", "/v1/workflows").header("Idempotency-Key", "key-1");
    let second = request.json(workflow("One")).send();
    assert_eq!(second.status, 201);
    assert_ne!(second.value(), first);
    let other = app.replica();
    let request = alice.request_for(&other, "POST", "/v1/workflows").header("Idempotency-Key", "key-1");
    assert_eq!(request.json(workflow("One")).send().code(), "idempotency_conflict", "for another application");
}

#[test]
fn many_at_once_over_two_servers_are_done_once() {
    let app = TestApp::start();
    let key = app.app.api_key.expose_text();
    let replica = app.replica();
    let addresses = [app.address(), replica.address()];
    let body = workflow("One");
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..12)
            .map(|n: usize| {
                let (address, body, key) = (addresses[n % 2], body.as_str(), key.as_str());
                scope.spawn(move || {
                    let request = crate::support::Request::new(address, "POST", "/v1/workflows");
                    let request = request.header("Authorization", &format!("Bearer {key}"));
                    let response = request.header("Idempotency-Key", "one").json(body).send();
                    assert_eq!(response.status, 201, "{}", response.text());
                    response.value()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(own_workflows(&app), 1);
}

#[test]
fn a_refusal_gives_the_key_back_and_a_day_ends_it() {
    let app = TestApp::start();
    assert_eq!(create(&app, "key-1", "{}").code(), "malformed_request");
    let first = create(&app, "key-1", &workflow("One"));
    assert_eq!(first.status, 201);
    app.clock.advance(24 * 3600 - 60);
    assert_eq!(create(&app, "key-1", &workflow("One")).value(), first.value());
    app.clock.advance(120);
    let next_day = create(&app, "key-1", &workflow("One"));
    assert_eq!(next_day.status, 201);
    assert_ne!(next_day.value(), first.value());
    assert_eq!(own_workflows(&app), 2);
}

#[test]
fn kept_answers_are_sealed() {
    let app = TestApp::start();
    // The name stands in its own table too; what only the answer holds is that it is not built in.
    let response = create(&app, "key-1", &workflow("One"));
    let workflow_id = response.value()["workflowId"].as_str().unwrap().to_owned();
    let stored = app.database().stored();
    assert!(stored.holds(&workflow_id), "the search looks at the database");
    assert!(response.text().contains(r#""builtIn":false"#));
    // Without the quotes, which an answer kept as it is would have escaped.
    assert!(!stored.holds("builtIn"));
}

#[test]
fn every_create_is_done_once() {
    let app = TestApp::start();
    let twice = |path: &str, body: Value| {
        let send = || app.authorized("POST", path).header("Idempotency-Key", "once").json(body.to_string()).send();
        let (first, again) = (send(), send());
        assert!(first.status < 300, "{path} {}", first.text());
        assert_eq!((again.status, again.value()), (first.status, first.value()), "{path}");
    };
    let count = |path: &str, name: &str| app.authorized("GET", path).send().value()[name].as_array().unwrap().len();
    let before = (count("/v1/signing-keys", "signingKeys"), count("/v1/api-keys", "apiKeys"));
    twice("/v1/signing-keys", json!({}));
    assert_eq!(count("/v1/signing-keys", "signingKeys"), before.0 + 1);
    // The keys of creates are one space: the same one for another create is a conflict.
    let other = app.authorized("POST", "/v1/api-keys").header("Idempotency-Key", "once");
    let body = json!({ "name": "k", "scopes": ["read"] });
    assert_eq!(other.json(body.to_string()).send().code(), "idempotency_conflict");
    let send = |key: &str, path: &str, body: &Value| {
        app.authorized("POST", path).header("Idempotency-Key", key).json(body.to_string()).send()
    };
    let made = send("api-key", "/v1/api-keys", &body);
    assert_eq!(send("api-key", "/v1/api-keys", &body).value(), made.value());
    assert_eq!(count("/v1/api-keys", "apiKeys"), before.1 + 1);
    let body = json!({ "fileId": TITLE });
    let signed = send("sign", "/v1/player-signatures", &body);
    app.clock.advance(5);
    assert_eq!(send("sign", "/v1/player-signatures", &body).value(), signed.value());
    assert_ne!(send("sign-2", "/v1/player-signatures", &body).value(), signed.value());
}

#[test]
fn an_upload_is_begun_once() {
    let app = TestApp::start();
    let begin = |key: &str, length: u32| {
        let request = app.authorized("POST", "/v1/uploads").header("Tus-Resumable", "1.0.0");
        let request = request.header("Upload-Length", &length.to_string()).header("Idempotency-Key", key);
        request.header("Upload-Metadata", "filename ZmlsbS5tcDQ=").send()
    };
    let first = begin("up-1", 100);
    assert_eq!(first.status, 201, "{}", first.text());
    let again = begin("up-1", 100);
    assert_eq!(again.status, 201);
    for header in ["location", "keyveil-file-id", "upload-offset", "upload-expires", "tus-resumable"] {
        assert!(first.header(header).is_some(), "{header}");
        assert_eq!(again.header(header), first.header(header), "{header}");
    }
    assert_eq!(begin("up-1", 101).code(), "idempotency_conflict");
    assert_ne!(begin("up-2", 100).header("location"), first.header("location"));
}

/// The body of the first request is still on its way when it is repeated, long after a dead server's key would be free.
#[test]
fn a_creation_whose_body_takes_long_is_one_upload() {
    let app = TestApp::start();
    let request = |key: &str| {
        let request = app.authorized("POST", "/v1/uploads").header("Tus-Resumable", "1.0.0");
        let request = request.header("Upload-Length", "100").header("Upload-Metadata", "filename ZmlsbS5tcDQ=");
        request.header("Idempotency-Key", key).header("Content-Type", "application/offset+octet-stream")
    };
    let titles = || app.authorized("GET", "/v1/titles?state=uploading").send().value()["titles"].clone();
    let count = || titles().as_array().unwrap().len();
    let slow = request("up-1").header("Content-Length", "100").raw_body(vec![b'a'; 40]).begin();
    // Till then a clock that jumps makes the key a dead server's.
    let database = app.database();
    app.until("the answer is kept", || database.number("SELECT count(*) FROM idempotency WHERE status = 201") == 1);
    app.clock.advance(3600);
    let again = request("up-1").body(vec![b'a'; 100]).send();
    assert_eq!((again.status, count()), (201, 1), "{}", again.text());
    assert_eq!(again.header("keyveil-file-id"), titles()[0]["fileId"].as_str());
    assert_eq!(again.header("upload-offset"), Some("0"), "what was brought along again is not taken");
    let location = again.header("location").unwrap();
    let tus = |method: &str| app.authorized(method, location).header("Tus-Resumable", "1.0.0");
    drop(slow);
    let offset = "SELECT max(\"offset\") FROM uploads";
    app.until("the first request's bytes count", || database.number(offset) == 40);
    let stands = tus("HEAD").send();
    assert_eq!((stands.status, stands.header("upload-offset")), (200, Some("40")));
    // Refused as long as the first request's last write is under way, or ended by it; clients ask again where the upload stands.
    app.until("the rest is taken", || {
        let rest = tus("PATCH").header("Upload-Offset", "40").header("Content-Type", "application/offset+octet-stream");
        let taken = rest.body(vec![b'a'; 60]).send();
        assert!(taken.status == 409 || taken.header("upload-offset") == Some("100"), "{}", taken.text());
        tus("HEAD").send().header("upload-offset") == Some("100")
    });
    assert_eq!(request("up-2").body(vec![b'a'; 100]).send().header("upload-offset"), Some("100"), "another key");
}
