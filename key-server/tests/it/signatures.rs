//! Signatures made by the server: with every limit, and by the key that is named.

use keyveil_key_server::actions::apps;
use serde_json::{Value, json};

use crate::support::{Response, TITLE, TestApp};

fn sign(app: &TestApp, body: &Value) -> Response {
    app.authorized("POST", "/v1/player-signatures").json(body.to_string()).send()
}

fn decoded(app: &TestApp, psign: &str) -> Value {
    let body = json!({ "psign": psign }).to_string();
    app.authorized("POST", "/v1/player-signatures/decode").json(body).send().value()
}

fn psign(app: &TestApp, body: &Value) -> String {
    sign(app, body).value()["psign"].as_str().unwrap().to_owned()
}

#[test]
fn every_limit_can_be_signed() {
    let app = TestApp::start();
    let made = psign(
        &app,
        &json!({
            "fileId": TITLE, "expiresInSecs": 600, "minLevel": "sealed", "belowMinLevel": "SD", "uid": "alice", "maxTrack": "SD", "previewSecs": 60, "addressLimit": 9,
            "ip": ["127.0.0.1", "2001:DB8::/32"], "domains": ["*.example.com"], "once": true, "sessions": 2, "us": "campaign-7",
            "watermark": "alice", "resolutionNames": [{ "minEdgeLength": 480, "name": "SD" }], "kid": app.app.signing_key.kid,
        }),
    );
    let decoded = decoded(&app, &made);
    assert_eq!((&decoded["valid"], &decoded["kid"]), (&json!(true), &json!(app.app.signing_key.kid)));
    let claims = &decoded["claims"];
    assert_eq!(claims["urlAccessInfo"], json!({ "exper": 60, "rlimit": 9, "us": "campaign-7" }));
    assert_eq!(
        claims["keyveil"],
        json!({
            "uid": "alice", "maxTrack": "SD", "domains": ["*.example.com"], "sessions": 2, "once": true,
            "ip": ["127.0.0.1", "2001:db8::/32"], "minLevel": "sealed", "belowMinLevel": "SD",
        })
    );
    assert_eq!(claims["ghostWatermarkInfo"], json!({ "text": "alice" }));
    assert_eq!(claims["contentInfo"]["resolutionNames"], json!([{ "minEdgeLength": 480, "name": "SD" }]));

    let plain = psign(&app, &json!({ "fileId": TITLE, "previewSecs": 60, "once": true }));
    let (played, _) = app.player().play(&plain, json!({}));
    assert_eq!(played.preview.map(|preview| preview.segments), Some(10));
    assert_eq!(app.player().try_play(&plain, json!({})).code(), "psign_used");
    let bare = psign(&app, &json!({ "fileId": TITLE }));
    assert!(
        ["urlAccessInfo", "keyveil", "contentInfo"]
            .iter()
            .all(|name| self::decoded(&app, &bare)["claims"].get(name).is_none())
    );
}

#[test]
fn limits_that_make_no_sense_are_not_signed() {
    let app = TestApp::start();
    for (field, value) in [
        ("previewSecs", json!(2_147_483_649_u64)),
        ("previewSecs", json!(-1)),
        ("addressLimit", json!(10)),
        ("ip", json!([])),
        ("ip", json!(["localhost"])),
        ("ip", json!(vec!["127.0.0.1"; 17])),
        ("domains", json!(["https://example.com"])),
        ("domains", json!(vec!["example.com"; 33])),
        ("once", json!(1)),
        ("sessions", json!(0)),
        ("sessions", json!(101)),
        ("us", json!("a b")),
        ("us", json!("u".repeat(65))),
        ("watermark", json!("w".repeat(129))),
        ("resolutionNames", json!(vec![json!({ "minEdgeLength": 1, "name": "n" }); 17])),
        ("kid", json!("unknown")),
        ("minLevel", json!("hardware")),
        ("belowMinLevel", json!("SD")),
        ("colour", json!("blue")),
    ] {
        let mut body = json!({ "fileId": TITLE, "uid": "alice" });
        body[field] = value;
        assert_eq!(sign(&app, &body).code(), "malformed_request", "{body}");
    }
    assert_eq!(sign(&app, &json!({ "fileId": TITLE, "sessions": 1 })).code(), "malformed_request");
    let told = sign(&app, &json!({ "fileId": TITLE, "addressLimit": 10 })).value();
    assert_eq!(told["error"]["detail"], json!("urlAccessInfo.rlimit over 9"));
    assert_eq!(sign(&app, &json!({ "fileId": TITLE, "uid": "alice", "sessions": 1 })).status, 200);
}

#[test]
fn signatures_whose_uses_are_counted_are_never_the_same() {
    let app = TestApp::start();
    let made: std::collections::BTreeSet<String> =
        (0..10).map(|_| psign(&app, &json!({ "fileId": TITLE, "once": true }))).collect();
    assert_eq!(made.len(), 10);
    assert!(made.iter().all(|psign| app.player().try_play(psign, json!({})).status == 200));
}

#[test]
fn two_keys_overlap_and_each_signs_when_named() {
    let app = TestApp::start();
    let old = app.app.signing_key.kid.clone();
    let new = app.block_on(apps::create_signing_key(app.installation(), app.app_id(), json!({}), 1)).unwrap().kid;
    let by = |kid: Option<&keyveil_protocol::KeyId>| psign(&app, &json!({ "fileId": TITLE, "kid": kid }));
    for (asked, kid) in [(None, &new), (Some(&new), &new), (Some(&old), &old)] {
        let psign = by(asked);
        assert_eq!(decoded(&app, &psign)["header"]["kid"], json!(kid));
        app.player().play(&psign, json!({}));
    }
    let before = by(Some(&old));
    assert_eq!(app.authorized("DELETE", &format!("/v1/signing-keys/{old}")).send().status, 204);
    assert_eq!(app.player().try_play(&before, json!({})).code(), "psign_signature");
    assert_eq!(sign(&app, &json!({ "fileId": TITLE, "kid": old })).code(), "malformed_request");
    app.player().play(&by(None), json!({}));
}
