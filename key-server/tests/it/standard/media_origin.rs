//! Standard titles behind a CDN whose scheme signs every address by itself.

use serde_json::json;

use super::{CLEAR, PARAMETER, PlainPlayer, SHOW, addresses, decrypted, path_of, start};

#[test]
fn playlists_and_segments_are_signed_and_keys_are_this_servers() {
    for scheme in ["a", "b", "c-path", "c-query", "f", "tencent-d", "tencent-key"] {
        let app = start();
        let base_url = format!("http://{}", app.address());
        let body = json!({ "originId": "cdn", "baseUrl": base_url, "scheme": scheme, "isDefault": true }).to_string();
        assert_eq!(app.authorized("POST", "/v1/media-origins").json(body).send().status, 201);
        let player = PlainPlayer::open(&app, SHOW);
        let path = player.playlist_path("v720p");
        assert!(path.contains("/v/show/v720p/playlist.m3u8") && path.contains(PARAMETER), "{scheme} {path}");
        let playlist = player.playlist("v720p");
        assert_eq!((playlist.status, playlist.header("cache-control")), (200, Some("no-store")), "{scheme}");
        let text = playlist.text();
        let all = addresses(&text);
        let (segment, map, key) = (&all[0], &all[25], &all[26]);
        assert!(map.contains("/v/show/v720p/init.mp4") && segment.contains("seg-00000.m4s"), "{scheme} {text}");
        assert!(
            !segment.contains(PARAMETER) && !map.contains(PARAMETER),
            "{scheme}: only playlists and keys need a token"
        );
        let [key, media] = [key, segment].map(|address| app.get(&path_of(&app, address)));
        assert_eq!((key.status, media.status), (200, 200), "{scheme}");
        let iv = text.split_once("IV=0x").unwrap().1.split('\n').next().unwrap();
        assert_eq!(decrypted(&key.body, iv, &media.body), CLEAR, "{scheme}");
        let unsigned = format!("/v/show/v720p/seg-00000.m4s?{PARAMETER}={}", player.token());
        assert_eq!(app.get(&unsigned).code(), "url_invalid", "{scheme}: a token of keys opens no media");
    }
}
