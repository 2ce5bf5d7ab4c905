//! What an application asks of its webhooks and events.

use super::*;

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
    let stored = app.database().stored();
    assert!(stored.holds(first["webhookId"].as_str().unwrap()), "the search looks at the database");
    assert!(!stored.holds(first["secret"].as_str().unwrap()));
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
