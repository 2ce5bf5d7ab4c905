//! Signatures for the beginning of a title: keys, playlists and segments end there.

use std::ops::Range;

use keyveil_protocol::api::{PlayResponse, Preview};
use keyveil_protocol::psign::{KeyveilClaims, UrlAccessInfo};
use keyveil_protocol::{Cipher, KeysGrant, Period, Rendition, Segment, SegmentKeyEntry, TrackClass};
use serde_json::json;

use crate::support::{TITLE, TestApp, publication};

const RENDITIONS: [(u16, TrackClass); 3] = [(0, TrackClass::Hd), (1, TrackClass::Sd), (2, TrackClass::Audio)];

fn preview(app: &TestApp, file_id: &str, secs: u64) -> String {
    let mut claims = app.claims(file_id);
    claims.url_access_info = Some(UrlAccessInfo { exper: Some(secs), ..UrlAccessInfo::default() });
    app.sign(&claims)
}

/// What a grant must hold of segments `from..to`: every rendition, in the order of segments.
fn segment_keys(app: &TestApp, from: u32, to: u32, most: TrackClass) -> Vec<SegmentKeyEntry> {
    segment_keys_of(app, (TITLE, Cipher::Aes128Cbc), from..to, most)
}

fn segment_keys_of(
    app: &TestApp,
    (file_id, cipher): (&str, Cipher),
    segments: Range<u32>,
    most: TrackClass,
) -> Vec<SegmentKeyEntry> {
    let secret = app.secret(file_id);
    let entry = |segment: u32, (rendition, track_class): (u16, TrackClass)| {
        let (rendition, segment) = (Rendition(rendition), Segment(segment));
        let key = secret.period_key(track_class, Period(segment.0 / 5)).segment_key(cipher, rendition, segment);
        SegmentKeyEntry { rendition, segment, key }
    };
    let allowed = RENDITIONS.into_iter().filter(|(_, track_class)| *track_class <= most);
    let allowed: Vec<_> = allowed.collect();
    segments.flat_map(|segment| allowed.iter().map(move |place| entry(segment, *place))).collect()
}

fn periods(grant: &KeysGrant) -> Vec<u32> {
    let mut periods: Vec<u32> = grant.keys.iter().map(|entry| entry.period.0).collect();
    periods.dedup();
    periods
}

/// The path of an address at this server.
fn path<'a>(app: &TestApp, url: &'a str) -> &'a str {
    url.split_once(app.address()).unwrap().1
}

#[test]
fn keys_end_at_the_last_segment_of_a_preview() {
    let app = TestApp::start();
    let player = app.player();
    // 63 s are 11 segments of 6 s: two periods of five, and the first segment of a third.
    let (response, grant) = player.play(&preview(&app, TITLE, 63), json!({}));
    assert_eq!(response.preview, Some(Preview { segments: 11, end_ms: 66_000 }));
    assert_eq!((grant.keys.len(), grant.segment_keys.len()), (6, 0));
    let (_, keys) = player.keys(&grant, json!({ "counter": 1, "period": 1 }));
    assert_eq!((periods(&keys), &keys.segment_keys), (vec![1], &segment_keys(&app, 10, 11, TrackClass::Uhd)));
    let (_, keys) = player.keys(&grant, json!({ "counter": 2, "period": 2 }));
    assert_eq!((periods(&keys), &keys.segment_keys), (vec![], &segment_keys(&app, 10, 11, TrackClass::Uhd)));
    for period in [3, 4] {
        let refused = player.try_keys(&grant, json!({ "counter": 3, "period": period }));
        assert_eq!(refused.code(), "preview_ended", "{period}");
    }
    assert_eq!(player.try_keys(&grant, json!({ "counter": 3, "period": 5 })).code(), "period_out_of_range");
    let (_, whole) = player.play_title(TITLE);
    let (_, keys) = player.keys(&whole, json!({ "counter": 1, "period": 3 }));
    assert_eq!((periods(&keys), keys.segment_keys.len()), (vec![3, 4], 0));
}

#[test]
fn a_preview_that_ends_with_a_period_needs_no_segment_keys() {
    let app = TestApp::start();
    let player = app.player();
    let (response, grant) = player.play(&preview(&app, TITLE, 30), json!({}));
    assert_eq!(response.preview, Some(Preview { segments: 5, end_ms: 30_000 }));
    assert_eq!((grant.keys.len(), grant.segment_keys.len()), (3, 0));
    assert_eq!(player.try_keys(&grant, json!({ "period": 1 })).code(), "preview_ended");
    player.keys(&grant, json!({ "period": 0 }));
}

#[test]
fn a_preview_within_one_period_has_segment_keys_only() {
    let app = TestApp::start();
    let mut claims = app.claims(TITLE);
    claims.url_access_info = Some(UrlAccessInfo { exper: Some(12), ..UrlAccessInfo::default() });
    claims.keyveil = Some(KeyveilClaims { max_track: Some(TrackClass::Sd), ..KeyveilClaims::default() });
    // Behind the preview's end: it starts within it.
    let (_, grant) = app.player().play(&app.sign(&claims), json!({ "positionMs": 149_000 }));
    assert_eq!((grant.keys.len(), grant.segment_keys), (0, segment_keys(&app, 0, 2, TrackClass::Sd)));
}

#[test]
fn segment_keys_are_of_the_title_s_cipher() {
    let app = TestApp::start();
    app.put_title("sealed", "private");
    let mut body = publication(1, "private");
    body["cipher"] = json!("chacha20-poly1305");
    assert_eq!(app.authorized("POST", "/v1/titles/sealed/commit").json(body.to_string()).send().status, 200);
    let (response, grant) = app.player().play(&preview(&app, "sealed", 12), json!({}));
    assert_eq!(response.title.media.cipher, Some(Cipher::ChaCha20Poly1305));
    let expected = segment_keys_of(&app, ("sealed", Cipher::ChaCha20Poly1305), 0..2, TrackClass::Uhd);
    assert_eq!(grant.segment_keys, expected);
}

#[test]
fn a_preview_as_long_as_the_title_is_the_title() {
    let app = TestApp::start();
    for secs in [0, 145, 150, 151, 1 << 31] {
        let (response, grant) = app.player().play(&preview(&app, TITLE, secs), json!({ "positionMs": 149_000 }));
        assert_eq!((response.preview, grant.segment_keys.len()), (None, 0), "{secs}");
        assert_eq!(grant.keys.iter().map(|entry| entry.period.0).max(), Some(4));
        let (token, _) = path(&app, &response.playlist_url)["/media/".len()..].split_once('/').unwrap();
        assert!(!token.contains('.'), "{token}");
    }
    let (response, _) = app.player().play(&preview(&app, TITLE, 144), json!({}));
    assert_eq!(response.preview, Some(Preview { segments: 24, end_ms: 144_000 }));
}

#[test]
fn segment_keys_nearest_the_end_are_left_out_where_they_are_too_many() {
    let app = TestApp::start();
    assert_eq!(app.put_title("long", "private").0.status, 201);
    let mut body = publication(1, "private");
    body["durationMs"] = json!(6_000_000);
    body["periodSegments"] = json!(1000);
    body["segmentCount"] = json!(1000);
    for rendition in body["renditions"].as_array_mut().unwrap() {
        rendition["segmentCount"] = json!(1000);
    }
    assert_eq!(app.authorized("POST", "/v1/titles/long/commit").json(body.to_string()).send().status, 200);
    let (response, grant) = app.player().play(&preview(&app, "long", 600), json!({}));
    assert_eq!(response.preview.map(|preview| preview.segments), Some(100));
    assert_eq!((grant.keys.len(), grant.segment_keys.len()), (0, 256));
    let last = grant.segment_keys.last().unwrap();
    assert_eq!((last.segment, last.rendition), (Segment(85), Rendition(0)));
}

fn write_media(app: &TestApp, file_id: &str) {
    let folder = app.media_dir().join(file_id).join("v720p");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::create_dir_all(app.media_dir().join(file_id).join("sprites")).unwrap();
    let segments: String = (0..25).map(|n| format!("#EXTINF:6.0,\nseg-{n:05}.m4s\n")).collect();
    let playlist = format!("#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MAP:URI=\"init.mp4\"\n{segments}#EXT-X-ENDLIST\n");
    std::fs::write(folder.join("playlist.m3u8"), playlist).unwrap();
    for name in ["init.mp4", "seg-00004.m4s", "seg-00005.m4s", "video.mp4"] {
        std::fs::write(folder.join(name), b"media").unwrap();
    }
    for name in ["cover.jpg", "sprites/sprite-00009.jpg", "sprites/sprites.vtt"] {
        std::fs::write(app.media_dir().join(file_id).join(name), b"picture").unwrap();
    }
}

#[test]
fn playlists_and_segments_end_with_a_preview() {
    let app = TestApp::start();
    app.publish("trailer", "clear");
    for file_id in [TITLE, "trailer"] {
        write_media(&app, file_id);
        let base = |psign: &str| {
            let response: PlayResponse = app.player().try_play(psign, json!({})).parsed();
            path(&app, &response.playlist_url).strip_suffix("master.m3u8").unwrap().to_owned()
        };
        let (cut, whole) = (base(&preview(&app, file_id, 25)), base(&app.sign(&app.claims(file_id))));
        let get = |base: &str, name: &str| app.get(&format!("{base}{name}"));

        let playlist = get(&cut, "v720p/playlist.m3u8");
        assert_eq!(playlist.header("cache-control"), Some("no-store"));
        let text = playlist.text();
        assert_eq!(text.matches("seg-").count(), 5, "{text}");
        assert!(text.contains("seg-00004.m4s") && text.contains("init.mp4") && text.ends_with("#EXT-X-ENDLIST\n"));
        assert_eq!(get(&whole, "v720p/playlist.m3u8").text().matches("seg-").count(), 25);
        for name in [
            "master.m3u8",
            "v720p/init.mp4",
            "v720p/seg-00004.m4s",
            "cover.jpg",
            "sprites/sprite-00009.jpg",
            "sprites/sprites.vtt",
        ] {
            assert_eq!(get(&cut, name).status, 200, "{name}");
        }
        for name in ["v720p/seg-00005.m4s", "v720p/video.mp4"] {
            assert_eq!(get(&cut, name).code(), "preview_ended", "{name}");
            assert_eq!(get(&whole, name).status, 200, "{name}");
        }
        assert!(cut.contains(".5-"), "{cut}");
        for longer in [cut.replace(".5-", ".6-"), cut.replace(".5-", "-")] {
            assert_eq!(get(&longer, "v720p/seg-00005.m4s").code(), "url_invalid");
        }
    }
}

#[test]
fn a_renewal_makes_a_preview_no_longer() {
    let app = TestApp::start();
    let player = app.player();
    let sign = |expires_in: u64, exper: Option<u64>| {
        let mut claims = app.claims(TITLE);
        claims.expire_time_stamp = Some(app.now() + expires_in);
        claims.url_access_info = exper.map(|secs| UrlAccessInfo { exper: Some(secs), ..UrlAccessInfo::default() });
        app.sign(&claims)
    };
    let (_, grant) = player.play(&sign(100, Some(60)), json!({}));
    let (renewed, keys) = player.keys(&grant, json!({ "counter": 1, "period": 1, "psign": sign(1000, None) }));
    assert_eq!(periods(&keys), [1]);
    assert!(renewed.playlist_url.contains(".a-"), "{}", renewed.playlist_url);
    assert_eq!(player.try_keys(&grant, json!({ "counter": 2, "period": 2 })).code(), "preview_ended");
    let shorter = sign(2000, Some(30));
    player.keys(&grant, json!({ "counter": 2, "period": 0, "psign": shorter }));
    assert_eq!(player.try_keys(&grant, json!({ "counter": 3, "period": 1 })).code(), "preview_ended");
    let (_, upgraded) = player.play(&sign(1000, None), json!({}));
    player.keys(&upgraded, json!({ "period": 4 }));
}
