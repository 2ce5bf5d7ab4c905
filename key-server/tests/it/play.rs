use keyveil_key_server::actions::{builds, server_keys};
use keyveil_protocol::api::PlayResponse;
use keyveil_protocol::psign::{ContentInfo, GhostWatermarkInfo, KeyveilClaims, ResolutionName, UrlAccessInfo};
use keyveil_protocol::workflow::WorkflowSettings;
use keyveil_protocol::{BuildId, Period, TrackClass};
use serde_json::{Value, json};

use crate::support::{Player, TITLE, TestApp, media};

fn own(claims: KeyveilClaims) -> Option<KeyveilClaims> {
    Some(claims)
}

#[test]
fn the_first_grant_holds_exactly_the_derived_keys_of_two_periods() {
    let app = TestApp::start();
    let psign = app.sign(&app.claims(TITLE));
    let (response, grant) = app.player().play(&psign, json!({ "fileId": TITLE, "positionMs": 31_000 }));
    let secret = app.secret(TITLE);
    let mut expected = Vec::new();
    for period in [Period(1), Period(2)] {
        for class in [TrackClass::Audio, TrackClass::Sd, TrackClass::Hd] {
            expected.push((period, class, *secret.period_key(class, period).expose_secret()));
        }
    }
    let granted: Vec<_> =
        grant.keys.iter().map(|entry| (entry.period, entry.track_class, *entry.key.expose_secret())).collect();
    assert_eq!(granted, expected);
    assert_eq!(response.session.id, Some(grant.session_id));
    assert_eq!(response.session.expires_at, grant.expires_at);
    assert_eq!(response.title.file_id.as_str(), TITLE);
    assert_eq!(response.title.media.segment_count, 25);
}

#[test]
fn the_window_ends_with_the_title() {
    let app = TestApp::start();
    let psign = app.sign(&app.claims(TITLE));
    for (position_ms, periods) in [(0, vec![0, 1]), (149_000, vec![4]), (u64::MAX, vec![4])] {
        let (_, grant) = app.player().play(&psign, json!({ "positionMs": position_ms }));
        let mut granted: Vec<u32> = grant.keys.iter().map(|entry| entry.period.0).collect();
        granted.dedup();
        assert_eq!(granted, periods, "{position_ms}");
    }
}

#[test]
fn a_signature_that_stops_at_a_class_gets_no_key_above_it() {
    let app = TestApp::start();
    let mut claims = app.claims(TITLE);
    claims.keyveil = own(KeyveilClaims { max_track: Some(TrackClass::Sd), ..KeyveilClaims::default() });
    let (_, grant) = app.player().play(&app.sign(&claims), json!({}));
    assert!(!grant.keys.is_empty());
    assert!(grant.keys.iter().all(|entry| entry.track_class <= TrackClass::Sd));
}

#[test]
fn each_play_opens_its_own_session() {
    let app = TestApp::start();
    let player = app.player();
    let ((_, first), (_, second)) = (player.play_title(TITLE), player.play_title(TITLE));
    assert_ne!(first.session_id, second.session_id);
    assert_ne!(first.mac_key, second.mac_key);
}

#[test]
fn a_clear_title_gets_addresses_and_no_session() {
    let app = TestApp::start();
    app.publish("trailer", "clear");
    let psign = app.sign(&app.claims("trailer"));
    let response: PlayResponse = app.player().try_play(&psign, json!({})).parsed();
    assert!(response.session.id.is_none());
    assert!(response.grant.is_none());
    let path = response.playlist_url.split_once(app.address()).unwrap().1;
    assert_eq!(app.get(path).status, 200);
}

#[test]
fn watermark_and_resolution_names_reach_the_player() {
    let app = TestApp::start();
    let mut claims = app.claims(TITLE);
    claims.ghost_watermark_info = Some(GhostWatermarkInfo { text: "alice".into() });
    let name = ResolutionName { min_edge_length: 720, name: "HD".into() };
    claims.content_info = Some(ContentInfo { audio_video_type: None, resolution_names: vec![name.clone()] });
    let (response, _) = app.player().play(&app.sign(&claims), json!({}));
    assert_eq!(response.watermark.as_deref(), Some("alice"));
    assert_eq!(response.resolution_names, vec![name]);
}

/// Made by a worker and published.
fn make(app: &TestApp, file_id: &str, sprites: &[(&str, &[u8])]) {
    app.queue(file_id, b"a source", WorkflowSettings::default());
    let claimed = app.worker().claim(app).unwrap();
    claimed.store_all(app);
    for (path, content) in sprites {
        assert_eq!(claimed.put(app, path, content).status, 204, "{path}");
    }
    let body = json!({ "media": media(), "cover": null, "sprites": sprites.first().map(|(path, _)| path) });
    assert_eq!(claimed.request(app, "POST", "complete").json(body.to_string()).send().status, 200);
}

#[test]
fn a_player_is_told_where_the_thumbnails_are() {
    let app = TestApp::start();
    let vtt = b"WEBVTT\n\n00:00.000 --> 00:06.000\nsprite-00000.jpg#xywh=0,0,142,80\n";
    make(&app, "with", &[("sprites/sprites.vtt", vtt), ("sprites/sprite-00000.jpg", b"a sheet")]);
    make(&app, "without", &[]);
    let asked = |file_id: &str, exper: Option<u64>| {
        let mut claims = app.claims(file_id);
        claims.url_access_info = exper.map(|secs| UrlAccessInfo { exper: Some(secs), ..UrlAccessInfo::default() });
        app.player().try_play(&app.sign(&claims), json!({})).value()
    };
    let played = asked("with", None);
    let url = played["spritesUrl"].as_str().unwrap();
    assert_eq!(app.authorized("GET", "/v1/titles/with").send().value()["spritesUrl"], *url);
    let path = url.split_once(app.address()).unwrap().1;
    let file = app.get(path);
    assert_eq!((file.body.as_slice(), file.header("content-type")), (&vtt[..], Some("text/vtt")));
    let sheet = path.replace("sprites.vtt", "sprite-00000.jpg");
    assert_eq!(app.get(&sheet).body, b"a sheet");
    let segment = path.replace("sprites/sprites.vtt", "v720p/00000.m4s");
    assert_eq!(app.get(&segment).code(), "url_invalid", "it opens pictures only");
    let playlist = played["playlistUrl"].as_str().unwrap().split_once(app.address()).unwrap().1;
    for (path, status) in [("v720p/00000.m4s", 200), ("sprites/sprites.vtt", 200), ("sprites/other.vtt", 404)] {
        assert_eq!(app.get(&playlist.replace("master.m3u8", path)).status, status, "{path}");
    }
    assert_eq!(asked("with", Some(3))["spritesUrl"], *url, "those of a preview are the whole title's");
    let without = asked("without", None);
    assert_eq!((&without["title"]["fileId"], without.get("spritesUrl")), (&json!("without"), Some(&Value::Null)));
}

#[test]
fn viewers_of_an_hour_share_one_address_unless_t_ends_it_sooner() {
    let app = TestApp::start();
    let player = app.player();
    let hour = app.now() / 3600 * 3600 + 7200;
    let url_of = |expires_at: u64, t: Option<u64>| {
        let mut claims = app.claims(TITLE);
        claims.expire_time_stamp = Some(expires_at);
        claims.url_access_info = t.map(|t| UrlAccessInfo { t: Some(format!("{t:x}")), ..UrlAccessInfo::default() });
        player.play(&app.sign(&claims), json!({})).0.playlist_url
    };
    assert_eq!(url_of(hour + 1, None), url_of(hour + 3600, None));
    assert_ne!(url_of(hour, None), url_of(hour + 1, None));
    assert!(url_of(hour, Some(hour - 7)).contains(&format!("/media/{:x}-", hour - 7)));
    assert!(url_of(hour, Some(hour + 7)).contains(&format!("/media/{hour:x}-")));
}

#[test]
fn an_unknown_or_retired_build_is_refused() {
    let app = TestApp::start();
    let player = app.player();
    let psign = app.sign(&app.claims(TITLE));
    for build_id in ["unknown", "", "a b", &"x".repeat(65)] {
        assert_eq!(player.try_play(&psign, json!({ "buildId": build_id })).code(), "build_unknown", "{build_id}");
    }
    let (_, grant) = player.play(&psign, json!({}));
    let build_id: BuildId = player.build_id.parse().unwrap();
    assert!(app.block_on(builds::retire(app.installation(), &build_id, 1)).unwrap());
    assert_eq!(player.try_play(&psign, json!({})).code(), "build_unknown");
    assert_eq!(player.try_keys(&grant, json!({})).code(), "build_unknown", "a running session ends with its build");
}

#[test]
fn two_builds_play_side_by_side_until_one_is_retired() {
    let app = TestApp::start();
    let psign = app.sign(&app.claims(TITLE));
    let old = app.player();
    let (_, old_grant) = old.play(&psign, json!({}));
    app.block_on(builds::create(app.installation(), 1)).unwrap();
    let new = app.player();
    assert_ne!(new.build_id, old.build_id);
    let (_, new_grant) = new.play(&psign, json!({}));
    let asks = |player: &Player<'_>, grant, counter| player.try_keys(grant, json!({ "counter": counter })).status;
    assert_eq!((asks(&old, &old_grant, 1), asks(&new, &new_grant, 1)), (200, 200));

    let id: BuildId = old.build_id.parse().unwrap();
    assert!(app.block_on(builds::retire(app.installation(), &id, 1)).unwrap());
    assert_eq!(old.try_keys(&old_grant, json!({ "counter": 2 })).code(), "build_unknown");
    assert_eq!(old.try_play(&psign, json!({})).code(), "build_unknown");
    assert_eq!(asks(&new, &new_grant, 2), 200);
    new.play(&psign, json!({}));
}

#[test]
fn an_unusable_public_key_is_refused() {
    let app = TestApp::start();
    let psign = app.sign(&app.claims(TITLE));
    let small_order = [
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        // Order 8.
        "4Ot6fDtBuK4WVuP68Z_EatoJjeucMrH9hmIFFl9JuAA",
    ];
    for public_key in small_order.into_iter().chain(["", "AAAA", "not base64url!", &"A".repeat(44)]) {
        let response = app.player().try_play(&psign, json!({ "publicKey": public_key }));
        assert_eq!(response.code(), "public_key_invalid", "{public_key}");
    }
}

#[test]
fn a_title_that_cannot_be_played_is_not_found() {
    let app = TestApp::start();
    let player = app.player();
    app.put_title("unpublished", "private");
    let other = app.replica();
    other.publish("theirs", "private");
    for file_id in ["unknown", "unpublished", "theirs"] {
        let response = player.try_play(&app.sign(&app.claims(file_id)), json!({}));
        assert_eq!(response.code(), "title_not_found", "{file_id}");
    }
    assert!(other.player().play_title("theirs").1.keys.len() > 1);
}

#[test]
fn envelopes_come_from_the_newest_key_that_the_build_pins() {
    let app = TestApp::start();
    let old_player = app.player();
    let rotate = |force| app.block_on(server_keys::rotate(app.installation(), force, 1));
    let rotation = rotate(false).unwrap();
    let (response, _) = old_player.play_title(TITLE);
    assert_ne!(response.grant.unwrap().server_key_id, rotation.id, "the old build does not know the new key");
    app.block_on(builds::create(app.installation(), 2)).unwrap();
    let (response, _) = app.player().play_title(TITLE);
    assert_eq!(response.grant.unwrap().server_key_id, rotation.id);

    let refusal = rotate(false).unwrap_err();
    assert!(refusal.cause().contains(&old_player.build_id), "a rotation that cuts off a build needs --force");
    old_player.play_title(TITLE);
    assert_eq!(rotate(true).unwrap().cut_off_builds.len(), 1);
    assert_eq!(old_player.try_play(&app.sign(&app.claims(TITLE)), json!({})).code(), "build_unknown");
}

#[test]
fn every_release_stands_in_the_audit_log() {
    let app = TestApp::start();
    let rows = || app.block_on(app.installation().store().verify_audit()).unwrap().unwrap().seq;
    let player = app.player();
    let before = rows();
    let (_, grant) = player.play_title(TITLE);
    assert_eq!(rows(), before + 1);
    player.keys(&grant, json!({ "counter": 1 }));
    assert_eq!(rows(), before + 2);
    player.try_keys(&grant, json!({ "counter": 1 }));
    assert_eq!(rows(), before + 2, "a refusal releases nothing");
}
