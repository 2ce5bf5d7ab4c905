//! Deliveries, and their repetitions.

use super::*;

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
