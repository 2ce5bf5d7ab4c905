//! Applications, keys, sessions, audit log, decoding of signatures.

use keyveil_protocol::psign::{self, KeyveilClaims, SigningKey};
use serde_json::{Value, json};

use crate::support::{Request, Response, TITLE, TestApp};

fn send(app: &TestApp, method: &str, path: &str, body: &Value) -> Response {
    app.authorized(method, path).json(body.to_string()).send()
}

fn with_key(app: &TestApp, key: &str, method: &str, path: &str) -> Request {
    app.request(method, path).header("Authorization", &format!("Bearer {key}")).json("{}")
}

#[test]
fn an_application_is_shown_and_changed() {
    let app = TestApp::builder().domain("a.example.com").start();
    let path = format!("/v1/apps/{}", app.app_id());
    let shown = app.authorized("GET", &path).send().value();
    assert_eq!((&shown["name"], &shown["domains"]), (&json!("Test"), &json!(["a.example.com"])));
    assert_eq!((&shown["maxAgeSecs"], &shown["defaultWorkflowId"]), (&json!(86_400), &Value::Null));
    let change = json!({
        "name": "New", "domains": ["*.B.example.com", "localhost:3000"], "maxAgeSecs": 60, "defaultWorkflowId": "original",
        "uploadBytesMax": 1_099_511_627_776_u64, "uploadTypes": ["mp4", "3gp"],
    });
    let changed = send(&app, "PATCH", &path, &change).value();
    assert_eq!(changed["domains"], json!(["*.b.example.com", "localhost:3000"]));
    for field in ["name", "maxAgeSecs", "defaultWorkflowId", "uploadBytesMax", "uploadTypes"] {
        assert_eq!(changed[field], change[field], "{field}");
    }
    assert_eq!(send(&app, "PATCH", &path, &json!({ "maxAgeSecs": 61 })).value()["name"], "New", "the rest stays");
    let cleared = send(&app, "PATCH", &path, &json!({ "defaultWorkflowId": null })).value();
    assert_eq!(cleared["defaultWorkflowId"], Value::Null);
    let many: Vec<String> = (0..65).map(|n| format!("d{n}.example.com")).collect();
    for body in [
        json!({ "name": "" }),
        json!({ "domains": ["https://x.com"] }),
        json!({ "domains": many }),
        json!({ "maxAgeSecs": 0 }),
        json!({ "maxAgeSecs": 31_622_401 }),
        json!({ "uploadBytesMax": 0 }),
        json!({ "uploadBytesMax": 1_099_511_627_777_u64 }),
        json!({ "uploadTypes": [] }),
        json!({ "uploadTypes": ["MP4"] }),
        json!({ "uploadTypes": ["a,b"] }),
        json!({ "uploadTypes": vec!["mp4"; 65] }),
        json!({ "appId": 5 }),
    ] {
        assert_eq!(send(&app, "PATCH", &path, &body).code(), "malformed_request", "{body}");
    }
    let unknown = json!({ "name": "Never", "defaultWorkflowId": "nothing" });
    assert_eq!(send(&app, "PATCH", &path, &unknown).code(), "workflow_not_found");
    assert_eq!(app.authorized("GET", &path).send().value()["name"], "New");
    let other = app.replica();
    assert_eq!(other.authorized("GET", &path).send().code(), "not_found");
    assert_eq!(send(&other, "PATCH", &path, &json!({ "name": "Theirs" })).code(), "not_found");
}

#[test]
fn a_retired_signing_key_takes_its_sessions_along() {
    let app = TestApp::start();
    let made = send(&app, "POST", "/v1/signing-keys", &json!({}));
    assert_eq!(made.status, 201);
    let made = made.value();
    let key = SigningKey::new(made["text"].as_str().unwrap().to_owned());
    let kid = made["kid"].as_str().unwrap().parse().unwrap();
    let psign = psign::sign(&app.claims(TITLE), Some(&kid), &key).unwrap();
    let player = app.player();
    let (_, by_new) = player.play(&psign, json!({}));
    let (_, by_old) = player.play_title(TITLE);
    let listed = app.authorized("GET", "/v1/signing-keys").send();
    assert!(!listed.text().contains(made["text"].as_str().unwrap()), "told once");
    assert_eq!(listed.value()["signingKeys"].as_array().unwrap().len(), 2);
    let retire = || app.authorized("DELETE", &format!("/v1/signing-keys/{kid}")).send();
    player.keys(&by_new, json!({ "counter": 1 }));
    assert_eq!(retire().status, 204);
    assert_eq!(retire().code(), "not_found");
    assert_eq!(player.try_keys(&by_new, json!({ "counter": 2 })).code(), "session_invalid");
    assert_eq!(player.try_play(&psign, json!({})).code(), "psign_signature");
    player.keys(&by_old, json!({ "counter": 1 }));
    for _ in 0..3 {
        assert_eq!(send(&app, "POST", "/v1/signing-keys", &json!({})).status, 201);
    }
    assert_eq!(send(&app, "POST", "/v1/signing-keys", &json!({})).code(), "limit_reached");
    assert_eq!(send(&app, "POST", "/v1/signing-keys", &json!({ "kid": "mine" })).code(), "malformed_request");
}

#[test]
fn an_api_key_may_do_what_its_scopes_say_until_it_is_retired() {
    let app = TestApp::start();
    let create = |body: Value| send(&app, "POST", "/v1/api-keys", &body);
    let made = create(json!({ "name": "website", "scopes": ["sign", "read"] }));
    assert_eq!(made.status, 201);
    let made = made.value();
    let (id, text) = (made["apiKeyId"].as_str().unwrap(), made["text"].as_str().unwrap());
    let listed = || {
        let response = app.authorized("GET", "/v1/api-keys").send();
        assert!(!response.text().contains(text), "told once");
        let keys = response.value()["apiKeys"].as_array().unwrap().clone();
        keys.into_iter().find(|key| key["apiKeyId"] == id).unwrap()
    };
    assert_eq!((&listed()["scopes"], &listed()["lastUsedAt"]), (&json!(["read", "sign"]), &Value::Null));
    assert_eq!(with_key(&app, text, "GET", "/v1/titles").send().status, 200);
    let used = listed()["lastUsedAt"].as_u64().unwrap();
    app.clock.advance(30);
    assert_eq!(with_key(&app, text, "GET", "/v1/titles").send().status, 200);
    assert_eq!(listed()["lastUsedAt"], used, "to the minute");
    app.clock.advance(31);
    assert_eq!(with_key(&app, text, "GET", "/v1/titles").send().status, 200);
    assert!(listed()["lastUsedAt"].as_u64().unwrap() > used);
    for (method, path) in [
        ("PATCH", "/v1/titles/film"),
        ("DELETE", "/v1/titles/film"),
        ("POST", "/v1/titles/film/publish"),
        ("PUT", "/v1/titles/x"),
        ("GET", "/v1/api-keys"),
        ("POST", "/v1/api-keys"),
        ("DELETE", "/v1/api-keys/x"),
        ("GET", "/v1/signing-keys"),
        ("POST", "/v1/signing-keys"),
        ("DELETE", "/v1/signing-keys/x"),
        ("GET", "/v1/sessions"),
        ("DELETE", "/v1/sessions/x"),
        ("GET", "/v1/audit"),
        ("PATCH", &format!("/v1/apps/{}", app.app_id())),
    ] {
        assert_eq!(with_key(&app, text, method, path).send().code(), "scope_missing", "{method} {path}");
    }
    let retire = || app.authorized("DELETE", &format!("/v1/api-keys/{id}")).send();
    let stranger = app.replica();
    assert_eq!(stranger.authorized("DELETE", &format!("/v1/api-keys/{id}")).send().code(), "not_found");
    assert_eq!(with_key(&app, text, "GET", "/v1/titles").send().status, 200);
    assert_eq!(retire().status, 204);
    assert_eq!(retire().code(), "not_found");
    assert_eq!(with_key(&app, text, "GET", "/v1/titles").send().code(), "api_key_invalid");
    assert!(listed()["retiredAt"].is_u64());
    for body in [
        json!({ "name": "", "scopes": ["read"] }),
        json!({ "name": "n", "scopes": [] }),
        json!({ "name": "n", "scopes": ["worker"] }),
        json!({ "name": "n", "scopes": ["admin"] }),
        json!({ "name": "n" }),
        json!({ "name": "n", "scopes": ["read"], "text": "x" }),
    ] {
        assert_eq!(create(body.clone()).code(), "malformed_request", "{body}");
    }
}

#[test]
fn sessions_are_listed_and_ended() {
    let app = TestApp::start();
    app.publish("other", "private");
    let play = |file_id: &str, uid: &str| {
        let mut claims = app.claims(file_id);
        claims.keyveil = Some(KeyveilClaims { uid: Some(uid.to_owned()), ..KeyveilClaims::default() });
        app.player().play(&app.sign(&claims), json!({})).1
    };
    let grants = [play(TITLE, "alice"), play(TITLE, "bob"), play("other", "alice")];
    let list = |query: &str| app.authorized("GET", &format!("/v1/sessions?{query}")).send();
    let count = |query: &str| list(query).value()["sessions"].as_array().unwrap().len();
    assert_eq!((count(""), count("fileId=film"), count("uid=alice"), count("uid=alice&fileId=film")), (3, 2, 2, 1));
    let mut seen = Vec::new();
    let mut after = String::new();
    for _ in 0..3 {
        let page = list(&format!("limit=1{after}")).value();
        seen.push(page["sessions"][0]["sessionId"].as_str().unwrap().to_owned());
        after = format!("&after={}", page["next"].as_str().unwrap_or_default());
    }
    assert_eq!(after, "&after=", "the third page is the last");
    let mut all: Vec<String> = grants.iter().map(|grant| grant.session_id.to_string()).collect();
    all.sort();
    seen.sort();
    assert_eq!(seen, all, "each once");
    app.player().keys(&grants[0], json!({}));
    let path = format!("/v1/sessions/{}", grants[0].session_id);
    assert_eq!(app.replica().authorized("DELETE", &path).send().code(), "not_found");
    assert_eq!(app.authorized("DELETE", &path).send().status, 204);
    assert_eq!(app.authorized("DELETE", &path).send().status, 204, "harmless to repeat");
    assert_eq!(app.player().try_keys(&grants[0], json!({ "counter": 2 })).code(), "session_invalid");
    assert_eq!((count("active=true"), count("active=false")), (2, 1));
    let ended = list("active=false").value()["sessions"][0].clone();
    assert_eq!((&ended["uid"], &ended["active"], &ended["releases"]), (&json!("alice"), &json!(false), &json!(2)));
    let audit = app.authorized("GET", "/v1/audit?kind=sessions_revoked").send().value();
    assert_eq!(audit["audit"].as_array().unwrap().len(), 1);
    assert_eq!(audit["audit"][0]["sessionId"], grants[0].session_id.to_string());
    assert_eq!(app.authorized("DELETE", "/v1/sessions/x").send().status, 400);
    for query in ["active=yes", "uid=", "fileId=a%20b", "limit=0", "after=x", "state=x"] {
        assert_eq!(list(query).code(), "malformed_request", "{query}");
    }
}

#[test]
fn the_audit_log_is_listed_newest_first() {
    let app = TestApp::start();
    let (_, grant) = app.player().play_title(TITLE);
    app.publish("other", "private");
    let list = |query: &str| app.authorized("GET", &format!("/v1/audit?{query}")).send();
    let rows = |query: &str| list(query).value()["audit"].as_array().unwrap().clone();
    let all = rows("limit=200");
    let kinds: Vec<&str> = all.iter().map(|row| row["kind"].as_str().unwrap()).collect();
    let expected = [
        "title_published",
        "title_registered",
        "session_started",
        "title_published",
        "title_registered",
        "app_created",
    ];
    assert_eq!(kinds, expected);
    let mut paged = Vec::new();
    let mut after = String::new();
    loop {
        let page = list(&format!("limit=4{after}")).value();
        paged.extend(page["audit"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(paged, all);
    assert_eq!(rows("fileId=other").len(), 2);
    assert_eq!(rows(&format!("sessionId={}", grant.session_id)).len(), 1);
    assert_eq!(rows("kind=title_published&fileId=film").len(), 1);
    let theirs = app.replica().authorized("GET", "/v1/audit").send().value();
    assert_eq!(theirs["audit"].as_array().unwrap().len(), 1, "its own making, and nothing of another application");
    let cursor_of_titles = app.authorized("GET", "/v1/titles?limit=1").send().value()["next"].clone();
    for query in ["limit=0", "kind=", "fileId=a%20b", "sessionId=x", "app=1"] {
        assert_eq!(list(query).code(), "malformed_request", "{query}");
    }
    let foreign = format!("after={}", cursor_of_titles.as_str().unwrap());
    assert_eq!(list(&foreign).code(), "malformed_request");
}

#[test]
fn a_signature_is_decoded_and_judged() {
    let app = TestApp::start();
    let decode = |psign: &str| send(&app, "POST", "/v1/player-signatures/decode", &json!({ "psign": psign }));
    let claims = app.claims(TITLE);
    let decoded = decode(&app.sign(&claims));
    assert!(!decoded.text().contains(app.app.signing_key.expose_text()));
    let decoded = decoded.value();
    assert_eq!((&decoded["valid"], &decoded["code"]), (&json!(true), &Value::Null));
    assert_eq!(decoded["kid"], json!(app.app.signing_key.kid));
    assert_eq!(decoded["claims"]["fileId"], TITLE);
    assert_eq!(decoded["expiresAt"], claims.current_time_stamp + 86_400);
    let mut expired = app.claims(TITLE);
    expired.current_time_stamp -= 100;
    expired.expire_time_stamp = Some(expired.current_time_stamp + 10);
    let decoded = decode(&app.sign(&expired)).value();
    assert_eq!((&decoded["valid"], &decoded["code"]), (&json!(false), &json!("psign_expired")));
    assert_eq!(decoded["expiresAt"], json!(expired.expire_time_stamp), "it says when it expired");
    let forged = psign::sign(&app.claims(TITLE), None, &SigningKey::new("guess".to_owned())).unwrap();
    let decoded = decode(&forged).value();
    assert_eq!((&decoded["code"], &decoded["kid"]), (&json!("psign_signature"), &Value::Null));
    let other = app.replica();
    let theirs = other.sign(&other.claims(TITLE));
    assert_eq!(decode(&theirs).value()["code"], "psign_signature", "another application's is not checked");
    assert_eq!(decode(&app.sign(&app.claims("unknown"))).value()["code"], "title_not_found");
    assert_eq!(decode("a.b.c").value()["code"], "psign_malformed");
    assert_eq!(send(&app, "POST", "/v1/player-signatures/decode", &json!({})).code(), "malformed_request");
}
