use keyveil_key_server::actions::apps;
use keyveil_protocol::psign::{self, ContentInfo, SigningKey};
use serde_json::json;

use crate::support::{TITLE, TestApp, jwt};

fn code(app: &TestApp, psign: &str) -> String {
    app.player().try_play(psign, json!({})).code()
}

#[test]
fn what_is_no_signature_is_malformed() {
    let app = TestApp::start();
    let key = app.signing_key();
    let hs256 = json!({ "alg": "HS256", "typ": "JWT" });
    let now = app.now();
    let unbounded = format!("{}.{}", app.sign(&app.claims(TITLE)), "A".repeat(5000));
    let claims = |value| jwt(&hs256, &value, key.expose_secret().as_bytes());
    for psign in [
        String::new(),
        "a.b".to_owned(),
        "a.b.c".to_owned(),
        "..".to_owned(),
        unbounded,
        claims(json!({ "fileId": TITLE, "currentTimeStamp": now })),
        claims(json!({ "appId": app.app_id(), "currentTimeStamp": now })),
        claims(json!({ "appId": app.app_id(), "fileId": TITLE })),
        claims(json!({ "appId": "1", "fileId": TITLE, "currentTimeStamp": now })),
        claims(json!({ "appId": app.app_id(), "fileId": "../x", "currentTimeStamp": now })),
        claims(json!({ "appId": app.app_id(), "fileId": TITLE, "currentTimeStamp": -1 })),
    ] {
        assert_eq!(code(&app, &psign), "psign_malformed", "{psign}");
    }
}

#[test]
fn only_hs256_is_taken() {
    let app = TestApp::start();
    let claims = json!({ "appId": app.app_id(), "fileId": TITLE, "currentTimeStamp": app.now() });
    let key = app.signing_key();
    for alg in ["none", "None", "RS256", "HS512", "hs256", ""] {
        let psign = jwt(&json!({ "alg": alg, "typ": "JWT" }), &claims, key.expose_secret().as_bytes());
        assert_eq!(code(&app, &psign), "psign_algorithm", "{alg}");
    }
    let unsigned = jwt(&json!({ "alg": "none" }), &claims, b"");
    assert_eq!(code(&app, &format!("{}.", unsigned.rsplit_once('.').unwrap().0)), "psign_algorithm");
    let psign = jwt(&json!({ "alg": "HS256", "typ": "JWT" }), &claims, key.expose_secret().as_bytes());
    assert_eq!(app.player().try_play(&psign, json!({})).status, 200);
}

#[test]
fn a_wrong_key_an_unknown_kid_and_an_unknown_app_look_alike() {
    let app = TestApp::start();
    let claims = app.claims(TITLE);
    let kid = &app.app.signing_key.kid;
    let wrong_key = SigningKey::new("another key".to_owned());
    assert_eq!(code(&app, &psign::sign(&claims, Some(kid), &wrong_key).unwrap()), "psign_signature");
    let unknown_kid = "nobody".parse().unwrap();
    assert_eq!(code(&app, &psign::sign(&claims, Some(&unknown_kid), &app.signing_key()).unwrap()), "psign_signature");
    let mut unknown_app = claims.clone();
    unknown_app.app_id = 42.try_into().unwrap();
    assert_eq!(code(&app, &app.sign(&unknown_app)), "psign_signature");
    let genuine = app.sign(&claims);
    let altered = genuine.replacen('.', ".A", 1);
    assert!(matches!(code(&app, &altered).as_str(), "psign_signature" | "psign_malformed"));
    // Two bytes less, so that what remains is still base64url.
    let cut = &genuine[..genuine.len() - 3];
    assert_eq!(code(&app, cut), "psign_signature");
    assert_eq!(app.player().try_play(&genuine, json!({})).status, 200);
}

#[test]
fn keys_rotate_without_a_kid_and_a_retired_key_is_refused() {
    let app = TestApp::start();
    let installation = app.installation();
    let second = app.block_on(apps::create_signing_key(installation, app.app_id(), json!({}), 1)).unwrap();
    let claims = app.claims(TITLE);
    let first_psign = psign::sign(&claims, None, &app.signing_key()).unwrap();
    let second_key = SigningKey::new(second.expose_text().to_owned());
    let second_psign = psign::sign(&claims, None, &second_key).unwrap();
    for psign in [&first_psign, &second_psign] {
        assert_eq!(app.player().try_play(psign, json!({})).status, 200);
    }
    let kid = &app.app.signing_key.kid;
    assert!(app.block_on(apps::retire_signing_key(installation, app.app_id(), kid, json!({}), 2)).unwrap());
    assert_eq!(code(&app, &first_psign), "psign_signature");
    assert_eq!(code(&app, &app.sign(&claims)), "psign_signature");
    assert_eq!(app.player().try_play(&second_psign, json!({})).status, 200);
}

#[test]
fn another_apps_signature_does_not_open_this_apps_title() {
    let app = TestApp::start();
    let other = app.replica();
    assert_eq!(code(&other, &other.sign(&other.claims(TITLE))), "title_not_found");
    let mut claims = other.claims(TITLE);
    claims.app_id = app.app_id();
    assert_eq!(code(&other, &psign::sign(&claims, None, &other.signing_key()).unwrap()), "psign_signature");
}

#[test]
fn times_bound_a_signature_on_both_sides() {
    let app = TestApp::builder().max_age_secs(100).start();
    let now = app.now();
    let psign = |signed_at: u64, expires_at: Option<u64>| {
        let mut claims = app.claims(TITLE);
        claims.current_time_stamp = signed_at;
        claims.expire_time_stamp = expires_at;
        app.sign(&claims)
    };
    let play = |psign: &str| app.player().try_play(psign, json!({}));
    assert_eq!(play(&psign(now, Some(now + 50))).status, 200);
    assert_eq!(play(&psign(now + 30, None)).status, 200, "clocks differ");
    assert_eq!(play(&psign(now - 30, None)).status, 200);
    assert_eq!(play(&psign(now + 50, None)).status, 200);
    assert_eq!(play(&psign(now + 600, None)).code(), "psign_from_future");
    assert_eq!(play(&psign(now - 50, Some(now - 1))).code(), "psign_expired");
    assert_eq!(play(&psign(now - 101, None)).code(), "psign_expired", "no expiry means the app's maximum age");
    assert_eq!(play(&psign(now - 101, Some(now + 9999))).code(), "psign_expired", "an expiry can't outlast it");
    let (response, _) = app.player().play(&psign(now, Some(now + 9999)), json!({}));
    assert_eq!(response.session.expires_at, now + 100);
}

#[test]
fn the_request_cannot_name_another_title() {
    let app = TestApp::start();
    let psign = app.sign(&app.claims(TITLE));
    let player = app.player();
    assert_eq!(player.try_play(&psign, json!({ "fileId": TITLE })).status, 200);
    assert_eq!(player.try_play(&psign, json!({ "fileId": "other" })).code(), "psign_other_title");
    assert_eq!(player.try_play(&psign, json!({ "fileId": "../film" })).code(), "malformed_request");
}

#[test]
fn the_content_type_must_fit_the_title() {
    let app = TestApp::start();
    app.publish("trailer", "clear");
    for (file_id, audio_video_type, fits) in [
        (TITLE, "ProtectedAdaptive", true),
        (TITLE, "RawAdaptive", false),
        (TITLE, "Original", false),
        ("trailer", "RawAdaptive", true),
        ("trailer", "ProtectedAdaptive", false),
    ] {
        let mut claims = app.claims(file_id);
        let audio_video_type = Some(audio_video_type.to_owned());
        claims.content_info = Some(ContentInfo { audio_video_type, resolution_names: Vec::new() });
        let response = app.player().try_play(&app.sign(&claims), json!({}));
        if fits { assert_eq!(response.status, 200) } else { assert_eq!(response.code(), "psign_content_type") }
    }
}
