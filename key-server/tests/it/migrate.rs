//! Signatures as a vendor's documents have its customers make them: only secret, numbers and times are ours.

use keyveil_protocol::Exchange;
use serde_json::{Value, json};

use crate::support::{Player, Response, TITLE, TestApp, jwt};

const HOUR: u64 = 3600;

/// Header and key as the documents say: no `kid`, HMAC over the text of the key.
fn psign(app: &TestApp, payload: &Value) -> String {
    jwt(&json!({ "alg": "HS256", "typ": "JWT" }), payload, app.signing_key().expose_secret().as_bytes())
}

/// Every parameter of the documents' tables.
fn documented(app: &TestApp) -> Value {
    let (now, end) = (app.now(), app.now() + HOUR);
    json!({
        "appId": app.app_id(),
        "fileId": TITLE,
        "contentInfo": {
            "audioVideoType": "ProtectedAdaptive",
            "drmAdaptiveInfo": { "privateEncryptionDefinition": 12 },
            "imageSpriteDefinition": 10,
            "resolutionNames": [
                { "MinEdgeLength": 240, "Name": "240P" }, { "MinEdgeLength": 480, "Name": "480P" },
                { "MinEdgeLength": 720, "Name": "720P" }, { "MinEdgeLength": 1080, "Name": "1080P" },
                { "MinEdgeLength": 1440, "Name": "2K" }, { "MinEdgeLength": 2160, "Name": "4K" },
            ],
        },
        "currentTimeStamp": now,
        "expireTimeStamp": end,
        "urlAccessInfo": {
            "t": format!("{end:x}"), "exper": 30, "rlimit": 3, "us": "72d4cd1101", "domain": "Default", "scheme": "HTTPS",
        },
        "drmLicenseInfo": {
            "expireTimeStamp": now + HOUR / 2, "persistent": "ON", "rentalDuration": 3600, "forceL1TrackTypes": ["AUDIO", "SD"],
        },
        "ghostWatermarkInfo": { "text": "viewer 7" },
    })
}

fn without(payload: &Value, field: &str) -> Value {
    let mut payload = payload.clone();
    payload.as_object_mut().unwrap().remove(field);
    payload
}

fn play(app: &TestApp, payload: &Value) -> Response {
    app.player().try_play(&psign(app, payload), json!({}))
}

fn decode(app: &TestApp, psign: &str) -> Value {
    let request = app.authorized("POST", "/v1/player-signatures/decode");
    let response = request.json(json!({ "psign": psign }).to_string()).send();
    assert_eq!(response.status, 200);
    response.value()
}

#[test]
fn a_psign_with_every_documented_parameter_plays_with_what_it_says() {
    let app = TestApp::start();
    let payload = documented(&app);
    let decoded = decode(&app, &psign(&app, &payload));
    assert_eq!((&decoded["valid"], &decoded["code"]), (&json!(true), &Value::Null), "{decoded}");
    let (answer, _) = app.player().play(&psign(&app, &payload), json!({}));
    assert_eq!(json!(answer.session.expires_at), payload["drmLicenseInfo"]["expireTimeStamp"], "the first of its ends");
    assert_eq!(answer.watermark.as_deref(), Some("viewer 7"));
    let names: Vec<_> =
        answer.resolution_names.iter().map(|entry| (entry.min_edge_length, entry.name.as_str())).collect();
    assert_eq!(names.first(), Some(&(240, "240P")));
    assert_eq!(names.last(), Some(&(2160, "4K")));
    assert!(answer.preview.is_some(), "exper is a preview");
}

#[test]
fn each_group_of_parameters_may_be_left_out() {
    let app = TestApp::start();
    let payload = documented(&app);
    for field in ["contentInfo", "expireTimeStamp", "urlAccessInfo", "drmLicenseInfo", "ghostWatermarkInfo"] {
        assert_eq!(play(&app, &without(&payload, field)).status, 200, "{field}");
    }
    for field in ["appId", "fileId", "currentTimeStamp"] {
        assert_eq!(play(&app, &without(&payload, field)).code(), "psign_malformed", "{field}");
    }
}

#[test]
fn parameters_left_empty_set_nothing() {
    let app = TestApp::start();
    let mut payload = documented(&app);
    payload["urlAccessInfo"] = json!({ "t": "", "exper": 0, "rlimit": 0, "us": "", "domain": "", "scheme": "" });
    payload["contentInfo"]["resolutionNames"] = json!([]);
    let (answer, _) = app.player().play(&psign(&app, &payload), json!({}));
    assert_eq!(json!(answer.session.expires_at), payload["drmLicenseInfo"]["expireTimeStamp"]);
    assert!(answer.preview.is_none());
}

#[test]
fn the_older_form_with_a_player_configuration_plays() {
    let app = TestApp::start();
    let (now, end) = (app.now(), app.now() + HOUR);
    let payload = json!({
        "appId": app.app_id(), "fileId": TITLE, "currentTimeStamp": now, "expireTimeStamp": end, "pcfg": "advanceDrmPreset",
        "urlAccessInfo": { "t": format!("{end:x}") }, "drmLicenseInfo": { "expireTimeStamp": end },
    });
    assert_eq!(play(&app, &payload).status, 200);
}

#[test]
fn unencrypted_adaptive_output_is_a_clear_title() {
    let app = TestApp::start();
    app.publish("trailer", "clear");
    let mut payload = documented(&app);
    payload["fileId"] = json!("trailer");
    payload["contentInfo"] =
        json!({ "audioVideoType": "RawAdaptive", "rawAdaptiveDefinition": 10, "imageSpriteDefinition": 10 });
    assert_eq!(play(&app, &payload).status, 200);
    for without_counterpart in ["Transcode", "Original"] {
        payload["contentInfo"]["audioVideoType"] = json!(without_counterpart);
        assert_eq!(play(&app, &payload).code(), "psign_content_type");
    }
}

#[test]
fn a_documented_psign_with_another_secret_or_past_its_ends_is_refused() {
    let app = TestApp::start();
    let payload = documented(&app);
    let header = json!({ "alg": "HS256", "typ": "JWT" });
    let foreign = jwt(&header, &payload, b"the secret it was signed with at the vendor");
    assert_eq!(app.player().try_play(&foreign, json!({})).code(), "psign_signature");
    for (pointer, past) in [
        ("/expireTimeStamp", json!(app.now() - 1)),
        ("/urlAccessInfo/t", json!(format!("{:X}", app.now() - 1))),
        ("/drmLicenseInfo/expireTimeStamp", json!(app.now() - 1)),
    ] {
        let mut ended = payload.clone();
        *ended.pointer_mut(pointer).unwrap() = past;
        assert_eq!(play(&app, &ended).code(), "psign_expired", "{pointer}");
    }
    assert_eq!(play(&app, &payload).status, 200);
}

fn play_on(app: &TestApp, payload: &Value, page: &str) -> Response {
    let body = app.player().play_body(&Exchange::generate(&mut Player::rng()), &psign(app, payload), json!({}));
    app.request("POST", "/v1/play").json(body.to_string()).header("Origin", page).send()
}

#[test]
fn a_domain_names_the_pages_that_may_embed_the_player() {
    let app = TestApp::builder().domain("academy.example").domain("other.example").start();
    let mut payload = documented(&app);
    assert_eq!(play_on(&app, &payload, "https://other.example").status, 200, "Default names none");
    payload["urlAccessInfo"]["domain"] = json!("academy.example");
    assert_eq!(play_on(&app, &payload, "https://academy.example").status, 200);
    assert_eq!(play_on(&app, &payload, "https://other.example").code(), "origin_not_allowed");
}

#[test]
fn a_domain_where_media_come_from_names_no_page() {
    let app = TestApp::builder().domain("academy.example").domain("other.example").domain("elsewhere.test").start();
    let play_with = |domain: &str, page: &str| {
        let mut payload = documented(&app);
        payload["urlAccessInfo"]["domain"] = json!(domain);
        play_on(&app, &payload, page)
    };
    let page = "https://academy.example";
    assert_eq!(play_with("cdn.example", page).code(), "origin_not_allowed", "no media origin yet");
    for (id, base_url) in [("cdn", "https://cdn.example"), ("same", "https://other.example")] {
        let body = json!({ "originId": id, "baseUrl": base_url, "scheme": "tencent-key" }).to_string();
        assert_eq!(app.authorized("POST", "/v1/media-origins").json(body).send().status, 201);
    }
    assert_eq!(play_with("cdn.example", page).status, 200);
    assert_eq!(play_with("cdn.example academy.example", page).status, 200);
    for (domain, why) in [
        ("cdn.example other.example", "what else it names still holds"),
        ("other.example", "a media origin where pages are is named as a page"),
        ("*.example", "a wildcard names pages"),
        ("foreign.example", "no media origin of this application"),
    ] {
        let page = if domain == "*.example" { "https://elsewhere.test" } else { page };
        assert_eq!(play_with(domain, page).code(), "origin_not_allowed", "{why}");
    }
}
