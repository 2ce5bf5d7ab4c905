//! Events and webhooks: signed, repeated, bounded, told once.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64ct::{Base64, Encoding};
use keyveil_key_server::store::{Event, EventType};
use ring::hmac;
use serde_json::{Value, json};

use crate::support::TestApp;

/// What a receiver got.
#[derive(Clone, Debug)]
struct Received {
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Received {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.as_str()).unwrap()
    }

    fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Answers the n-th request with `answer(n)`: a status, or none for silence as long as the receiver lives.
struct Receiver {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
    silent: Arc<Mutex<Vec<TcpStream>>>,
}

impl Receiver {
    fn start(answer: impl Fn(usize) -> Option<&'static str> + Send + Sync + 'static) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap(), answer)
    }

    fn listen(listener: TcpListener, answer: impl Fn(usize) -> Option<&'static str> + Send + Sync + 'static) -> Self {
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let silent = Arc::new(Mutex::new(Vec::new()));
        let (log, held) = (Arc::clone(&received), Arc::clone(&silent));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(request) = read_request(&mut stream) else { continue };
                let number = {
                    let mut log = log.lock().unwrap();
                    log.push(request);
                    log.len() - 1
                };
                match answer(number) {
                    None => held.lock().unwrap().push(stream),
                    Some(status) => {
                        let location = "Location: http://127.0.0.1:1/elsewhere\r\n";
                        let head =
                            format!("HTTP/1.1 {status}\r\n{location}Content-Length: 2\r\nConnection: close\r\n\r\nok");
                        let _ = stream.write_all(head.as_bytes());
                    }
                }
            }
        });
        Self { url, received, silent }
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    fn wait_for(&self, count: usize) -> Vec<Received> {
        wait_until(&format!("{count} requests"), || self.received().len() >= count);
        self.received()
    }
}

fn read_request(stream: &mut TcpStream) -> Option<Received> {
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut raw = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let len = stream.read(&mut chunk).ok().filter(|len| *len > 0)?;
        raw.extend_from_slice(&chunk[..len]);
        let Some(end) = raw.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(raw[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let path = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let body_len: usize = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().unwrap();
        if raw.len() >= end + 4 + body_len {
            return Some(Received { path, headers, body: raw[end + 4..].to_vec() });
        }
    }
}

/// Gives up only when something hangs.
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..600 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("never: {what}");
}

fn start() -> TestApp {
    TestApp::builder().allow_private().start()
}

fn add(app: &TestApp, url: &str, types: &[&str]) -> Value {
    let body = json!({ "url": url, "types": types }).to_string();
    let response = app.authorized("POST", "/v1/webhooks").json(body).send();
    assert_eq!(response.status, 201, "{}", response.text());
    response.value()
}

fn deliveries(app: &TestApp, webhook: &Value) -> Vec<Value> {
    let path = format!("/v1/webhooks/{}/deliveries", webhook["webhookId"].as_str().unwrap());
    let page = app.authorized("GET", &path).send().value();
    page["deliveries"].as_array().unwrap().clone()
}

/// Waits for the webhook's one delivery to look like that.
fn wait_for_delivery(app: &TestApp, webhook: &Value, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    wait_until(what, || holds(&deliveries(app, webhook)[0]));
    deliveries(app, webhook)[0].clone()
}

/// One event, as an action writes it.
fn tell(app: &TestApp, kind: EventType, file_id: &str) {
    let event = Event {
        kind,
        app_id: app.app_id(),
        file_id: Some(file_id.parse().unwrap()),
        data: json!({ "state": "deleted" }),
    };
    app.block_on(async {
        let mut write = app.installation().store().write().await.unwrap();
        write.append_event(&event, i64::try_from(app.now()).unwrap()).await.unwrap();
        write.commit().await.unwrap();
    });
}

fn delete_title(app: &TestApp, file_id: &str) {
    tell(app, EventType::TitleDeleted, file_id);
}

const DELETED: &[&str] = &["title.deleted"];

#[test]
fn a_delivery_is_signed_so_that_its_receiver_can_tell() {
    let app = start();
    let receiver = Receiver::start(|_| Some("200 OK"));
    let webhook = add(&app, &receiver.url, DELETED);
    delete_title(&app, "gone");
    let got = receiver.wait_for(1)[0].clone();
    assert_eq!((got.path.as_str(), got.header("content-type")), ("/hook", "application/json"));
    let event = got.value();
    assert_eq!((&event["type"], &event["fileId"]), (&json!("title.deleted"), &json!("gone")));
    assert_eq!((&event["appId"], &event["eventId"]), (&json!(app.app_id()), &json!(got.header("webhook-id"))));

    let secret = webhook["secret"].as_str().unwrap().strip_prefix("whsec_").unwrap();
    let secret = Base64::decode_vec(secret).unwrap();
    assert_eq!(secret.len(), 32);
    let timestamp = got.header("webhook-timestamp");
    assert!(timestamp.parse::<u64>().unwrap().abs_diff(app.now()) < 60);
    let signed = [got.header("webhook-id").as_bytes(), b".", timestamp.as_bytes(), b".", &got.body].concat();
    let tag = got.header("webhook-signature").strip_prefix("v1,").unwrap();
    let tag = Base64::decode_vec(tag).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
    hmac::verify(&key, &signed, &tag).expect("the signature");
    assert!(hmac::verify(&key, &signed[1..], &tag).is_err());

    let delivered = wait_for_delivery(&app, &webhook, "delivered", |one| one["state"] == "delivered");
    assert_eq!((&delivered["attempt"], &delivered["lastStatus"]), (&json!(1), &json!(200)));
    assert_eq!((&delivered["nextAt"], &delivered["lastError"]), (&Value::Null, &Value::Null));
    let listed = app.authorized("GET", "/v1/events?fileId=gone&type=title.deleted").send().value();
    assert_eq!(listed["events"], json!([event]));
    let shown = app.authorized("GET", &format!("/v1/webhooks/{}", webhook["webhookId"].as_str().unwrap())).send();
    assert!(!shown.text().contains("whsec_"), "told once");
}

#[test]
fn what_fails_is_repeated_on_schedule_and_redirects_are_not_followed() {
    let app = start();
    let receiver = Receiver::start(|n| Some(["500 Oops", "302 Found", "204 No Content"][n.min(2)]));
    let webhook = add(&app, &receiver.url, DELETED);
    delete_title(&app, "gone");
    let first = wait_for_delivery(&app, &webhook, "a failure", |one| one["lastStatus"] == 500);
    assert_eq!((&first["state"], &first["attempt"]), (&json!("pending"), &json!(1)));
    assert_eq!(first["lastError"], "The receiver answered 500.");
    assert!(first["nextAt"].as_u64().unwrap().abs_diff(app.now() + 5) <= 2);
    app.clock.advance(6);
    let second = wait_for_delivery(&app, &webhook, "another failure", |one| one["lastStatus"] == 302);
    assert!(second["nextAt"].as_u64().unwrap().abs_diff(app.now() + 30) <= 2);
    app.clock.advance(31);
    let third = wait_for_delivery(&app, &webhook, "success", |one| one["state"] == "delivered");
    assert_eq!(third["attempt"], 3);
    let got = receiver.received();
    assert!(got.iter().all(|one| one.path == "/hook" && one.body == got[0].body));
    assert!(got.iter().all(|one| one.header("webhook-id") == got[0].header("webhook-id")));
    assert_ne!(got[0].header("webhook-signature"), got[2].header("webhook-signature"), "signed at another time");
}

#[test]
fn a_receiver_that_stays_down_is_given_up_after_a_day() {
    let app = start();
    let down = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", down.local_addr().unwrap());
    drop(down);
    let webhook = add(&app, &url, DELETED);
    delete_title(&app, "gone");
    for (attempt, wait) in [(1, 5), (2, 30), (3, 120), (4, 600), (5, 1800), (6, 3600), (7, 3600)] {
        let failed = wait_for_delivery(&app, &webhook, "an attempt", |one| {
            one["attempt"] == attempt && one["lastError"].is_string() && one["nextAt"].as_u64() > Some(app.now())
        });
        assert_eq!((&failed["state"], &failed["lastStatus"]), (&json!("pending"), &Value::Null));
        assert!(failed["nextAt"].as_u64().unwrap().abs_diff(app.now() + wait) <= 2, "{failed}");
        app.clock.advance(i64::try_from(wait).unwrap() + 1);
    }
    app.clock.advance(24 * 3600);
    let last = wait_for_delivery(&app, &webhook, "given up", |one| one["state"] == "failed");
    assert_eq!(last["nextAt"], Value::Null);
    assert!(last["lastError"].as_str().unwrap().contains("can't be reached"), "{last}");
}

#[test]
fn a_silent_receiver_holds_up_nobody_else_and_gets_two_at_once() {
    let app = start();
    let silent = Receiver::start(|_| None);
    let prompt = Receiver::start(|_| Some("200 OK"));
    let silent_webhook = add(&app, &silent.url, DELETED);
    add(&app, &prompt.url, DELETED);
    for n in 0..5 {
        delete_title(&app, &format!("gone-{n}"));
    }
    prompt.wait_for(5);
    silent.wait_for(2);
    assert_eq!(silent.received().len(), 2, "while two are unanswered");
    assert_eq!(silent.silent.lock().unwrap().len(), 2);
    let waiting = deliveries(&app, &silent_webhook);
    assert!(waiting.iter().all(|one| one["state"] == "pending"));
    // The two end in time, and the others get their turn.
    silent.wait_for(4);
    let timed_out = deliveries(&app, &silent_webhook);
    let sentences: Vec<_> = timed_out.iter().filter_map(|one| one["lastError"].as_str()).collect();
    assert!(sentences.iter().all(|text| text.contains("did not answer")) && sentences.len() >= 2, "{sentences:?}");
}

#[test]
fn two_servers_deliver_each_event_once() {
    let app = start();
    let receiver = Receiver::start(|_| Some("200 OK"));
    let webhook = add(&app, &receiver.url, DELETED);
    let _replica = app.replica();
    for n in 0..8 {
        delete_title(&app, &format!("gone-{n}"));
    }
    wait_until("all delivered", || deliveries(&app, &webhook).iter().all(|one| one["state"] == "delivered"));
    let mut ids: Vec<_> = receiver.received().iter().map(|one| one.header("webhook-id").to_owned()).collect();
    ids.sort();
    assert_eq!(ids.len(), 8);
    ids.dedup();
    assert_eq!(ids.len(), 8);
    assert!(deliveries(&app, &webhook).iter().all(|one| one["attempt"] == 1));
}

#[test]
fn pending_deliveries_outlive_the_server() {
    let mut app = start();
    let reserved = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = reserved.local_addr().unwrap();
    drop(reserved);
    let webhook = add(&app, &format!("http://{address}/hook"), DELETED);
    delete_title(&app, "gone");
    wait_for_delivery(&app, &webhook, "a failure", |one| one["lastError"].is_string());
    app.stop();
    let receiver = Receiver::listen(TcpListener::bind(address).unwrap(), |_| Some("200 OK"));
    let next = app.replica();
    next.clock.advance(60);
    let got = receiver.wait_for(1);
    assert_eq!(got[0].value()["fileId"], "gone");
}

#[test]
fn events_and_deliveries_are_sent_again_on_request() {
    let app = start();
    let receiver = Receiver::start(|_| Some("200 OK"));
    let webhook = add(&app, &receiver.url, DELETED);
    tell(&app, EventType::TitlePublished, "gone");
    delete_title(&app, "gone");
    let event = receiver.wait_for(1)[0].value();
    let event_id = event["eventId"].as_str().unwrap();
    let post = |path: &str| app.authorized("POST", path).json("{}").send();
    assert_eq!(post(&format!("/v1/events/{event_id}/resend")).status, 204);
    assert_eq!(receiver.wait_for(2)[1].value(), event);
    let path = format!("/v1/webhooks/{}/deliveries", webhook["webhookId"].as_str().unwrap());
    let first = deliveries(&app, &webhook)[1]["deliveryId"].as_str().unwrap().to_owned();
    let again = post(&format!("{path}/{first}/resend"));
    assert_eq!(again.status, 200, "{}", again.text());
    assert_ne!(again.value()["deliveryId"], json!(first));
    assert_eq!(receiver.wait_for(3)[2].value(), event);
    assert_eq!(post("/v1/events/ev_unknown/resend").code(), "not_found");
    assert_eq!(post(&format!("{path}/dl_unknown/resend")).code(), "not_found");

    let page = app.authorized("GET", &format!("{path}?limit=2")).send().value();
    assert_eq!(page["deliveries"].as_array().unwrap().len(), 2);
    let rest = app.authorized("GET", &format!("{path}?limit=2&after={}", page["next"].as_str().unwrap())).send();
    assert_eq!((rest.value()["deliveries"].as_array().unwrap().len(), &rest.value()["next"]), (1, &Value::Null));
    let events = app.authorized("GET", "/v1/events?limit=1").send().value();
    assert_eq!(events["events"][0]["eventId"], event_id, "newest first");
    let next = events["next"].as_str().unwrap();
    let older = app.authorized("GET", &format!("/v1/events?limit=1&after={next}")).send().value();
    assert_ne!(older["events"][0]["eventId"], event_id);
    for query in ["limit=0", "limit=201", "after=x", "type=unknown", "fileId=%20", "unknown=1"] {
        assert_eq!(app.authorized("GET", &format!("/v1/events?{query}")).send().code(), "malformed_request", "{query}");
    }
}

#[test]
fn a_webhook_is_told_only_what_it_wants_and_only_of_its_application() {
    let app = start();
    let other = app.replica();
    let receiver = Receiver::start(|_| Some("200 OK"));
    let webhook = add(&app, &receiver.url, DELETED);
    let path = format!("/v1/webhooks/{}", webhook["webhookId"].as_str().unwrap());
    let everything = Receiver::start(|_| Some("200 OK"));
    add(&app, &everything.url, &[]);
    delete_title(&other, "of-the-other");
    tell(&app, EventType::TitlePublished, "gone");
    delete_title(&app, "gone");
    wait_until("both told", || {
        !receiver.received().is_empty()
            && everything.received().iter().any(|one| one.value()["type"] == "title.deleted")
    });
    assert_eq!(receiver.received().len(), 1);
    assert!(everything.received().iter().all(|one| one.value()["appId"] == json!(app.app_id())));

    for method in ["GET", "DELETE"] {
        assert_eq!(other.authorized(method, &path).send().code(), "not_found", "{method}");
    }
    assert_eq!(other.authorized("PATCH", &path).json("{}").send().code(), "not_found");
    assert_eq!(other.authorized("GET", "/v1/webhooks").send().value()["webhooks"], json!([]));
    let off = app.authorized("PATCH", &path).json(r#"{"enabled":false}"#).send();
    assert_eq!((off.status, &off.value()["enabled"], &off.value()["types"]), (200, &json!(false), &json!(DELETED)));
    delete_title(&app, "unnoticed");
    assert_eq!(deliveries(&app, &webhook).len(), 1);
    assert_eq!(app.authorized("DELETE", &path).send().status, 204);
    assert_eq!(app.authorized("GET", &path).send().code(), "not_found");
}

#[test]
fn an_address_inside_is_refused_and_numbers_are_bounded() {
    let strict = TestApp::start();
    let add_to = |app: &TestApp, url: &str| {
        app.authorized("POST", "/v1/webhooks").json(json!({ "url": url }).to_string()).send()
    };
    for url in [
        "https://127.0.0.1/",
        "https://10.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/",
        "http://1.1.1.1/",
        "ftp://1.1.1.1/",
        "https://user:secret@1.1.1.1/",
        "nowhere",
        "",
    ] {
        assert_eq!(add_to(&strict, url).code(), "url_refused", "{url}");
    }
    let long = format!("https://1.1.1.1/{}", "x".repeat(2048));
    assert_eq!(add_to(&strict, &long).code(), "url_refused");
    let unknown_kind = json!({ "url": "https://1.1.1.1/", "types": ["title.invented"] }).to_string();
    let refused = strict.authorized("POST", "/v1/webhooks").json(unknown_kind).send();
    assert!(refused.value()["error"]["detail"].as_str().unwrap().contains("types"));
    for _ in 0..16 {
        assert_eq!(add_to(&strict, "https://1.1.1.1/").status, 201);
    }
    assert_eq!(add_to(&strict, "https://1.1.1.1/").code(), "limit_reached");
}

#[test]
fn a_repeated_create_tells_the_same_secret() {
    let app = start();
    let create = || {
        let request = app.authorized("POST", "/v1/webhooks").header("Idempotency-Key", "hook-1");
        request.json(r#"{"url":"http://127.0.0.1:1/"}"#).send()
    };
    let first = create().value();
    assert!(first["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!(create().value(), first);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&app.config.data.dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            found.extend(std::fs::read(path).unwrap());
        }
    }
    let holds = |text: &str| found.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds(first["webhookId"].as_str().unwrap()), "the search looks at the database");
    assert!(!holds(first["secret"].as_str().unwrap()));
}

#[test]
fn events_are_forgotten_after_30_days() {
    let app = start();
    let receiver = Receiver::start(|_| Some("200 OK"));
    let webhook = add(&app, &receiver.url, DELETED);
    delete_title(&app, "gone");
    receiver.wait_for(1);
    wait_for_delivery(&app, &webhook, "delivered", |one| one["state"] == "delivered");
    let store = app.installation().store();
    let now = i64::try_from(app.now()).unwrap();
    let sweep = |now: i64| app.block_on(store.sweep_events(now - 30 * 24 * 3600, now)).unwrap();
    assert_eq!(sweep(now), 0);
    assert_eq!(deliveries(&app, &webhook).len(), 1);
    assert!(sweep(now + 30 * 24 * 3600 + 60) > 0);
    assert_eq!(deliveries(&app, &webhook).len(), 0);
    assert_eq!(app.authorized("GET", "/v1/events").send().value()["events"], json!([]));
}
