use keyveil_protocol::SessionId;
use keyveil_protocol::psign::{KeyveilClaims, UrlAccessInfo};
use serde_json::{Value, json};

use super::{at_once, behind_proxy, count_and_refusals, once, rlimit, vendor};
use crate::support::{Player, TITLE, TestApp};

fn for_viewer(app: &TestApp, uid: &str, sessions: Option<u32>, expires_in: u64) -> String {
    let mut claims = app.claims(TITLE);
    claims.keyveil = Some(KeyveilClaims { uid: Some(uid.to_owned()), sessions, ..KeyveilClaims::default() });
    claims.expire_time_stamp = Some(app.now() + expires_in);
    app.sign(&claims)
}

fn session(app: &TestApp, id: SessionId) -> Value {
    app.authorized("GET", &format!("/v1/sessions/{id}")).send().value()
}

#[test]
fn of_twenty_requests_at_once_a_signature_for_one_use_opens_one() {
    let app = TestApp::start();
    let players: Vec<_> = (0..20).map(|_| app.player()).collect();
    assert_eq!(count_and_refusals(&at_once(&players, &once(&app, TITLE)), "psign_used"), 1);
    assert_eq!(count_and_refusals(&at_once(&players, &app.sign(&app.claims(TITLE))), ""), 20);
}

#[test]
fn a_refused_request_does_not_use_a_signature_up() {
    let app = TestApp::start();
    let psign = once(&app, TITLE);
    assert_eq!(app.player().try_play(&psign, json!({ "buildId": "unknown" })).code(), "build_unknown");
    assert_eq!(app.player().try_play(&psign, json!({ "publicKey": "A" })).code(), "public_key_invalid");
    let (_, grant) = app.player().play(&psign, json!({}));
    assert_eq!(app.player().try_play(&psign, json!({})).code(), "psign_used");
    assert_eq!(app.replica().player().try_play(&psign, json!({})).code(), "psign_used");
    app.player().keys(&grant, json!({}));
}

#[test]
fn a_used_signature_stays_used_as_long_as_it_could_be_valid() {
    let app = TestApp::builder().max_age_secs(100).start();
    let psign = once(&app, TITLE);
    app.player().play(&psign, json!({}));
    app.clock.advance(200);
    let store = app.installation().store();
    let now = i64::try_from(app.now()).unwrap();
    assert_eq!(app.block_on(store.delete_signature_uses_before(now)).unwrap(), 0);
    let change = json!({ "maxAgeSecs": 86_400 }).to_string();
    let path = format!("/v1/apps/{}", app.app_id());
    assert_eq!(app.authorized("PATCH", &path).json(change).send().status, 200);
    assert_eq!(app.player().try_play(&psign, json!({})).code(), "psign_used");
    assert_eq!(app.block_on(store.delete_signature_uses_before(now + 367 * 86_400)).unwrap(), 1);
}

#[test]
fn a_renewal_uses_a_signature_for_one_use_up() {
    let app = TestApp::start();
    let player = app.player();
    let sign = |expires_in: u64| {
        let mut claims = app.claims(TITLE);
        claims.expire_time_stamp = Some(app.now() + expires_in);
        claims.keyveil = Some(KeyveilClaims { once: true, ..KeyveilClaims::default() });
        app.sign(&claims)
    };
    let (_, grant) = player.play(&sign(100), json!({}));
    let sooner = sign(50);
    player.keys(&grant, json!({ "counter": 1, "psign": sooner }));
    player.play(&sooner, json!({}));
    let later = sign(2000);
    let (renewed, _) = player.keys(&grant, json!({ "counter": 2, "psign": later }));
    assert!(renewed.session.expires_at > grant.expires_at);
    assert_eq!(player.try_play(&later, json!({})).code(), "psign_used");
    let used = sign(3000);
    player.play(&used, json!({}));
    assert_eq!(player.try_keys(&grant, json!({ "counter": 3, "psign": used })).code(), "psign_used");
    player.keys(&grant, json!({ "counter": 3 }));
}

#[test]
fn a_signature_for_some_pages_holds_at_keys_too() {
    let app = TestApp::builder().domain("*.example.com").start();
    let (allowed, other) = ("https://a.example.com", "https://b.example.com");
    let lists = [
        UrlAccessInfo { domain: Some("a.example.com c.example.com".to_owned()), ..UrlAccessInfo::default() },
        UrlAccessInfo { domain: Some("a.example.com".to_owned()), ..UrlAccessInfo::default() },
    ];
    for info in lists {
        let mut claims = app.claims(TITLE);
        claims.url_access_info = Some(info);
        let domains = vec!["a.example.com".to_owned()];
        claims.keyveil = Some(KeyveilClaims { domains, ..KeyveilClaims::default() });
        let psign = app.sign(&claims);
        assert_eq!(app.player().try_play(&psign, json!({})).code(), "origin_not_allowed");
        let player = app.player().on_page(allowed);
        let (_, grant) = player.play(&psign, json!({}));
        let keys = |counter: u64, origin: Option<&str>| {
            let exchange = keyveil_protocol::Exchange::generate(&mut Player::rng());
            let request = player.keys_request(&grant, &exchange, json!({ "counter": counter })).0;
            match origin {
                Some(origin) => request.header("Origin", origin),
                None => request,
            }
            .send()
        };
        assert_eq!(keys(1, Some(other)).code(), "origin_not_allowed");
        assert_eq!(keys(1, None).code(), "origin_not_allowed");
        assert_eq!(keys(1, Some(allowed)).status, 200);
    }
}

#[test]
fn a_further_session_of_a_viewer_ends_the_oldest() {
    let app = TestApp::start();
    let player = app.player();
    let play = |uid: &str| {
        app.clock.advance(1);
        player.play(&for_viewer(&app, uid, Some(2), 5000), json!({})).1
    };
    let (first, second, other, third) = (play("alice"), play("alice"), play("bob"), play("alice"));
    assert_eq!(player.try_keys(&first, json!({})).code(), "session_superseded");
    for grant in [&second, &third, &other] {
        player.keys(grant, json!({ "counter": 1 }));
    }
    let ended = session(&app, first.session_id);
    assert_eq!((&ended["endedBy"], &ended["active"]), (&json!("superseded"), &json!(false)));
    assert_eq!(session(&app, second.session_id)["endedBy"], Value::Null);
    let audit = app.authorized("GET", "/v1/audit?kind=sessions_revoked").send().value();
    assert_eq!(audit["audit"][0]["sessionId"], json!(first.session_id));
    assert_eq!(audit["audit"][0]["detail"]["supersededBy"], json!(third.session_id));
    player.play(&for_viewer(&app, "alice", None, 5000), json!({}));
    player.keys(&second, json!({ "counter": 2 }));
}

#[test]
fn sessions_that_are_over_take_no_room() {
    let app = TestApp::start();
    let player = app.player();
    player.play(&for_viewer(&app, "alice", Some(2), 10), json!({}));
    let (_, second) = player.play(&for_viewer(&app, "alice", Some(2), 5000), json!({}));
    app.clock.advance(100);
    player.play(&for_viewer(&app, "alice", Some(2), 5000), json!({}));
    player.keys(&second, json!({}));
}

#[test]
fn of_twenty_sessions_at_once_as_many_stay_as_allowed() {
    let app = TestApp::start();
    let players: Vec<_> = (0..20).map(|_| app.player()).collect();
    let active = |uid: &str| {
        let page = app.authorized("GET", &format!("/v1/sessions?active=true&uid={uid}")).send().value();
        page["sessions"].as_array().unwrap().len()
    };
    let answers = at_once(&players, &for_viewer(&app, "alice", Some(3), 5000));
    assert_eq!((count_and_refusals(&answers, ""), active("alice")), (20, 3));
    at_once(&players, &for_viewer(&app, "bob", None, 5000));
    assert_eq!(active("bob"), 20);
}

#[test]
fn clear_titles_have_the_same_limits() {
    let app = behind_proxy();
    app.publish("trailer", "clear");
    let play = |psign: &str, address: &str| app.player().at(address).try_play(psign, json!({}));
    let single = once(&app, "trailer");
    assert_eq!(play(&single, "203.0.113.1").status, 200);
    assert_eq!(play(&single, "203.0.113.1").code(), "psign_used");
    let limited = rlimit(&app, "trailer", 1);
    assert_eq!(play(&limited, "203.0.113.1").status, 200);
    assert_eq!(play(&limited, "203.0.113.2").code(), "address_limit");
    assert_eq!(play(&limited, "203.0.113.1").status, 200);
}

#[test]
fn a_mark_is_kept_with_the_session() {
    let app = TestApp::start();
    let mark = |us: &str| vendor(&app, TITLE, UrlAccessInfo { us: Some(us.to_owned()), ..UrlAccessInfo::default() });
    let (_, marked) = app.player().play(&mark("campaign-7"), json!({}));
    let (_, other) = app.player().play(&mark("campaign-8"), json!({}));
    app.player().play_title(TITLE);
    let list = |query: &str| app.authorized("GET", &format!("/v1/sessions?{query}")).send().value()["sessions"].clone();
    let found = list("us=campaign-7");
    assert_eq!((found.as_array().unwrap().len(), &found[0]["us"]), (1, &json!("campaign-7")));
    assert_eq!(found[0]["sessionId"], json!(marked.session_id));
    assert_eq!(session(&app, other.session_id)["us"], json!("campaign-8"));
    assert_eq!(list("").as_array().unwrap().len(), 3);
    assert_eq!(list("us=nobody").as_array().unwrap().len(), 0);
}
