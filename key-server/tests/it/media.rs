use crate::support::{TITLE, TestApp};

/// `/media/<token>/<file id>/` of a fresh play.
fn folder(app: &TestApp) -> String {
    let (play, _) = app.player().play_title(TITLE);
    let path = play.playlist_url.split_once(app.address()).unwrap().1;
    path.strip_suffix("master.m3u8").unwrap().to_owned()
}

#[test]
fn files_carry_their_types_and_cache_rules() {
    let app = TestApp::start();
    let folder = folder(&app);
    for (name, mime) in [
        ("v/init.mp4", "video/mp4"),
        ("v/00000.m4s", "video/iso.segment"),
        ("v/00000.ts", "video/mp2t"),
        ("v/audio.m4a", "audio/mp4"),
        ("v/text.vtt", "text/vtt"),
    ] {
        let response = app.request("GET", &format!("{folder}{name}")).header("Accept-Encoding", "br, gzip").send();
        assert_eq!(response.status, 200);
        assert_eq!(response.header("content-type"), Some(mime));
        assert_eq!(response.header("cache-control"), Some("public, max-age=31536000, immutable"));
        assert_eq!(response.header("content-encoding"), None, "{name} is ciphertext: compressing it is wasted");
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(response.header("accept-ranges"), Some("bytes"));
        assert_eq!(response.header("content-disposition"), None);
        assert_eq!(response.body.len(), 1000);
    }
    let playlist = app.get(&format!("{folder}master.m3u8"));
    assert_eq!(playlist.header("content-type"), Some("application/vnd.apple.mpegurl"));
    assert_eq!(playlist.header("cache-control"), Some("public, max-age=60"));
    assert!(playlist.text().starts_with("#EXTM3U"));
}

#[test]
fn playlists_are_compressed_for_those_who_take_it() {
    let app = TestApp::start();
    let path = format!("{}master.m3u8", folder(&app));
    let plain = app.get(&path);
    assert_eq!(plain.header("content-encoding"), None);
    for encoding in ["br", "gzip"] {
        let packed = app.request("GET", &path).header("Accept-Encoding", encoding).send();
        assert_eq!(packed.header("content-encoding"), Some(encoding));
        assert!(packed.body.len() < plain.body.len() / 2);
        let ranged = app.request("GET", &path).header("Accept-Encoding", encoding).header("Range", "bytes=0-4").send();
        assert_eq!(ranged.status, 200, "a part of a compressed playlist has no meaning");
    }
    assert!(plain.header("etag").unwrap().starts_with("W/"));
}

#[test]
fn a_range_is_answered_with_its_bytes() {
    let app = TestApp::start();
    let path = format!("{}v/00000.m4s", folder(&app));
    let whole = app.get(&path).body;
    for (range, from, to) in [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=990-", 990, 999),
        ("bytes=-5", 995, 999),
        ("bytes=998-2000", 998, 999),
    ] {
        let response = app.request("GET", &path).header("Range", range).send();
        assert_eq!(response.status, 206, "{range}");
        assert_eq!(response.header("content-range"), Some(format!("bytes {from}-{to}/1000").as_str()));
        assert_eq!(response.body, whole[from..=to]);
    }
    let several = app.request("GET", &path).header("Range", "bytes=0-1,5-6").send();
    assert_eq!((several.status, several.body.len()), (200, 1000), "several ranges at once get the whole file");
    let other_unit = app.request("GET", &path).header("Range", "lines=1-2").send();
    assert_eq!(other_unit.status, 200);
}

#[test]
fn a_range_out_of_bounds_is_refused() {
    let app = TestApp::start();
    let path = format!("{}v/00000.m4s", folder(&app));
    for range in ["bytes=1000-", "bytes=1000-2000", "bytes=5-2", "bytes=x-y"] {
        let response = app.request("GET", &path).header("Range", range).send();
        assert_eq!(response.code(), "range_not_satisfiable", "{range}");
        assert_eq!(response.header("content-range"), Some("bytes */1000"));
    }
}

#[test]
fn head_tells_the_length_and_sends_nothing() {
    let app = TestApp::start();
    let response = app.request("HEAD", &format!("{}v/00000.m4s", folder(&app))).send();
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-length"), Some("1000"));
    assert!(response.body.is_empty());
}

#[test]
fn a_known_version_is_not_sent_again() {
    let app = TestApp::start();
    let folder = folder(&app);
    for name in ["v/00000.m4s", "master.m3u8"] {
        let path = format!("{folder}{name}");
        let first = app.get(&path);
        let etag = first.header("etag").unwrap();
        let again = app.request("GET", &path).header("If-None-Match", etag).send();
        assert_eq!((again.status, again.body.len()), (304, 0));
        assert_eq!(app.request("GET", &path).header("If-None-Match", "\"other\"").send().status, 200);
        let date = first.header("last-modified").unwrap();
        assert_eq!(app.request("GET", &path).header("If-Modified-Since", date).send().status, 304);
    }
    let path = format!("{folder}v/00000.m4s");
    let stale = app.request("GET", &path).header("Range", "bytes=0-1").header("If-Range", "\"other\"").send();
    assert_eq!(stale.status, 200, "a range of another version is answered with this one whole");
}

#[test]
fn an_expired_address_is_refused() {
    let app = TestApp::start();
    let path = format!("{}v/00000.m4s", folder(&app));
    assert_eq!(app.get(&path).status, 200);
    app.clock.advance(86_400 + 3601);
    assert_eq!(app.get(&path).code(), "url_expired");
}

#[test]
fn an_altered_address_or_one_for_another_title_is_refused() {
    let app = TestApp::start();
    app.publish("other", "private");
    let folder = folder(&app);
    let token = folder.split('/').nth(2).unwrap();
    let (expiry, mac) = token.split_once('-').unwrap();
    let later = format!("{:x}", u64::from_str_radix(expiry, 16).unwrap() + 3600);
    let mut flipped = mac.to_owned();
    flipped.replace_range(..1, if mac.starts_with('A') { "B" } else { "A" });
    for path in [
        format!("/media/{token}/other/v/00000.m4s"),
        format!("/media/{later}-{mac}/{TITLE}/v/00000.m4s"),
        format!("/media/{expiry}-{flipped}/{TITLE}/v/00000.m4s"),
        format!("/media/{}-{mac}/{TITLE}/v/00000.m4s", expiry.to_uppercase() + "A"),
        format!("/media/0{token}/{TITLE}/v/00000.m4s"),
        format!("/media/{token}A/{TITLE}/v/00000.m4s"),
        format!("/media/x/{TITLE}/v/00000.m4s"),
        format!("/media/{}/{TITLE}/v/00000.m4s", "f".repeat(500)),
    ] {
        assert_eq!(app.get(&path).code(), "url_invalid", "{path}");
    }
    assert_eq!(app.get(&format!("/media/{token}/{TITLE}/v/00000.m4s")).status, 200);
}

#[test]
fn no_path_leads_out_of_the_title() {
    let app = TestApp::start();
    std::fs::write(app.media_dir().join("outside.m4s"), b"outside").unwrap();
    let title = app.media_dir().join(TITLE);
    std::os::unix::fs::symlink("../outside.m4s", title.join("link.m4s")).unwrap();
    std::fs::write(title.join(".hidden.m4s"), b"hidden").unwrap();
    std::fs::write(title.join("notes.txt"), b"notes").unwrap();
    let folder = folder(&app);
    for name in [
        "../outside.m4s",
        "v/../../outside.m4s",
        "%2e%2e/outside.m4s",
        "%2e%2e%2foutside.m4s",
        "..%2foutside.m4s",
        "..%5coutside.m4s",
        "..\\outside.m4s",
        "v%2f00000.m4s",
        "v//00000.m4s",
        "./v/00000.m4s",
        "/v/00000.m4s",
        "v/00000.m4s%00",
        "%00",
        "v/00000%2em4s",
        ".hidden.m4s",
        "%2ehidden.m4s",
        "link.m4s",
        "notes.txt",
        "v",
        "v/",
        "",
        "missing.m4s",
        "master.m3u8/",
        "master.m3u8/x.ts",
        "%252e%252e/outside.m4s",
        "..;/outside.m4s",
        "..%c0%afoutside.m4s",
        "x%2Fmaster.m3u8",
        "%6daster.m3u8",
    ] {
        let response = app.get(&format!("{folder}{name}"));
        assert_eq!(response.code(), "not_found", "{name}");
    }
    for path in ["/media", "/media/", "/media/x", "/media/x/film", "/media/x/a%20b/v/00000.m4s"] {
        assert_eq!(app.get(path).code(), "not_found", "{path}");
    }
}

#[test]
fn a_raw_nul_never_reaches_a_file() {
    let app = TestApp::start();
    let response = app.get(&format!("{}v/00000.m4s\0.txt", folder(&app)));
    assert_eq!(response.status, 400);
    assert!(response.body.is_empty());
}

#[test]
fn media_is_only_read() {
    let app = TestApp::start();
    let path = format!("{}v/00000.m4s", folder(&app));
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let response = app.request(method, &path).send();
        assert_eq!(response.code(), "method_not_allowed", "{method}");
        assert_eq!(response.header("allow"), Some("GET, HEAD"));
    }
}
