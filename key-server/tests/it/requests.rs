use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use crate::support::{TITLE, TestApp};

#[test]
fn a_body_over_its_limit_is_refused() {
    let app = TestApp::start();
    let padded = |len: usize| {
        let body = json!({ "psign": "", "publicKey": "", "buildId": "", "x": "" }).to_string();
        body.replace("\"x\":\"\"", &format!("\"x\":\"{}\"", "x".repeat(len - body.len())))
    };
    for path in ["/v1/play", "/v1/keys"] {
        let response = app.request("POST", path).json(padded(16 * 1024 + 1)).send();
        assert_eq!(response.code(), "body_too_large", "{path}");
    }
    assert_eq!(app.request("POST", "/v1/play").json(padded(16 * 1024)).send().code(), "psign_malformed");
    let publish = |len| app.authorized("POST", &format!("/v1/titles/{TITLE}/commit")).json("x".repeat(len)).send();
    assert_eq!(publish(256 * 1024 + 1).code(), "body_too_large");
    assert_eq!(publish(256 * 1024).code(), "malformed_request");
    let chunked = app.request("POST", "/v1/play").header("Content-Type", "application/json");
    let chunk = format!("4001\r\n{}\r\n0\r\n\r\n", "x".repeat(0x4001));
    let response = chunked.header("Transfer-Encoding", "chunked").header("X-Unannounced", "1");
    assert_eq!(response.raw_body(chunk).send().code(), "body_too_large", "also when no length is announced");
}

#[test]
fn a_body_that_is_not_json_is_refused() {
    let app = TestApp::start();
    for content_type in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/jsonx")]
    {
        let request = app.request("POST", "/v1/play");
        let request = match content_type {
            Some(value) => request.header("Content-Type", value),
            None => request,
        };
        assert_eq!(request.body("{}").send().code(), "unsupported_media_type", "{content_type:?}");
    }
    let packed = app.request("POST", "/v1/play").header("Content-Encoding", "gzip").json("{}").send();
    assert_eq!(packed.code(), "unsupported_media_type");
    let charset = app.request("POST", "/v1/play").header("Content-Type", "application/json; charset=utf-8");
    assert_eq!(charset.body("{}").send().code(), "malformed_request");
    for body in ["", "{", "[]", "null", "{\"psign\":1}", "{\"psign\":\"\",\"psign\":\"\"}", "\u{feff}{}"] {
        assert_eq!(app.request("POST", "/v1/play").json(body).send().code(), "malformed_request", "{body}");
    }
    let deep = "[".repeat(10_000);
    assert_eq!(app.request("POST", "/v1/play").json(deep).send().code(), "malformed_request");
}

#[test]
fn a_body_that_trickles_is_given_up() {
    let app = TestApp::start();
    let mut stream = TcpStream::connect(app.address()).unwrap();
    let head = "POST /v1/play HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 4096];
    let len = stream.read(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer[..len]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("malformed_request"), "{answer}");
}

#[test]
fn an_address_takes_its_own_methods_only() {
    let app = TestApp::start();
    for (method, path, allow) in [
        ("GET", "/v1/play", "POST"),
        ("DELETE", "/v1/keys", "POST"),
        ("POST", "/v1/server-keys", "GET"),
        ("PUT", "/v1/titles", "GET, POST"),
        ("POST", "/v1/titles/x", "GET, PUT, PATCH, DELETE"),
        ("GET", "/v1/titles/x/commit", "POST"),
        ("GET", "/v1/player-signatures", "POST"),
        ("POST", "/healthz", "GET"),
    ] {
        let response = app.request(method, path).send();
        assert_eq!(response.code(), "method_not_allowed", "{method} {path}");
        assert_eq!(response.header("allow"), Some(allow));
    }
}

#[test]
fn a_harmless_request_id_of_a_trusted_proxy_is_kept_and_every_other_replaced() {
    let [behind_proxy, public] = [&["127.0.0.1"][..], &["192.0.2.1"]].map(|ranges| {
        let app = TestApp::builder().trusted_proxies(ranges).start();
        move |given: &[&str]| {
            let request = given.iter().fold(app.request("GET", "/nothing"), |it, id| it.header("X-Request-Id", id));
            let response = request.send();
            assert_eq!(response.code(), "not_found");
            response.header("x-request-id").unwrap().to_owned()
        }
    });
    let longest = "x".repeat(64);
    for kept in ["proxy-1", "A_z-09", &longest] {
        assert_eq!(behind_proxy(&[kept]), kept);
    }
    let is_own = |id: &str| id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    for hostile in [&["a b"][..], &["a\"b"], &[&"x".repeat(65)], &["<script>"], &["a\u{e9}"], &[""], &["one", "two"]] {
        assert!(is_own(&behind_proxy(hostile)), "{hostile:?}");
    }
    for given in ["proxy-1", &longest] {
        assert!(is_own(&public(&[given])), "{given}: anybody's");
    }
    assert_ne!(public(&[]), public(&[]));
}

#[test]
fn encodings_that_nobody_speaks_get_the_envelope_too() {
    let app = TestApp::start();
    let (play, _) = app.player().play_title(TITLE);
    let path = play.playlist_url.split_once(app.address()).unwrap().1.to_owned();
    let response = app.request("GET", &path).header("Accept-Encoding", "identity;q=0, x;q=1").send();
    assert_eq!(response.code(), "malformed_request");
}
