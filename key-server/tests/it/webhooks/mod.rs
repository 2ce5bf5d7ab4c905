//! Events and webhooks: signed, repeated, bounded, told once.

mod delivery;
mod receiver;
mod routes;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64ct::{Base64, Encoding};
use keyveil_key_server::store::{Event, EventType};
use ring::hmac;
use serde_json::{Value, json};

use self::receiver::Receiver;
use crate::support::TestApp;

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
