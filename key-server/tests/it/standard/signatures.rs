//! What a signature limits holds for standard titles too.

use keyveil_protocol::psign::{KeyveilClaims, UrlAccessInfo};

use super::{PARAMETER, PlainPlayer, SHOW, addresses, entry, path_of, start, with_show};
use crate::support::{Request, TestApp};

const HOME: &str = "198.51.100.7";
const ELSEWHERE: &str = "203.0.113.9";

fn own(app: &TestApp, own: KeyveilClaims) -> String {
    let mut claims = app.claims(SHOW);
    claims.keyveil = Some(own);
    app.sign(&claims)
}

fn vendor(app: &TestApp, info: UrlAccessInfo) -> String {
    let mut claims = app.claims(SHOW);
    claims.url_access_info = Some(info);
    app.sign(&claims)
}

fn behind_proxy() -> TestApp {
    with_show(TestApp::builder().trusted_proxies(&["127.0.0.1"]).start())
}

fn from(request: Request, address: &str) -> Request {
    request.header("X-Forwarded-For", address)
}

/// A player at home.
fn at_home<'a>(app: &'a TestApp, psign: &str) -> PlainPlayer<'a> {
    PlainPlayer::of(app, &from(entry(app, SHOW, psign), HOME).send())
}

#[test]
fn a_preview_ends_in_playlists_at_keys_and_at_segments() {
    let app = start();
    // 63 s are 11 segments of 6 s: two periods of five, and the first segment of a third.
    let psign = vendor(&app, UrlAccessInfo { exper: Some(63), ..UrlAccessInfo::default() });
    let preview = PlainPlayer::open_with(&app, SHOW, &psign);
    let playlist = preview.playlist("v720p").text();
    assert_eq!(playlist.matches("#EXTINF").count(), 11);
    assert!(playlist.trim_end().ends_with("#EXT-X-ENDLIST"));
    for period in ["0", "1", "2"] {
        assert_eq!(preview.key("HD", period).status, 200, "{period}");
    }
    for period in ["3", "4"] {
        assert_eq!(preview.key("HD", period).code(), "preview_ended", "{period}");
    }
    let segment = |player: &PlainPlayer<'_>, number: u32| {
        let path = player.playlist_path("v720p");
        app.get(&format!("{}seg-{number:05}.m4s", path.split_once("playlist.m3u8").unwrap().0))
    };
    assert_eq!(segment(&preview, 10).status, 200);
    assert_eq!(segment(&preview, 11).code(), "preview_ended");
    let whole = PlainPlayer::open(&app, SHOW);
    assert_eq!(whole.playlist("v720p").text().matches("#EXTINF").count(), 25);
    assert_eq!((whole.key("HD", "4").status, segment(&whole, 11).status), (200, 200));
}

#[test]
fn keys_are_for_the_addresses_that_the_signature_names() {
    let app = behind_proxy();
    let ip = Some(vec!["198.51.100.0/24".parse().unwrap()]);
    let psign = own(&app, KeyveilClaims { ip, ..KeyveilClaims::default() });
    assert_eq!(from(entry(&app, SHOW, &psign), ELSEWHERE).send().code(), "address_not_allowed");
    let player = at_home(&app, &psign);
    assert_eq!(from(player.key_request("HD", "0"), "198.51.100.200").send().status, 200);
    assert_eq!(from(player.key_request("HD", "0"), ELSEWHERE).send().code(), "address_not_allowed");
}

#[test]
fn addresses_that_use_a_signature_are_counted_at_keys_too() {
    let app = behind_proxy();
    let psign = vendor(&app, UrlAccessInfo { rlimit: Some(2), ..UrlAccessInfo::default() });
    let player = at_home(&app, &psign);
    assert_eq!(from(player.key_request("HD", "0"), ELSEWHERE).send().status, 200, "the second one");
    assert_eq!(from(player.key_request("HD", "0"), "192.0.2.1").send().code(), "address_limit");
    assert_eq!(from(entry(&app, SHOW, &psign), "192.0.2.1").send().code(), "address_limit");
    assert_eq!(from(player.key_request("HD", "0"), HOME).send().status, 200);
}

#[test]
fn a_signature_for_one_use_opens_one_session() {
    let app = start();
    let psign = own(&app, KeyveilClaims { once: true, ..KeyveilClaims::default() });
    let head = app.request("HEAD", &format!("/v1/hls/{SHOW}.m3u8?{PARAMETER}={psign}")).send();
    assert_eq!(head.status, 200, "who only asks uses nothing up");
    let player = PlainPlayer::open_with(&app, SHOW, &psign);
    assert_eq!(entry(&app, SHOW, &psign).send().code(), "psign_used");
    assert_eq!((player.playlist("audio").status, player.key("AUDIO", "0").status), (200, 200), "it goes on");
}

#[test]
fn a_further_session_of_a_viewer_ends_the_oldest() {
    let app = start();
    let psign = || {
        let uid = Some("alice".to_owned());
        own(&app, KeyveilClaims { uid, sessions: Some(1), ..KeyveilClaims::default() })
    };
    let first = PlainPlayer::open_with(&app, SHOW, &psign());
    assert_eq!(first.key("HD", "0").status, 200);
    let second = PlainPlayer::open_with(&app, SHOW, &psign());
    assert_eq!(first.key("HD", "0").code(), "session_superseded");
    assert_eq!(second.key("HD", "0").status, 200);
}

#[test]
fn a_signature_bound_to_domains_gives_keys_to_their_pages_only() {
    let app = with_show(TestApp::builder().domain("*.example.com").start());
    let domains = vec!["shop.example.com".to_owned()];
    let psign = own(&app, KeyveilClaims { domains, ..KeyveilClaims::default() });
    let opened = entry(&app, SHOW, &psign).header("Origin", "https://shop.example.com").send();
    let player = PlainPlayer::of(&app, &opened);
    let key_on = |origin: &str| player.key_request("HD", "0").header("Origin", origin).send();
    assert_eq!(key_on("https://www.example.com").code(), "origin_not_allowed");
    assert_eq!(player.key("HD", "0").code(), "origin_not_allowed");
    assert_eq!(key_on("https://shop.example.com").status, 200);
}

#[test]
fn the_preview_of_a_clear_title_ends_too() {
    let app = start();
    app.publish("trailer", "clear");
    let lines: String = (0..25).map(|n| format!("#EXTINF:6,\n{n:05}.ts\n")).collect();
    std::fs::write(app.media_dir().join("trailer/master.m3u8"), "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv/p.m3u8\n")
        .unwrap();
    std::fs::write(app.media_dir().join("trailer/v/p.m3u8"), format!("#EXTM3U\n{lines}#EXT-X-ENDLIST\n")).unwrap();
    let segments = |exper: Option<u64>| {
        let mut claims = app.claims("trailer");
        claims.url_access_info = Some(UrlAccessInfo { exper, ..UrlAccessInfo::default() });
        let master = entry(&app, "trailer", &app.sign(&claims)).send().text();
        app.get(&path_of(&app, &addresses(&master)[0])).text().matches("#EXTINF").count()
    };
    assert_eq!((segments(Some(12)), segments(None)), (2, 25));
}
