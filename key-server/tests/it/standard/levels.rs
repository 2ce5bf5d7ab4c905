//! Standard titles are played at the level `standard`, whatever plays them, and at every door (docs/LEVELS.md).

use base64ct::{Base64UrlUnpadded, Encoding};
use keyveil_protocol::psign::KeyveilClaims;
use serde_json::{Value, json};

use super::{PARAMETER, PlainPlayer, SHOW, entry, start};
use crate::levels::{ANY, Rule, allow, claims, signed};
use crate::support::{Response, TITLE, TestApp};

/// With keys of its own and one that was imported.
fn show() -> TestApp {
    let app = start();
    let key = json!({ "ciphertext": "text", "key": Base64UrlUnpadded::encode_string(&[7; 16]) });
    let body = json!({ "mediaId": "media", "keys": [key] }).to_string();
    let put = app.authorized("PUT", &format!("/v1/titles/{SHOW}/imported-keys")).json(body).send();
    assert_eq!(put.status, 200, "{}", put.text());
    app
}

fn imported(app: &TestApp, token: &str) -> Response {
    app.get(&format!("/v1/hls-keys?Ciphertext=text&MediaId=media&{PARAMETER}={token}"))
}

fn sealed() -> Value {
    json!({ "level": "sealed", "downgrade": null })
}

fn sessions(app: &TestApp) -> Vec<Value> {
    app.authorized("GET", "/v1/sessions").send().value()["sessions"].as_array().unwrap().clone()
}

/// Play, the entry for any player, and a signature on a key address: each refuses.
#[track_caller]
fn refused_everywhere(app: &TestApp, psign: &str) {
    assert_eq!(app.player().try_play(psign, sealed()).code(), "level_not_allowed");
    assert_eq!(entry(app, SHOW, psign).send().code(), "level_not_allowed");
    let head = app.request("HEAD", &format!("/v1/hls/{SHOW}.m3u8?{PARAMETER}={psign}")).send();
    assert_eq!(head.status, 403);
    assert_eq!(imported(app, psign).code(), "level_not_allowed");
    assert_eq!(sessions(app), [Value::Null; 0], "nothing is opened");
}

#[test]
fn a_least_level_of_guarded_closes_every_door() {
    let app = show();
    let plain = app.sign(&app.claims(SHOW));
    let strict = signed(&app, SHOW, claims(("guarded", "refuse")));
    refused_everywhere(&app, &strict);
    allow(&app, ("guarded", "refuse"));
    refused_everywhere(&app, &plain);
    refused_everywhere(&app, &signed(&app, SHOW, claims(ANY)));
    allow(&app, ANY);
    assert_eq!(app.player().try_play(&plain, sealed()).status, 200);
    assert_eq!(entry(&app, SHOW, &plain).send().status, 200);
    assert_eq!(imported(&app, &plain).body, [7; 16]);
    assert_eq!(sessions(&app).len(), 3);
}

#[test]
fn a_track_class_holds_for_the_titles_own_keys() {
    let app = show();
    let codes = |psign: &str| {
        let player = PlainPlayer::open_with(&app, SHOW, psign);
        ["AUDIO", "SD", "HD"].map(|class| player.key(class, "0")).map(|key| match key.status {
            200 => "given".to_owned(),
            _ => key.code(),
        })
    };
    let upto_sd = ["given", "given", "track_not_allowed"];
    let upto_audio = ["given", "track_not_allowed", "track_not_allowed"];
    let plain = app.sign(&app.claims(SHOW));
    assert_eq!(codes(&plain), ["given"; 3]);
    assert_eq!(codes(&signed(&app, SHOW, claims(("standard", "SD")))), ["given"; 3], "it is the least level");
    assert_eq!(codes(&signed(&app, SHOW, claims(("guarded", "SD")))), upto_sd);
    allow(&app, ("sealed", "SD"));
    assert_eq!(codes(&plain), upto_sd);
    assert_eq!(codes(&signed(&app, SHOW, claims(("guarded", "UHD")))), upto_sd, "it loosens nothing");
    assert_eq!(codes(&signed(&app, SHOW, claims(("guarded", "AUDIO")))), upto_audio);
    let max_track = Some("AUDIO".parse().unwrap());
    assert_eq!(codes(&signed(&app, SHOW, KeyveilClaims { max_track, ..KeyveilClaims::default() })), upto_audio);
}

#[test]
fn a_track_class_below_the_titles_highest_closes_imported_keys() {
    let app = show();
    let status = |psign: &str| {
        let by_token = imported(&app, &PlainPlayer::open_with(&app, SHOW, psign).token());
        let by_psign = imported(&app, psign);
        assert_eq!(by_token.status, by_psign.status);
        if by_psign.status == 200 { "given".to_owned() } else { by_psign.code() }
    };
    assert_eq!(status(&signed(&app, SHOW, claims(("guarded", "SD")))), "track_not_allowed");
    assert_eq!(status(&signed(&app, SHOW, claims(("guarded", "HD")))), "given", "the title has no higher class");
    allow(&app, ("guarded", "SD"));
    let psign = app.sign(&app.claims(SHOW));
    assert_eq!(status(&psign), "track_not_allowed");
    allow(&app, ("guarded", "HD"));
    // The session of a signature that was used on a key address stays what it was opened as.
    assert_eq!(imported(&app, &psign).code(), "track_not_allowed");
    let other = KeyveilClaims { uid: Some("alice".to_owned()), ..KeyveilClaims::default() };
    assert_eq!(status(&signed(&app, SHOW, other)), "given");
}

#[test]
fn the_session_is_standard_whatever_a_player_says() {
    let app = show();
    let psign = app.sign(&app.claims(SHOW));
    let answer = app.player().try_play(&psign, sealed()).value();
    assert_eq!(answer["session"]["level"], json!("standard"));
    let answer = app.player().try_play(&psign, json!({ "level": "guarded", "downgrade": "own_hls" })).value();
    assert_eq!(answer["session"]["level"], json!("standard"));
    entry(&app, SHOW, &psign).send();
    imported(&app, &psign);
    let kept = sessions(&app);
    assert_eq!(kept.len(), 4);
    for session in kept {
        assert_eq!((&session["level"], &session["downgrade"]), (&json!("standard"), &Value::Null));
    }
    assert_eq!(app.player().try_play(&psign, json!({ "level": "standard" })).code(), "malformed_request");
}

#[test]
fn a_private_title_at_these_doors_is_refused_for_what_it_is() {
    let app = show();
    allow(&app, ("sealed", "refuse"));
    let psign = app.sign(&app.claims(TITLE));
    assert_eq!(entry(&app, TITLE, &psign).send().code(), "psign_content_type");
    assert_eq!(imported(&app, &psign).code(), "psign_content_type");
    assert_eq!(app.player().try_play(&psign, sealed()).status, 200);
}

#[test]
fn a_signature_is_judged_before_it_is_used() {
    let app = show();
    let decode = |rule: Rule| {
        let body = json!({ "psign": signed(&app, SHOW, claims(rule)) }).to_string();
        app.authorized("POST", "/v1/player-signatures/decode").json(body).send().value()
    };
    let refused = decode(("guarded", "refuse"));
    assert_eq!((&refused["valid"], &refused["code"]), (&json!(false), &json!("level_not_allowed")));
    assert_eq!(decode(("guarded", "SD"))["valid"], json!(true));
}
