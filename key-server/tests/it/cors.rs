use keyveil_protocol::Exchange;
use keyveil_protocol::psign::{KeyveilClaims, UrlAccessInfo};
use serde_json::json;

use crate::support::{Player, Request, Response, TITLE, TestApp};

const ALLOWED: &str = "https://shop.example.com";
const FOREIGN: &str = "https://evil.example.net";

fn play_from(app: &TestApp, origin: Option<&str>, psign: &str) -> Response {
    let body = app.player().play_body(&Exchange::generate(&mut Player::rng()), psign, json!({}));
    with_origin(app.request("POST", "/v1/play"), origin).json(body.to_string()).send()
}

fn with_origin(request: Request, origin: Option<&str>) -> Request {
    match origin {
        Some(origin) => request.header("Origin", origin),
        None => request,
    }
}

fn readable_by(response: &Response) -> Option<&str> {
    assert!(response.header("vary").unwrap().contains("Origin"));
    response.header("access-control-allow-origin")
}

#[test]
fn a_page_of_the_app_may_play_and_read() {
    let app = TestApp::builder().domain("*.example.com").domain("localhost:3000").start();
    let psign = app.sign(&app.claims(TITLE));
    for origin in [ALLOWED, "http://localhost:3000"] {
        let response = play_from(&app, Some(origin), &psign);
        assert_eq!(response.status, 200);
        assert_eq!(readable_by(&response), Some(origin));
    }
    let without = play_from(&app, None, &psign);
    assert_eq!((without.status, readable_by(&without)), (200, None));
}

#[test]
fn a_page_of_no_or_another_app_is_refused_and_may_not_read() {
    let app = TestApp::builder().domain("example.com").start();
    let psign = app.sign(&app.claims(TITLE));
    let origins = [FOREIGN, ALLOWED, "null", "https://example.com.evil.net", "http://localhost:3001", "example.com"];
    for origin in origins {
        let response = play_from(&app, Some(origin), &psign);
        assert_eq!(response.code(), "origin_not_allowed", "{origin}");
        assert_eq!(readable_by(&response), None, "{origin}");
    }
    assert_eq!(play_from(&app, Some("https://example.com"), &psign).status, 200);
}

#[test]
fn the_servers_own_pages_may_play() {
    let app = TestApp::start();
    let psign = app.sign(&app.claims(TITLE));
    let own = format!("http://{}", app.address());
    assert_eq!(play_from(&app, Some(&own), &psign).status, 200);
    assert_eq!(play_from(&app, Some(&own.replace("127.0.0.1", "localhost")), &psign).status, 200);
    assert_eq!(play_from(&app, Some("http://127.0.0.1:1"), &psign).code(), "origin_not_allowed");

    let named = TestApp::builder().public_url("https://video.example.org").start();
    let psign = named.sign(&named.claims(TITLE));
    let response = play_from(&named, Some("https://video.example.org"), &psign);
    assert!(response.value()["playlistUrl"].as_str().unwrap().starts_with("https://video.example.org/media/"));
    let bound = format!("http://{}", named.address());
    assert_eq!(play_from(&named, Some(&bound), &psign).code(), "origin_not_allowed", "only what was named is own");
}

#[test]
fn a_signature_bound_to_domains_plays_there_only() {
    let app = TestApp::builder().domain("*.example.com").start();
    let vendor = |domain: &str| {
        let mut claims = app.claims(TITLE);
        claims.url_access_info = Some(UrlAccessInfo { domain: Some(domain.to_owned()), ..UrlAccessInfo::default() });
        app.sign(&claims)
    };
    let own = |domains: &[&str]| {
        let mut claims = app.claims(TITLE);
        let domains = domains.iter().map(|domain| (*domain).to_owned()).collect();
        claims.keyveil = Some(KeyveilClaims { domains, ..KeyveilClaims::default() });
        app.sign(&claims)
    };
    for psign in
        [vendor("shop.example.com"), vendor("a.example.com, shop.example.com"), own(&["x.com", "shop.example.com"])]
    {
        assert_eq!(play_from(&app, Some(ALLOWED), &psign).status, 200);
        assert_eq!(play_from(&app, Some("https://b.example.com"), &psign).code(), "origin_not_allowed");
        assert_eq!(play_from(&app, None, &psign).code(), "origin_not_allowed", "bound to pages, so no page is no page");
    }
    let foreign = own(&["evil.example.net"]);
    assert_eq!(play_from(&app, Some(FOREIGN), &foreign).code(), "origin_not_allowed", "the app's domains hold too");
}

#[test]
fn keys_are_given_to_pages_of_the_sessions_app_only() {
    let app = TestApp::builder().domain("shop.example.com").start();
    let player = app.player().on_page(ALLOWED);
    let (_, grant) = player.play_title(TITLE);
    let keys_from = |origin: &str, counter: u64| {
        let exchange = Exchange::generate(&mut Player::rng());
        player.keys_request(&grant, &exchange, json!({ "counter": counter })).0.header("Origin", origin).send()
    };
    let allowed = keys_from(ALLOWED, 1);
    assert_eq!((allowed.status, readable_by(&allowed)), (200, Some(ALLOWED)));
    let foreign = keys_from(FOREIGN, 2);
    assert_eq!((foreign.code().as_str(), readable_by(&foreign)), ("origin_not_allowed", None));
    let elsewhere = player.try_keys(&grant, json!({ "counter": 3 }));
    assert_eq!(elsewhere.code(), "origin_not_allowed", "a session stays with the page that opened it");
    let replayed = keys_from(ALLOWED, 1);
    assert_eq!(replayed.code(), "counter_replayed");
    assert_eq!(readable_by(&replayed), Some(ALLOWED), "a page can read why it was refused");
}

#[test]
fn media_is_readable_by_pages_of_the_titles_app_only() {
    let app = TestApp::builder().domain("shop.example.com").start();
    let (play, _) = app.player().play_title(TITLE);
    let path = play.playlist_url.split_once(app.address()).unwrap().1.to_owned();
    let mut other_builder = app.replica();
    let get = |path: &str, origin: &str| app.request("GET", path).header("Origin", origin).send();
    let response = get(&path, ALLOWED);
    assert_eq!(readable_by(&response), Some(ALLOWED));
    assert!(response.header("access-control-expose-headers").unwrap().contains("Content-Range"));
    assert_eq!(response.header("cross-origin-resource-policy"), Some("cross-origin"));
    assert_eq!(readable_by(&get(&path, FOREIGN)), None);
    other_builder.stop();
}

#[test]
fn another_apps_page_may_not_read_this_apps_answers() {
    let other = TestApp::builder().domain("other.example.org").start();
    let app = other.replica();
    app.publish("second", "private");
    let response = play_from(&app, Some("https://other.example.org"), &app.sign(&app.claims("second")));
    assert_eq!((response.code().as_str(), readable_by(&response)), ("origin_not_allowed", None));
    let malformed = play_from(&app, Some("https://other.example.org"), "x");
    assert_eq!(malformed.code(), "psign_malformed");
    assert_eq!(
        readable_by(&malformed),
        Some("https://other.example.org"),
        "of no app yet: any known page may read why"
    );
}

/// As a browser asks before it sends what a player's traced exchange has.
#[test]
fn a_page_of_the_app_may_send_a_trace_and_no_header_that_is_not_named() {
    let app = TestApp::builder().domain("shop.example.com").start();
    for path in ["/v1/play", "/v1/keys"] {
        let request = app.request("OPTIONS", path).header("Origin", ALLOWED);
        let request = request.header("Access-Control-Request-Method", "POST");
        let response = request.header("Access-Control-Request-Headers", "content-type,keyveil-mac,traceparent").send();
        assert_eq!((response.status, readable_by(&response)), (204, Some(ALLOWED)), "{path}");
        let named = response.header("access-control-allow-headers").unwrap().to_ascii_lowercase();
        let names = named.split(", ").collect::<Vec<_>>();
        for name in ["content-type", "keyveil-mac", "traceparent"] {
            assert!(names.contains(&name), "{path}: {named}");
        }
        for name in ["*", "authorization", "tracestate"] {
            assert!(!names.contains(&name), "{path}: {named}");
        }
    }
    let body =
        app.player().play_body(&Exchange::generate(&mut Player::rng()), &app.sign(&app.claims(TITLE)), json!({}));
    let request = app.request("POST", "/v1/play").header("Origin", ALLOWED);
    let traced = request.header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let played = traced.json(body.to_string()).send();
    assert_eq!((played.status, readable_by(&played)), (200, Some(ALLOWED)));
}

#[test]
fn preflight_is_answered_for_known_pages_only() {
    let app = TestApp::builder().domain("shop.example.com").start();
    let preflight = |path: &str, origin: &str| {
        let request = app.request("OPTIONS", path).header("Origin", origin);
        request.header("Access-Control-Request-Method", "POST").send()
    };
    for path in ["/v1/play", "/v1/keys", "/media/x/film/master.m3u8", "/sdk/worker.js"] {
        let response = preflight(path, ALLOWED);
        assert_eq!((response.status, readable_by(&response)), (204, Some(ALLOWED)), "{path}");
        let headers = response.header("access-control-allow-headers").unwrap();
        for name in ["Content-Type", "Keyveil-Mac", "Range", "Traceparent"] {
            assert!(headers.contains(name));
        }
        let foreign = preflight(path, FOREIGN);
        assert_eq!((foreign.code().as_str(), readable_by(&foreign)), ("origin_not_allowed", None), "{path}");
    }
    let admin = preflight("/v1/titles", ALLOWED);
    assert_eq!(admin.code(), "method_not_allowed");
    assert_eq!(admin.header("access-control-allow-origin"), None, "API keys are for servers, not for pages");
}
