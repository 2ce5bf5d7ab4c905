//! Media origins: their keys, their addresses, and what each address opens.

use keyveil_key_server::store::AuditKind;
use keyveil_protocol::psign::UrlAccessInfo;
use serde_json::{Value, json};

use crate::support::{Response, TITLE, TestApp};

const KEY: &str = "aMainKey12345678";
const BACKUP_KEY: &str = "aBackupKey123456";
const SCHEMES: [&str; 7] = ["a", "b", "c-path", "c-query", "f", "tencent-d", "tencent-key"];
const BASE: &str = "https://cdn.example.com";

fn send(app: &TestApp, method: &str, path: &str, body: &Value) -> Response {
    app.authorized(method, path).json(body.to_string()).send()
}

fn new(id: &str, scheme: &str) -> Value {
    json!({ "originId": id, "baseUrl": BASE, "scheme": scheme, "key": KEY, "backupKey": BACKUP_KEY })
}

/// An app whose default media origin has this scheme.
fn behind_cdn(scheme: &str) -> TestApp {
    let app = TestApp::builder().trusted_proxies(&["127.0.0.1"]).start();
    std::fs::write(app.media_dir().join(TITLE).join("master.m3u8"), MASTER).unwrap();
    std::fs::write(app.media_dir().join(TITLE).join("v/playlist.m3u8"), MEDIA).unwrap();
    let mut body = new("cdn", scheme);
    body["isDefault"] = true.into();
    let made = send(&app, "POST", "/v1/media-origins", &body);
    assert_eq!(made.status, 201, "{}", made.text());
    app
}

const MASTER: &str = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv/playlist.m3u8\n";
const MEDIA: &str =
    "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:10,\n00000.m4s\n#EXT-X-ENDLIST\n";

/// Where a player is sent, without the CDN's host: what the CDN asks the origin for.
fn playlist_path(app: &TestApp) -> String {
    let (response, _) = app.player().play_title(TITLE);
    response.playlist_url.strip_prefix(BASE).expect("the CDN's").to_owned()
}

/// The addresses that a playlist names.
fn named(playlist: &Response) -> Vec<String> {
    let uri = |line: &str| {
        let line = line.split_once("URI=\"").map_or(line, |(_, rest)| rest.trim_end_matches('"'));
        Some(line.strip_prefix(BASE)?.to_owned())
    };
    playlist.text().lines().filter_map(uri).collect()
}

#[test]
fn a_player_behind_a_cdn_gets_from_address_to_address() {
    for scheme in SCHEMES {
        let app = behind_cdn(scheme);
        let master = app.get(&playlist_path(&app));
        assert_eq!((master.status, master.header("cache-control")), (200, Some("no-store")), "{scheme}");
        let [variant] = &named(&master)[..] else { panic!("{scheme}: {}", master.text()) };
        let media = app.get(variant);
        assert_eq!((media.status, media.header("cache-control")), (200, Some("no-store")), "{scheme}");
        let [init, segment] = &named(&media)[..] else { panic!("{scheme}: {}", media.text()) };
        for address in [init, segment] {
            let file = app.get(address);
            assert_eq!((file.status, file.body.len()), (200, 1000), "{scheme} {address}");
            assert_eq!(file.header("cache-control"), Some("public, max-age=31536000, immutable"), "{scheme}");
            let part = app.get_with(address, &[("Range", "bytes=10-19")]);
            assert_eq!((part.status, part.body.len()), (206, 10), "{scheme}");
            assert_eq!(app.request("HEAD", address).send().status, 200);
        }
        let other = segment.replace("00000.m4s", "00000.ts");
        let expected = if scheme == "tencent-key" { 200 } else { 403 };
        assert_eq!(app.get(&other).status, expected, "{scheme}: only tencent-key covers a directory");
        assert_eq!(app.get(&segment.replace("/v/film/v/", "/v/film/")).code(), "url_invalid", "{scheme}");
    }
}

#[test]
fn addresses_end_with_the_ttl_and_are_not_prolonged_by_playlists() {
    for scheme in SCHEMES {
        let app = behind_cdn(scheme);
        let master = playlist_path(&app);
        app.clock.advance(14_000);
        let later = named(&app.get(&master));
        assert_eq!(app.get(&later[0]).status, 200, "{scheme}");
        app.clock.advance(401);
        assert_eq!(app.get(&master).code(), "url_expired", "{scheme}");
        assert_eq!(app.get(&later[0]).code(), "url_expired", "{scheme}");
        assert_eq!(app.get(&later[0]).status, 403);
    }
}

#[test]
fn both_keys_hold_until_they_are_taken_away() {
    let app = behind_cdn("f");
    let address = playlist_path(&app);
    let change = |body: Value| {
        let changed = send(&app, "PATCH", "/v1/media-origins/cdn", &body);
        assert_eq!(changed.status, 200, "{}", changed.text());
        changed.value()
    };
    // As keys are rotated: the main one becomes the backup.
    let changed = change(json!({ "key": "aNextKey12345678", "backupKey": KEY }));
    assert_eq!(changed["hasBackupKey"], true);
    let replica = app.replica();
    assert_eq!(replica.get(&address).status, 200);
    drop(replica);
    assert_eq!(change(json!({ "backupKey": null }))["hasBackupKey"], false);
    let replica = app.replica();
    assert_eq!(replica.get(&address).code(), "url_invalid");
}

#[test]
fn a_title_that_is_not_published_is_not_found() {
    let app = behind_cdn("a");
    let address = playlist_path(&app);
    assert_eq!(app.get(&address).status, 200);
    assert_eq!(send(&app, "POST", "/v1/titles/film/unpublish", &json!({})).status, 200);
    assert_eq!(app.get(&address).code(), "not_found");
    let asked = app.get_with("/v1/url-auth", &[("X-Original-URI", &address)]);
    assert_eq!((asked.status, asked.code().as_str()), (403, "url_invalid"), "403 is all that a CDN understands");
}

#[test]
fn a_cdn_may_ask_about_every_address_and_nobody_else() {
    for scheme in SCHEMES {
        let app = behind_cdn(scheme);
        let address = playlist_path(&app);
        let ask = |address: &str| app.get_with("/v1/url-auth", &[("X-Original-URI", address)]);
        assert_eq!(ask(&address).status, 204, "{scheme}");
        assert_eq!(ask(&address.replace("film", "film2")).code(), "url_invalid", "{scheme}");
        assert_eq!(ask("/v/film/master.m3u8").code(), "url_invalid", "{scheme}");
        assert_eq!(app.get("/v1/url-auth").code(), "url_invalid");
        let twice = [("X-Original-URI", address.as_str()), ("X-Original-URI", address.as_str())];
        assert_eq!(app.get_with("/v1/url-auth", &twice).code(), "url_invalid");
        app.clock.advance(14_401);
        assert_eq!(ask(&address).code(), "url_expired", "{scheme}");
    }
    let app = TestApp::start();
    let url = app.player().play_title(TITLE).0.playlist_url;
    let address = url.strip_prefix(&format!("http://{}", app.address())).unwrap();
    assert_eq!(app.get(address).status, 200);
    assert_eq!(app.get_with("/v1/url-auth", &[("X-Original-URI", address)]).code(), "not_found", "no proxy is trusted");
    let behind = TestApp::builder().trusted_proxies(&["127.0.0.1"]).start();
    let url = behind.player().play_title(TITLE).0.playlist_url;
    let address = url.strip_prefix(&format!("http://{}", behind.address())).unwrap();
    let ask = |address: &str| behind.get_with("/v1/url-auth", &[("X-Original-URI", address)]);
    assert_eq!(ask(address).status, 204, "path-hmac");
    assert_eq!(ask(&format!("{address}?x=1")).status, 204);
    assert_eq!(ask(&address.replace("/media/", "/media/0")).code(), "url_invalid");
}

#[test]
fn the_own_scheme_may_be_told_another_host() {
    let app = TestApp::start();
    let body = json!({ "originId": "edge", "baseUrl": BASE, "scheme": "path-hmac", "isDefault": true });
    let made = send(&app, "POST", "/v1/media-origins", &body).value();
    assert_eq!(made["key"], Value::Null);
    let path = playlist_path(&app);
    assert!(path.starts_with("/media/"), "{path}");
    assert_eq!(app.get(&path).status, 200);
    let refused = send(&app, "PATCH", "/v1/media-origins/edge", &json!({ "key": KEY }));
    assert_eq!(refused.code(), "malformed_request");
    let changed = send(&app, "PATCH", "/v1/media-origins/edge", &json!({ "scheme": "a" }));
    assert_eq!(changed.code(), "malformed_request", "a vendor's scheme needs a key");
    let changed = send(&app, "PATCH", "/v1/media-origins/edge", &json!({ "scheme": "a", "key": KEY }));
    assert_eq!(changed.value()["scheme"], "a");
}

#[test]
fn media_origins_are_made_changed_and_removed() {
    let app = TestApp::start();
    let made = send(&app, "POST", "/v1/media-origins", &json!({ "originId": "c1", "baseUrl": BASE, "scheme": "a" }));
    let key = made.value()["key"].as_str().unwrap().to_owned();
    assert!(key.len() == 20 && key.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let shown = app.authorized("GET", "/v1/media-origins/c1").send();
    let expected = json!({ "originId": "c1", "baseUrl": BASE, "scheme": "a", "ttlSecs": 14_400, "isDefault": false,
        "hasBackupKey": false, "createdAt": shown.value()["createdAt"], "updatedAt": shown.value()["updatedAt"] });
    assert_eq!(shown.value(), expected);
    let mut second = new("c2", "b");
    second["isDefault"] = true.into();
    assert_eq!(send(&app, "POST", "/v1/media-origins", &second).value()["key"], Value::Null, "a given key is not told");
    let default = json!({ "isDefault": true, "ttlSecs": 60, "baseUrl": "http://192.0.2.1:8080/" });
    let changed = send(&app, "PATCH", "/v1/media-origins/c1", &default).value();
    assert_eq!((changed["baseUrl"].as_str(), changed["ttlSecs"].as_u64()), (Some("http://192.0.2.1:8080"), Some(60)));
    let listed = app.authorized("GET", "/v1/media-origins").send().value();
    let defaults: Vec<_> =
        listed["mediaOrigins"].as_array().unwrap().iter().map(|one| one["isDefault"].clone()).collect();
    assert_eq!(defaults, [json!(true), json!(false)], "one default");
    for path in ["/v1/media-origins", "/v1/media-origins/c1"] {
        assert!(!app.authorized("GET", path).send().text().contains(&key));
    }
    assert_eq!(app.authorized("DELETE", "/v1/media-origins/c1").send().status, 204);
    assert_eq!(app.authorized("DELETE", "/v1/media-origins/c1").send().code(), "not_found");
    assert_eq!(app.authorized("GET", "/v1/media-origins/c1").send().code(), "not_found");
    assert_eq!(send(&app, "PATCH", "/v1/media-origins/c1", &json!({})).code(), "not_found");
    let log = app.authorized("GET", "/v1/audit?limit=200").send().text();
    for kind in [AuditKind::MediaOriginCreated, AuditKind::MediaOriginChanged, AuditKind::MediaOriginDeleted] {
        assert!(log.contains(kind.as_str()), "{}", kind.as_str());
    }
    assert!(!log.contains(&key) && !log.contains(KEY));
}

#[test]
fn bad_media_origins_are_refused() {
    let app = TestApp::start();
    for (field, value) in [
        ("originId", json!("")),
        ("originId", json!("a b")),
        ("baseUrl", json!("cdn.example.com")),
        ("baseUrl", json!("ftp://cdn.example.com")),
        ("baseUrl", json!("https://cdn.example.com/path")),
        ("baseUrl", json!("https://user:pass@cdn.example.com")),
        ("baseUrl", json!("https://cdn.example.com?x=1")),
        ("baseUrl", json!(format!("https://{}.example.com", "a".repeat(256)))),
        ("scheme", json!("A")),
        ("scheme", json!("md5")),
        ("key", json!("short")),
        ("key", json!("with-hyphens-in-it")),
        ("backupKey", json!("")),
        ("ttlSecs", json!(59)),
        ("ttlSecs", json!(2_592_001)),
        ("isDefault", json!("yes")),
        ("unknown", json!(1)),
    ] {
        let mut body = new("cdn", "a");
        body[field] = value;
        let refused = send(&app, "POST", "/v1/media-origins", &body);
        assert_eq!(refused.code(), "malformed_request", "{body}");
    }
    let with_key = json!({ "originId": "c", "baseUrl": BASE, "scheme": "path-hmac", "key": KEY });
    assert_eq!(send(&app, "POST", "/v1/media-origins", &with_key).code(), "malformed_request");
    assert_eq!(app.authorized("GET", "/v1/media-origins").send().value()["mediaOrigins"], json!([]));
    for n in 0..16 {
        assert_eq!(send(&app, "POST", "/v1/media-origins", &new(&format!("c{n}"), "a")).status, 201);
    }
    assert_eq!(send(&app, "POST", "/v1/media-origins", &new("c0", "a")).code(), "malformed_request", "taken");
    assert_eq!(send(&app, "POST", "/v1/media-origins", &new("c16", "a")).code(), "limit_reached");
}

/// An address of `tencent-key` as a customer's own server makes it.
fn hotlink(app: &TestApp, path: &str, limits: &[(&str, &str)]) -> String {
    use md5::Digest;
    // The same for a while: limits are counted per signature, and the clock goes on meanwhile.
    let expiry = format!("{:x}", (app.now() / 3600 + 2) * 3600);
    let uri = format!("/v/{TITLE}/{path}");
    let directory = &uri[..=uri.rfind('/').unwrap()];
    let values: String = limits.iter().map(|(_, value)| *value).collect();
    let query: String = limits.iter().map(|(name, value)| format!("&{name}={value}")).collect();
    let sign = hex::encode(md5::Md5::digest(format!("{KEY}{directory}{expiry}{values}")));
    format!("{uri}?t={expiry}{query}&sign={sign}")
}

#[test]
fn a_preview_ends_at_its_segment() {
    let app = behind_cdn("tencent-key");
    let folder = app.media_dir().join(TITLE).join("v");
    let segments: String = (0..3).map(|n| format!("#EXTINF:10,\nseg-{n:05}.m4s\n")).collect();
    std::fs::write(folder.join("playlist.m3u8"), format!("#EXTM3U\n{segments}#EXT-X-ENDLIST\n")).unwrap();
    for n in 0..3 {
        std::fs::write(folder.join(format!("seg-{n:05}.m4s")), b"segment").unwrap();
    }
    let segment_secs = app.player().play_title(TITLE).0.title.media.segment_ms / 1000;
    let exper = (segment_secs + 1).to_string();
    let cut = app.get(&hotlink(&app, "v/playlist.m3u8", &[("exper", &exper)]));
    let kept = named(&cut);
    assert_eq!(kept.len(), 2, "{}", cut.text());
    assert!(cut.text().ends_with("#EXT-X-ENDLIST\n"));
    assert_eq!(kept.iter().map(|address| app.get(address).status).collect::<Vec<_>>(), [200, 200]);
    let third = kept[1].replace("00001", "00002");
    assert_eq!(app.get(&third).code(), "preview_ended");
    assert_eq!(app.get_with("/v1/url-auth", &[("X-Original-URI", &third)]).status, 403);
    let whole = app.get(&hotlink(&app, "v/playlist.m3u8", &[]));
    assert_eq!((named(&whole).len(), app.get(&named(&whole)[2]).status), (3, 200), "the control");
    for no_preview in ["0", "4294967295"] {
        let whole = app.get(&hotlink(&app, "v/playlist.m3u8", &[("exper", no_preview)]));
        assert_eq!(named(&whole).len(), 3, "{no_preview}");
    }
}

#[test]
fn a_signatures_preview_holds_at_every_origin() {
    for scheme in ["a", "c-path", "tencent-key"] {
        let app = behind_cdn(scheme);
        let folder = app.media_dir().join(TITLE).join("v");
        let segments: String = (0..25).map(|n| format!("#EXTINF:6,\nseg-{n:05}.m4s\n")).collect();
        std::fs::write(folder.join("playlist.m3u8"), format!("#EXTM3U\n{segments}#EXT-X-ENDLIST\n")).unwrap();
        let mut claims = app.claims(TITLE);
        let us = Some("viewer1".to_owned());
        claims.url_access_info = Some(UrlAccessInfo { exper: Some(13), us, ..UrlAccessInfo::default() });
        let url = app.player().play(&app.sign(&claims), json!({})).0.playlist_url;
        let own = format!("http://{}/media/", app.address());
        assert!(url.starts_with(&own), "{scheme} {url}");
        let of = |path: &str| app.get(&url[own.len() - "/media/".len()..].replace("master.m3u8", path));
        let playlist = of("v/playlist.m3u8");
        assert_eq!(playlist.text().matches("#EXTINF").count(), 3, "{}", playlist.text());
        assert_eq!(of("v/seg-00003.m4s").code(), "preview_ended");
        claims.url_access_info.as_mut().unwrap().exper = None;
        let whole = app.player().play(&app.sign(&claims), json!({})).0.playlist_url;
        assert!(
            whole.starts_with(BASE) && whole.contains("us=viewer1") == (scheme == "tencent-key"),
            "{scheme} {whole}"
        );
    }
}

#[test]
fn an_address_is_used_from_as_many_places_as_it_allows() {
    let app = behind_cdn("tencent-key");
    let address = hotlink(&app, "v/00000.m4s", &[("rlimit", "2"), ("us", "u1")]);
    let from = |address: &str, client: &str| app.get_with(address, &[("X-Forwarded-For", client)]);
    for client in ["192.0.2.1", "2001:db8::1", "192.0.2.1", "2001:db8::ffff"] {
        assert_eq!(from(&address, client).status, 200, "{client}");
    }
    assert_eq!(from(&address, "192.0.2.2").code(), "address_limit");
    assert_eq!(
        from(&hotlink(&app, "master.m3u8", &[("rlimit", "2"), ("us", "u1")]), "192.0.2.2").code(),
        "address_limit"
    );
    assert_eq!(from(&address, "2001:db8::2").status, 200);
    assert_eq!(from(&hotlink(&app, "v/00000.m4s", &[("rlimit", "2"), ("us", "u2")]), "192.0.2.2").status, 200);
    assert_eq!(from(&hotlink(&app, "v/00000.m4s", &[]), "192.0.2.3").status, 200);
    assert_eq!(from(&hotlink(&app, "v/00000.m4s", &[("rlimit", "10")]), "192.0.2.3").code(), "url_invalid");
}

#[test]
fn an_application_has_its_own_keys() {
    let app = behind_cdn("a");
    let other = TestApp::builder().over(&app).start();
    let address = playlist_path(&app);
    assert_eq!(other.get(&address).status, 200, "the same installation");
    // The other application's origin has another key: its addresses open nothing of the first one's.
    let body =
        json!({ "originId": "cdn", "baseUrl": BASE, "scheme": "a", "key": "anOtherKey123456", "isDefault": true });
    assert_eq!(send(&other, "POST", "/v1/media-origins", &body).status, 201);
    other.publish("film2", "private");
    let (response, _) = other.player().play(&other.sign(&other.claims("film2")), json!({}));
    let own = response.playlist_url.strip_prefix(BASE).unwrap().to_owned();
    assert_eq!(other.get(&own).status, 200);
    assert_eq!(other.get(&own.replace("film2", "film")).code(), "url_invalid");
    assert_eq!(
        other.authorized("GET", "/v1/media-origins").send().value()["mediaOrigins"].as_array().unwrap().len(),
        1
    );
}
