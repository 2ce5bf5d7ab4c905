//! The stream of changes.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::account::Person;
use crate::support::{Request, TITLE, TestApp};

pub(crate) struct Events {
    reader: BufReader<TcpStream>,
}

struct Change {
    id: u64,
    title: Value,
}

impl Events {
    fn open(address: &str, path: &str, api_key: &str, more: &str) -> Self {
        Self::send(address, path, &format!("Authorization: Bearer {api_key}\r\n{more}"))
    }

    fn send(address: &str, path: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut events = Self { reader: BufReader::new(stream) };
        let head: Vec<String> = std::iter::from_fn(|| events.line()).take_while(|line| !line.is_empty()).collect();
        assert!(head[0].contains(" 200 "), "{head:?}");
        assert!(head.iter().any(|line| line.eq_ignore_ascii_case("content-type: text/event-stream")), "{head:?}");
        // Only when the first bytes are there does the stream surely listen.
        while events.line().unwrap() != "retry: 1000" {}
        events
    }

    /// By someone who has signed in.
    fn of_person(app: &TestApp, person: &Person<'_>) -> Self {
        let path = format!("/v1/changes?app={}", app.app_id());
        Self::send(app.address(), &path, &format!("Cookie: {}\r\n", person.cookie))
    }

    fn of(app: &TestApp, query: &str, more: &str) -> Self {
        Self::open(app.address(), &format!("/v1/changes{query}"), &app.app.api_key.expose_text(), more)
    }

    /// Of the application of `app`, at another server.
    pub(crate) fn of_app(server: &TestApp, app: &TestApp) -> Self {
        let events = Self::open(server.address(), "/v1/changes", &app.app.api_key.expose_text(), "");
        // Before its first comment: with each of them it looks by itself.
        events.reader.get_ref().set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        events
    }

    /// Waits for a change.
    pub(crate) fn arrived(&mut self) {
        self.next();
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let len = self.reader.read_line(&mut line).unwrap();
        (len > 0).then(|| line.trim_end().to_owned())
    }

    fn next(&mut self) -> Change {
        let (mut id, mut is_title) = (None, false);
        loop {
            let line = self.line().expect("the stream goes on");
            is_title |= line == "event: title";
            if let Some(text) = line.strip_prefix("id: ") {
                id = Some(text.parse().unwrap());
            }
            if let Some(data) = line.strip_prefix("data: ") {
                assert!(is_title);
                return Change { id: id.unwrap(), title: serde_json::from_str(data).unwrap() };
            }
        }
    }

    /// Ends when the body does: by its last chunk, not by a broken connection.
    fn read_to_its_end(mut self) {
        while self.line().expect("a last chunk") != "0" {}
    }
}

fn post(app: &TestApp, action: &str) {
    assert_eq!(app.authorized("POST", &format!("/v1/titles/{TITLE}/{action}")).json("{}").send().status, 200);
}

#[test]
fn each_change_arrives_in_order_and_as_the_title_is() {
    let app = TestApp::start();
    let mut events = Events::of(&app, "", "");
    post(&app, "unpublish");
    let first = events.next();
    assert_eq!((&first.title["fileId"], &first.title["state"]), (&json!(TITLE), &json!("ready")));
    assert_eq!(first.title["changeSeq"], first.id);
    let listed = app.authorized("GET", "/v1/titles").send().value()["titles"][0].clone();
    assert_eq!(first.title, listed, "as in the list");
    app.put_title("new", "clear");
    let second = events.next();
    assert_eq!((second.title["fileId"].as_str().unwrap(), second.id > first.id), ("new", true));
    // Another application's titles are none of its business.
    app.replica().publish("theirs", "clear");
    assert_eq!(app.authorized("DELETE", "/v1/titles/new").send().status, 204);
    let third = events.next();
    assert_eq!((&third.title["fileId"], &third.title["state"]), (&json!("new"), &json!("deleted")));
    assert!(third.id > second.id);
}

#[test]
fn a_stream_goes_on_where_it_broke_off_also_after_a_restart() {
    let mut app = TestApp::start();
    let api_key = app.app.api_key.expose_text();
    let mut events = Events::of(&app, "", "");
    post(&app, "unpublish");
    let seen = events.next().id;
    for n in 0..250 {
        app.put_title(&format!("t{n:03}"), "clear");
    }
    app.stop();
    drop(events);
    let restarted = app.replica();
    let last_seen = format!("Last-Event-ID: {seen}\r\n");
    // The header counts more than the address, which a browser repeats.
    let mut events = Events::open(restarted.address(), "/v1/changes?since=0", &api_key, &last_seen);
    let mut before = seen;
    for n in 0..250 {
        let change = events.next();
        assert_eq!(change.title["fileId"], format!("t{n:03}"));
        assert!(change.id > before);
        before = change.id;
    }
    let mut all = Events::open(restarted.address(), "/v1/changes?since=0", &api_key, "");
    assert_eq!(all.next().title["fileId"], TITLE, "from the beginning");
    let ahead = format!("/v1/changes?since={}", u64::MAX);
    let mut ahead = Events::open(restarted.address(), &ahead, &api_key, "");
    let delete = Request::new(restarted.address(), "DELETE", "/v1/titles/t000");
    assert_eq!(delete.header("Authorization", &format!("Bearer {api_key}")).send().status, 204);
    assert_eq!(ahead.next().title["fileId"], "t000", "a number that was never given means now");
}

#[test]
fn a_stream_ends_with_the_key_that_opened_it() {
    let app = TestApp::start();
    let made =
        app.authorized("POST", "/v1/api-keys").json(json!({ "name": "n", "scopes": ["read"] }).to_string()).send();
    let made = made.value();
    let mut events = Events::open(app.address(), "/v1/changes", made["text"].as_str().unwrap(), "");
    post(&app, "unpublish");
    assert_eq!(events.next().title["state"], "ready");
    let id = made["apiKeyId"].as_str().unwrap();
    assert_eq!(app.authorized("DELETE", &format!("/v1/api-keys/{id}")).send().status, 204);
    post(&app, "publish");
    events.read_to_its_end();
}

#[test]
fn an_open_stream_keeps_nobody_signed_in() {
    let app = TestApp::start();
    let watching = Person::new(&app);
    let working = Person::again(&app);
    let mut events = Events::of_person(&app, &watching);
    app.clock.advance(6 * 3600);
    post(&app, "unpublish");
    assert_eq!(events.next().title["state"], "ready", "the stream has asked again who it is for");
    assert_eq!(working.request("GET", "/v1/me").send().status, 200);
    app.clock.advance(6 * 3600 + 1);
    assert_eq!(working.request("GET", "/v1/me").send().status, 200, "a use prolongs");
    assert_eq!(watching.request("GET", "/v1/me").send().code(), "sign_in_required");
    post(&app, "publish");
    events.read_to_its_end();
}

#[test]
fn an_unfit_stream_is_refused() {
    let app = TestApp::start();
    let get = |query: &str| app.authorized("GET", &format!("/v1/changes{query}"));
    for query in ["?since=-1", "?since=x", "?since=1&since=2", "?until=1"] {
        assert_eq!(get(query).send().code(), "malformed_request", "{query}");
    }
    assert_eq!(get("").header("Last-Event-ID", "x").send().code(), "malformed_request");
    assert_eq!(app.get("/v1/changes").code(), "api_key_invalid");
    assert_eq!(app.authorized("POST", "/v1/changes").json("{}").send().code(), "method_not_allowed");
}
