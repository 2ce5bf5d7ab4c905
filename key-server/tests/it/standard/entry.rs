use keyveil_protocol::api::PlayResponse;
use keyveil_protocol::psign::KeyveilClaims;
use serde_json::json;

use super::{CLEAR, PARAMETER, PlainPlayer, SHOW, addresses, altered, decrypted, entry, path_of, start, with_show};
use crate::support::{TITLE, TestApp};

const SHOP: &str = "https://shop.example.com";

#[test]
fn one_address_leads_to_every_segment_in_the_clear() {
    let app = start();
    let player = PlainPlayer::open(&app, SHOW);
    for name in ["v720p", "v480p", "audio"] {
        let playlist = player.playlist(name);
        assert_eq!(playlist.header("cache-control"), Some("no-store"));
        assert_eq!(playlist.header("content-type"), Some("application/vnd.apple.mpegurl"));
        let (path, text) = (player.playlist_path(name), playlist.text());
        let folder = path.split_once("playlist.m3u8").unwrap().0;
        assert_eq!(text.matches("#EXT-X-KEY").count(), 25);
        for segment in [0, 4, 5, 24] {
            let (before, _) = text.split_once(&format!("\nseg-{segment:05}.m4s")).unwrap();
            let tag = before.lines().rfind(|line| line.starts_with("#EXT-X-KEY")).unwrap();
            let key = app.get(&path_of(&app, &addresses(tag)[0]));
            assert_eq!((key.status, key.body.len()), (200, 16), "{}", key.text());
            let iv = tag.split_once("IV=0x").unwrap().1;
            let media = app.get(&format!("{folder}seg-{segment:05}.m4s"));
            assert_eq!(decrypted(&key.body, iv, &media.body), CLEAR);
        }
    }
}

#[test]
fn the_master_playlist_has_absolute_addresses_with_the_sessions_token() {
    let app = start();
    let psign = app.sign(&app.claims(SHOW));
    let response = entry(&app, SHOW, &psign).send();
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert_eq!(response.header("cross-origin-resource-policy"), Some("cross-origin"));
    let uris = addresses(&response.text());
    assert_eq!(uris.len(), 3);
    for uri in &uris {
        assert!(uri.starts_with(&format!("http://{}/media/", app.address())), "{uri}");
        assert!(uri.contains(&format!("?{PARAMETER}=")) && !uri.contains(&psign), "{uri}");
    }
    let again = PlainPlayer::open_with(&app, SHOW, &psign);
    assert_ne!(again.token(), super::token_of(&uris[0]), "each use of the entry opens a session");
}

#[test]
fn head_opens_nothing() {
    let app = start();
    let psign = app.sign(&app.claims(SHOW));
    let sessions = || app.authorized("GET", "/v1/sessions").send().value()["sessions"].as_array().unwrap().len();
    let path = format!("/v1/hls/{SHOW}.m3u8?{PARAMETER}={psign}");
    let head = app.request("HEAD", &path).send();
    assert_eq!((head.status, head.body.len(), sessions()), (200, 0, 0));
    assert_eq!(app.request("HEAD", &format!("/v1/hls/other.m3u8?{PARAMETER}={psign}")).send().status, 403);
    assert_eq!((app.get(&path).status, sessions()), (200, 1));
    assert_eq!(app.request("POST", &path).send().code(), "method_not_allowed");
}

#[test]
fn the_entry_refuses_what_play_refuses() {
    let app = start();
    super::publish(&app, "other");
    let open = |file_id: &str, psign: &str| entry(&app, file_id, psign).send();
    let psign = app.sign(&app.claims(SHOW));
    let mut expired = app.claims(SHOW);
    expired.expire_time_stamp = Some(app.now());
    for (file_id, psign, code) in [
        ("other", psign.as_str(), "psign_other_title"),
        ("unknown", &app.sign(&app.claims("unknown")), "title_not_found"),
        (SHOW, &app.sign(&expired), "psign_expired"),
        (SHOW, &altered(&psign), "psign_signature"),
        (SHOW, "", "psign_malformed"),
        (SHOW, "a.b.c", "psign_malformed"),
        ("a%20b", &psign, "malformed_request"),
    ] {
        assert_eq!(open(file_id, psign).code(), code, "{file_id}");
    }
    let path = format!("/v1/hls/{SHOW}.m3u8");
    assert_eq!(app.get(&path).code(), "psign_malformed", "no token at all");
    assert_eq!(
        app.get(&format!("{path}?token={psign}")).code(),
        "psign_malformed",
        "a token under another name is none"
    );
    assert_eq!(app.get(&format!("{path}?{PARAMETER}={psign}&{PARAMETER}={psign}")).code(), "malformed_request");
    assert_eq!(open(SHOW, &psign).status, 200);
}

#[test]
fn a_private_title_has_no_entry_and_a_clear_one_needs_no_token() {
    let app = start();
    app.publish("trailer", "clear");
    std::fs::write(app.media_dir().join("trailer/master.m3u8"), "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv/p.m3u8\n")
        .unwrap();
    std::fs::write(app.media_dir().join("trailer/v/p.m3u8"), "#EXTM3U\n#EXTINF:6,\n00000.ts\n").unwrap();
    let open = |file_id: &str| entry(&app, file_id, &app.sign(&app.claims(file_id))).send();
    assert_eq!(open(TITLE).code(), "psign_content_type");
    let clear = open("trailer");
    assert_eq!((clear.status, clear.header("cache-control")), (200, Some("no-store")));
    let uris = addresses(&clear.text());
    assert!(uris.len() == 1 && !uris[0].contains(PARAMETER), "{uris:?}");
    let playlist = app.get(&path_of(&app, &uris[0]));
    assert_eq!(playlist.header("cache-control"), Some("public, max-age=60"), "as it is stored");
    assert!(app.authorized("GET", "/v1/sessions").send().value()["sessions"].as_array().unwrap().is_empty());
}

#[test]
fn a_clock_half_a_minute_off_is_put_up_with() {
    let app = start();
    let open = |ahead_secs: i64, lives_secs: i64| {
        let mut claims = app.claims(SHOW);
        claims.current_time_stamp = app.now().checked_add_signed(ahead_secs).unwrap();
        claims.expire_time_stamp = claims.current_time_stamp.checked_add_signed(lives_secs);
        entry(&app, SHOW, &app.sign(&claims)).send()
    };
    for ahead_secs in [-30, 0, 30] {
        assert_eq!(open(ahead_secs, 120).status, 200, "{ahead_secs}");
    }
    assert_eq!(open(90, 120).code(), "psign_from_future");
    assert_eq!(open(-30, 30).code(), "psign_expired", "an expiry is the end, whoever's clock is off");
}

#[test]
fn play_answers_an_address_with_a_token_and_needs_no_sdk() {
    let app = start();
    let play = |file_id: &str| {
        let body = json!({ "psign": app.sign(&app.claims(file_id)) });
        app.request("POST", "/v1/play").json(body.to_string()).send()
    };
    let response: PlayResponse = play(SHOW).parsed();
    assert!(response.grant.is_none());
    let path = path_of(&app, &response.playlist_url);
    let token = super::token_of(&path);
    assert!(token.starts_with(&response.session.id.unwrap().to_string()));
    let master = app.get(&path);
    assert_eq!((master.status, master.header("cache-control")), (200, Some("no-store")));
    for uri in addresses(&master.text()) {
        assert!(!uri.starts_with("http") && uri.ends_with(&format!("?{PARAMETER}={token}")), "{uri}");
    }
    assert_eq!(app.get(&super::key_path(SHOW, "HD", "0", &token)).status, 200);
    assert_eq!(play(TITLE).code(), "public_key_invalid", "a private title is for the SDK");
}

#[test]
fn a_playlist_without_a_token_is_served_and_opens_nothing() {
    let app = start();
    let player = PlainPlayer::open(&app, SHOW);
    let path = player.playlist_path("v720p");
    let (bare, _) = path.split_once('?').unwrap();
    let playlist = app.get(bare);
    assert_eq!((playlist.status, playlist.header("cache-control")), (200, Some("no-store")));
    let key = addresses(&playlist.text()).into_iter().find(|uri| uri.contains("hls-keys")).unwrap();
    assert!(!key.contains(PARAMETER));
    assert_eq!(app.get(&path_of(&app, &key)).code(), "session_invalid");
    for token in ["a%22b", "a%0Ab", "a%20b", "%3Cx%3E", &"a".repeat(4097)] {
        assert_eq!(app.get(&format!("{bare}?{PARAMETER}={token}")).code(), "malformed_request", "{token}");
    }
    assert_eq!(app.get(&format!("{bare}?{PARAMETER}=x&{PARAMETER}=y")).code(), "malformed_request");
    assert_eq!(app.get(&path).status, 200);
    assert_eq!(app.request("HEAD", &path).send().body.len(), 0);
}

#[test]
fn the_name_of_the_parameter_is_configured() {
    let app = with_show(TestApp::builder().token_parameter("auth").start());
    let psign = app.sign(&app.claims(SHOW));
    assert_eq!(entry(&app, SHOW, &psign).send().code(), "psign_malformed");
    let response = app.get(&format!("/v1/hls/{SHOW}.m3u8?auth={psign}"));
    assert!(response.text().contains("?auth=") && !response.text().contains(PARAMETER), "{}", response.text());
    let playlist = app.get(&path_of(&app, &addresses(&response.text())[0]));
    let key = addresses(&playlist.text()).into_iter().find(|uri| uri.contains("hls-keys")).unwrap();
    let key = path_of(&app, &key);
    assert_eq!(app.get(&key).status, 200);
    assert_eq!(app.get(&key.replace("?auth=", &format!("?{PARAMETER}="))).code(), "session_invalid");
}

#[test]
fn a_page_of_the_app_opens_and_reads_and_another_does_neither() {
    let app = with_show(TestApp::builder().domain("shop.example.com").start());
    let psign = app.sign(&app.claims(SHOW));
    let by = |header: &str, value: &str| entry(&app, SHOW, &psign).header(header, value).send();
    let allowed = by("Origin", SHOP);
    assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (200, Some(SHOP)));
    assert_eq!(by("Referer", "https://shop.example.com/film?x=1").status, 200);
    for (header, value) in
        [("Origin", "https://evil.example.net"), ("Origin", "null"), ("Referer", "https://evil.example.net/x")]
    {
        let refused = by(header, value);
        assert_eq!(refused.code(), "origin_not_allowed", "{value}");
        assert_eq!(refused.header("access-control-allow-origin"), None);
    }
    let mut claims = app.claims(SHOW);
    let domains = vec!["shop.example.com".to_owned()];
    claims.keyveil = Some(KeyveilClaims { domains, ..KeyveilClaims::default() });
    let bound = app.sign(&claims);
    assert_eq!(entry(&app, SHOW, &bound).send().code(), "origin_not_allowed", "bound to pages, so no page is no page");
    assert_eq!(entry(&app, SHOW, &bound).header("Referer", "https://shop.example.com/").send().status, 200);
}
