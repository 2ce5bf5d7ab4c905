//! The headers that every answer has, whatever was asked and however it ends.

use serde_json::Value;

use crate::standard::{SHOW, entry, with_show};
use crate::support::{Request, Response, TITLE, TestApp};

/// What may be kept by a cache, by its path; everything else says `no-store`.
const KEPT: [&str; 4] = ["/media/", "/sdk/", "/assets/", "/docs/"];

#[track_caller]
fn check(what: &str, path: &str, answer: &Response) {
    let header = |name: &str| answer.header(name).unwrap_or_else(|| panic!("{what}: no {name}"));
    assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(header("referrer-policy"), "no-referrer", "{what}");
    assert!(header("content-security-policy").contains("default-src '"), "{what}");
    assert!(["same-origin", "cross-origin"].contains(&header("cross-origin-resource-policy")), "{what}");
    assert!(!header("x-request-id").is_empty(), "{what}");
    let is_html = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
    assert!(!is_html || header("content-security-policy").contains("frame-ancestors "), "{what}: can be framed");
    let keeps = answer.status < 400 && (is_html || KEPT.iter().any(|prefix| path.starts_with(prefix)));
    assert!(keeps || header("cache-control") == "no-store", "{what}: {}", header("cache-control"));
}

#[test]
fn every_operation_answers_with_them_also_when_it_refuses() {
    let app = TestApp::start();
    let document = app.get("/v1/openapi.json").value();
    let mut checked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let parts = path.split(['{', '}']).enumerate();
        let concrete: String = parts.map(|(at, part)| if at % 2 == 1 { "film" } else { part }).collect();
        let described = item.as_object().unwrap().keys().map(|method| method.to_uppercase());
        for method in described.chain(["TRACE".to_owned(), "OPTIONS".to_owned()]) {
            // A stream has no end.
            if concrete == "/v1/changes" && method == "GET" {
                continue;
            }
            // A body that is refused unread would hold the connection for a second.
            let has_body = ["POST", "PUT", "PATCH"].contains(&method.as_str());
            let send = |request: Request, has_body: bool| {
                let request = request.header("Tus-Resumable", "1.0.0");
                if has_body { request.json("{}").send() } else { request.send() }
            };
            let anonymous = send(app.request(&method, &concrete), false);
            check(&format!("{method} {path}"), &concrete, &anonymous);
            let authorized = send(app.authorized(&method, &concrete), has_body);
            check(&format!("{method} {path} with a key: {}", authorized.status), &concrete, &authorized);
            checked += 1;
        }
    }
    assert!(checked > 150, "{checked}");
}

#[test]
fn keys_playlists_media_and_pages_answer_with_them() {
    let app = with_show(TestApp::start());
    for (folder, name) in
        [("www", "index.html"), ("www/assets", "a-1234.js"), ("sdk", "worker.js"), ("sdk", "keyveil.wasm")]
    {
        std::fs::create_dir_all(app.dir.path().join(folder)).unwrap();
        std::fs::write(app.dir.path().join(folder).join(name), "text").unwrap();
    }
    let (play, _) = app.player().play_title(TITLE);
    let playlist = play.playlist_url.split_once(app.address()).unwrap().1.to_owned();
    let psign = app.sign(&app.claims(SHOW));
    let ok: [(&str, Response, Option<&str>); 7] = [
        ("page", app.get("/"), Some("no-cache")),
        ("asset", app.get("/assets/a-1234.js"), Some("public, max-age=31536000, immutable")),
        ("worker", app.get("/sdk/worker.js"), Some("no-cache")),
        ("wasm", app.get("/sdk/keyveil.wasm"), Some("no-cache")),
        ("playlist", app.get(&playlist), Some("public, max-age=60")),
        (
            "segment",
            app.get(&playlist.replace("master.m3u8", "v/00000.m4s")),
            Some("public, max-age=31536000, immutable"),
        ),
        ("standard playlist", entry(&app, SHOW, &psign).send(), Some("no-store")),
    ];
    for (what, answer, cache) in ok {
        assert_eq!(answer.status, 200, "{what}");
        check(what, if cache == Some("no-store") { "/" } else { "/media/" }, &answer);
        assert_eq!(answer.header("cache-control"), cache, "{what}");
    }
    let page = app.get("/");
    assert!(page.header("content-security-policy").unwrap().contains("frame-ancestors 'self'"));
    assert_eq!(page.header("cross-origin-opener-policy"), Some("same-origin"));
    for (what, path) in [
        ("no page", "/none"),
        ("no media", "/media/x/y/z"),
        ("no route", "/v1/none"),
        ("a long way up", "/../../etc/passwd"),
    ] {
        let answer = app.get(path);
        assert!(answer.status >= 400, "{what}");
        check(what, path, &answer);
    }
    let preflight = app.request("OPTIONS", "/v1/play").header("Origin", "https://foreign.example");
    let preflight = preflight.header("Access-Control-Request-Method", "POST").send();
    check("a refused preflight", "/v1/play", &preflight);
    assert_eq!(serde_json::from_slice::<Value>(&preflight.body).unwrap()["error"]["code"], "origin_not_allowed");
}
