use base64ct::{Base64UrlUnpadded, Encoding};
use keyveil_key_server::actions::{apps, sessions};
use keyveil_protocol::psign::KeyveilClaims;
use keyveil_protocol::{Period, Rendition, Segment, TrackClass};
use serde_json::Value;

use super::{PARAMETER, PlainPlayer, SHOW, entry, key_path, publish, start, with_show};
use crate::support::{TITLE, TestApp};

const SHOP: &str = "https://shop.example.com";

fn audit(app: &TestApp) -> u64 {
    app.block_on(app.installation().store().verify_audit()).unwrap().unwrap().seq
}

#[test]
fn a_key_is_the_derived_one_of_its_class_and_period() {
    let app = start();
    let player = PlainPlayer::open(&app, SHOW);
    let secret = app.secret(SHOW);
    for class in [TrackClass::Audio, TrackClass::Sd, TrackClass::Hd] {
        for period in [Period(0), Period(4)] {
            let response = player.key(class.name(), &period.to_string());
            assert_eq!(response.header("content-type"), Some("application/octet-stream"));
            assert_eq!(response.header("cache-control"), Some("no-store"));
            assert_eq!(response.header("cross-origin-resource-policy"), Some("cross-origin"));
            let expected = secret.period_key(class, period).standard_segment_key(Rendition(1), Segment(7));
            assert_eq!(response.body, expected.halves().0, "{class} {period}");
        }
    }
}

#[test]
fn every_altered_character_of_a_token_is_refused() {
    let app = start();
    let player = PlainPlayer::open(&app, SHOW);
    let token = player.token();
    assert_eq!(token.len(), 22 + 1 + 43);
    for place in 0..token.len() {
        let mut altered = token.clone();
        altered.replace_range(place..=place, if &token[place..=place] == "A" { "B" } else { "A" });
        let response = app.get(&key_path(SHOW, "HD", "0", &altered));
        assert_eq!(response.code(), "session_invalid", "{place}");
    }
    let (id, mac) = (&token[..22], &token[23..]);
    for altered in
        ["", "-", id, mac, &format!("{mac}-{id}"), &format!("{token}A"), &format!("{id}-"), &format!("%20{token}")]
    {
        assert_eq!(app.get(&key_path(SHOW, "HD", "0", altered)).code(), "session_invalid", "{altered}");
    }
    let bare = key_path(SHOW, "HD", "0", "");
    assert_eq!(app.get(bare.split_once('?').unwrap().0).code(), "session_invalid");
    assert_eq!(app.get(&bare.replace(PARAMETER, "token")).code(), "session_invalid");
    let twice = format!("{}&{PARAMETER}={token}", key_path(SHOW, "HD", "0", &token));
    assert_eq!(app.get(&twice).code(), "malformed_request");
    assert_eq!(player.key("HD", "0").status, 200);
}

#[test]
fn a_token_is_of_one_title_in_one_version() {
    let app = start();
    publish(&app, "other");
    let player = PlainPlayer::open(&app, SHOW);
    let of_other = PlainPlayer::open(&app, "other").token();
    for (folder, token) in [
        ("other", player.token()),
        (SHOW, of_other.clone()),
        ("show.2", player.token()),
        ("show.1", player.token()),
        (TITLE, player.token()),
    ] {
        assert_eq!(app.get(&key_path(folder, "HD", "0", &token)).code(), "session_invalid", "{folder}");
    }
    assert_eq!(app.get(&key_path("other", "HD", "0", &of_other)).status, 200);
    assert_eq!(player.key("HD", "0").status, 200);
}

#[test]
fn a_token_ends_with_its_session() {
    let app = start();
    let mut claims = app.claims(SHOW);
    claims.expire_time_stamp = Some(app.now() + 100);
    let player = PlainPlayer::open_with(&app, SHOW, &app.sign(&claims));
    assert_eq!(player.key("HD", "0").status, 200);
    app.clock.advance(101);
    assert_eq!(player.key("HD", "0").code(), "session_expired");

    let player = PlainPlayer::open(&app, SHOW);
    assert_eq!(player.key("HD", "1").status, 200);
    let id = player.session_id().parse().unwrap();
    assert!(app.block_on(sessions::revoke(app.installation(), id, 1)).unwrap());
    assert_eq!(player.key("HD", "1").code(), "session_invalid");
    assert_eq!(player.playlist("v720p").status, 200, "what holds no secret is still served");
}

#[test]
fn an_unpublished_or_deleted_title_gives_no_key() {
    let app = start();
    let player = PlainPlayer::open(&app, SHOW);
    assert_eq!(player.key("HD", "0").status, 200);
    let change = |what: &str| app.authorized("POST", &format!("/v1/titles/{SHOW}/{what}")).json("{}").send().status;
    assert_eq!(change("unpublish"), 200);
    assert_eq!(player.key("HD", "0").code(), "title_not_found");
    assert_eq!(player.playlist("v720p").code(), "not_found");
    assert_eq!(change("publish"), 200);
    assert_eq!(player.key("HD", "0").status, 200);
    assert_eq!(app.authorized("DELETE", &format!("/v1/titles/{SHOW}")).send().status, 204);
    assert_eq!(player.key("HD", "0").code(), "session_invalid", "its sessions went along");
}

#[test]
fn a_retired_signing_key_takes_its_sessions_along() {
    let app = start();
    let player = PlainPlayer::open(&app, SHOW);
    assert_eq!(player.key("HD", "0").status, 200);
    let kid = &app.app.signing_key.kid;
    app.block_on(apps::create_signing_key(app.installation(), app.app_id(), Value::Null, 1)).unwrap();
    app.block_on(apps::retire_signing_key(app.installation(), app.app_id(), kid, Value::Null, 1)).unwrap();
    assert_eq!(player.key("HD", "0").code(), "session_invalid");
}

#[test]
fn class_and_period_have_to_be_of_the_title_and_the_session() {
    let app = start();
    let player = PlainPlayer::open(&app, SHOW);
    for (class, period, code) in [
        ("UHD", "0", "track_not_allowed"),
        ("hd", "0", "malformed_request"),
        ("XD", "0", "malformed_request"),
        ("HD", "5", "period_out_of_range"),
        ("HD", "4294967295", "period_out_of_range"),
        ("HD", "4294967296", "malformed_request"),
        ("HD", "00", "malformed_request"),
        ("HD", "+1", "malformed_request"),
        ("HD", "-1", "malformed_request"),
        ("HD", "x", "malformed_request"),
    ] {
        assert_eq!(player.key(class, period).code(), code, "{class} {period}");
    }
    assert_eq!(player.key("HD", "4").status, 200);
    let mut claims = app.claims(SHOW);
    claims.keyveil = Some(KeyveilClaims { max_track: Some(TrackClass::Sd), ..KeyveilClaims::default() });
    let limited = PlainPlayer::open_with(&app, SHOW, &app.sign(&claims));
    assert_eq!(limited.key("HD", "0").code(), "track_not_allowed");
    assert_eq!((limited.key("SD", "0").status, limited.key("AUDIO", "0").status), (200, 200));
}

#[test]
fn a_session_of_a_private_title_opens_no_standard_key() {
    let app = start();
    let (_, grant) = app.player().play_title(TITLE);
    // What the SDK knows is enough to make the token.
    let mac_key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, grant.mac_key.expose_secret());
    let mac = ring::hmac::sign(&mac_key, format!("keyveil/v1/hls-token\0{TITLE}").as_bytes());
    let token = format!("{}-{}", grant.session_id, Base64UrlUnpadded::encode_string(mac.as_ref()));
    assert_eq!(app.get(&key_path(TITLE, "HD", "0", &token)).code(), "session_invalid");
}

#[test]
fn a_session_stays_with_its_page() {
    let app = with_show(TestApp::builder().domain("*.example.com").start());
    let psign = app.sign(&app.claims(SHOW));
    let token_by = |header: Option<(&str, &str)>| {
        let request = entry(&app, SHOW, &psign);
        let request = header.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        super::token_of(&super::addresses(&request.send().text())[0])
    };
    let key_by = |token: &str, header: Option<(&str, &str)>| {
        let request = app.request("GET", &key_path(SHOW, "HD", "0", token));
        header.into_iter().fold(request, |request, (name, value)| request.header(name, value)).send()
    };
    let token = token_by(Some(("Origin", SHOP)));
    let allowed = key_by(&token, Some(("Origin", SHOP)));
    assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (200, Some(SHOP)));
    assert_eq!(key_by(&token, Some(("Referer", "https://shop.example.com/a/b?c"))).status, 200);
    for header in [
        Some(("Origin", "https://www.example.com")),
        Some(("Origin", "https://evil.example.net")),
        Some(("Origin", "null")),
        Some(("Referer", "https://www.example.com/")),
        None,
    ] {
        assert_eq!(key_by(&token, header).code(), "origin_not_allowed", "{header:?}");
    }
    let foreign = key_by(&token, Some(("Origin", "https://evil.example.net")));
    assert_eq!(foreign.header("access-control-allow-origin"), None);
    let of_program = token_by(None);
    assert_eq!(key_by(&of_program, None).status, 200);
    assert_eq!(key_by(&of_program, Some(("Origin", SHOP))).status, 200, "a program handed it to a page of the app");
    assert_eq!(key_by(&of_program, Some(("Origin", "https://evil.example.net"))).code(), "origin_not_allowed");
    let own = format!("http://{}", app.address());
    let of_own_page = token_by(Some(("Origin", &own)));
    assert_eq!(key_by(&of_own_page, None).status, 200, "its pages say nothing of where a request comes from");
}

#[test]
fn pages_may_ask_before_they_ask() {
    let app = with_show(TestApp::builder().domain("shop.example.com").start());
    let preflight = |path: &str, origin: &str| {
        let request = app.request("OPTIONS", path).header("Origin", origin);
        request.header("Access-Control-Request-Method", "GET").header("Access-Control-Request-Headers", "range").send()
    };
    for path in [&key_path(SHOW, "HD", "0", "x"), "/v1/hls-keys?Ciphertext=x", "/v1/hls/show.m3u8"] {
        let allowed = preflight(path, SHOP);
        assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (204, Some(SHOP)));
        assert_eq!(allowed.header("access-control-allow-credentials"), None);
        assert_eq!(preflight(path, "https://evil.example.net").code(), "origin_not_allowed");
    }
    let player = PlainPlayer::open(&app, SHOW);
    for method in ["HEAD", "POST", "DELETE"] {
        let response = app.request(method, &key_path(SHOW, "HD", "0", &player.token())).send();
        assert_eq!((response.status, response.header("allow")), (405, Some("GET")), "{method}");
    }
    assert_eq!(player.key("HD", "0").status, 200);
}

#[test]
fn every_key_stands_in_the_audit_log_before_it_leaves() {
    let app = start();
    let player = PlainPlayer::open(&app, SHOW);
    let before = audit(&app);
    assert_eq!(player.key("HD", "2").status, 200);
    assert_eq!(audit(&app), before + 1);
    player.key("HD", "9");
    player.key("UHD", "0");
    assert_eq!(audit(&app), before + 1, "a refusal releases nothing");
    let rows = app.authorized("GET", &format!("/v1/audit?sessionId={}", player.session_id())).send().value();
    let details: Vec<&Value> = rows["audit"].as_array().unwrap().iter().map(|row| &row["detail"]["released"]).collect();
    let expected =
        serde_json::json!([{ "trackClasses": ["HD"], "periods": [2] }, { "trackClasses": [], "periods": [] }]);
    assert_eq!(serde_json::json!(details), expected);
    let periods = app.authorized("GET", &format!("/v1/titles/{SHOW}/periods")).send().value();
    assert_eq!(periods["periods"].as_array().unwrap().len(), 1);
    let session = &app.authorized("GET", "/v1/sessions").send().value()["sessions"][0];
    assert_eq!((session["releases"].as_u64(), session["lastPositionMs"].as_u64()), (Some(1), Some(60_000)));
    assert_eq!((session["mode"].as_str(), &session["buildId"]), (Some("standard"), &Value::Null));
}
