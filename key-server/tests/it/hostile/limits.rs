//! What one client may have at once, and how often.

use std::io::{Read, Write};
use std::net::TcpStream;

use keyveil_key_server::actions::apps::{self, NewApp};
use keyveil_protocol::psign::{self, PlayerSignatureClaims, SigningKey};
use serde_json::json;

use super::{connect, others_are_served, until_closed};
use crate::support::{TITLE, TestApp};

#[test]
fn one_client_has_so_many_connections_and_no_more() {
    let app = TestApp::builder().configure(|config| config.http.max_connections_per_client = 4).start();
    let mut idle: Vec<TcpStream> = Vec::new();
    // The connection that found the server started may have its place still.
    app.until("four are in", || {
        idle.extend(answered(&app));
        idle.len() == 4
    });
    let refused = |app: &TestApp| until_closed(&mut app.request("GET", "/healthz").begin()).is_empty();
    assert!(refused(&app));
    drop(idle);
    app.until("their places are free again", || !refused(&app));
}

/// A connection that has been answered once, so that it has its place; none if it was refused.
fn answered(app: &TestApp) -> Option<TcpStream> {
    let mut stream = connect(app);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").ok()?;
    matches!(stream.read(&mut [0]), Ok(1)).then_some(stream)
}

#[test]
fn connections_of_trusted_proxies_are_not_counted() {
    let builder = TestApp::builder().trusted_proxies(&["127.0.0.1"]);
    let app = builder.configure(|config| config.http.max_connections_per_client = 4).start();
    let idle: Vec<TcpStream> = (0..8).map(|_| connect(&app)).collect();
    for _ in 0..4 {
        others_are_served(&app);
    }
    drop(idle);
}

/// Three plays a minute, under a clock that stands.
fn three_plays() -> TestApp {
    let builder = TestApp::builder().trusted_proxies(&["127.0.0.1"]);
    let app = builder.configure(|config| config.http.plays_per_minute = 3.try_into().unwrap()).start();
    app.clock.stand();
    app
}

#[test]
fn a_network_opens_playback_so_often_and_then_has_to_wait() {
    let app = three_plays();
    let psign = app.sign(&app.claims(TITLE));
    let from = |address: &str, psign: &str| app.player().at(address).try_play(psign, json!({}));
    for _ in 0..3 {
        assert_eq!(from("203.0.113.1", &psign).status, 200);
    }
    let refused = from("203.0.113.1", &psign);
    assert_eq!(refused.code(), "rate_limited");
    let wait: i64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert_eq!(from("203.0.113.2", &psign).status, 200, "another network");
    assert_eq!(from("203.0.113.1", "nonsense").code(), "psign_malformed", "counted apart");
    let other = NewApp { name: "Other".to_owned(), domains: Vec::new(), max_age_secs: 86_400 };
    let other = app.block_on(apps::create(app.installation(), &other, 1)).unwrap();
    let claims = PlayerSignatureClaims::new(other.app_id, TITLE.parse().unwrap(), app.now());
    let key = SigningKey::new(other.signing_key.expose_text().to_owned());
    let foreign = psign::sign(&claims, Some(&other.signing_key.kid), &key).unwrap();
    assert_eq!(from("203.0.113.1", &foreign).code(), "title_not_found", "another application is not held up");
    app.clock.advance(wait);
    assert_eq!(from("203.0.113.1", &psign).status, 200, "as it was told");
}

#[test]
fn signatures_that_are_none_are_counted_by_network_and_hold_up_no_viewer() {
    let app = three_plays();
    let psign = app.sign(&app.claims(TITLE));
    let from = |address: &str, psign: &str| app.player().at(address).try_play(psign, json!({}));
    let forged = format!("{}AAAA", &psign[..psign.len() - 4]);
    for forged in [&forged, "nonsense", &forged] {
        assert!(from("203.0.113.1", forged).code().starts_with("psign_"), "{forged}");
    }
    let refused = from("203.0.113.1", &forged);
    assert_eq!(refused.code(), "rate_limited");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(from("203.0.113.2", &forged).code(), "psign_signature");
    assert_eq!(from("203.0.113.1", &psign).status, 200, "a genuine one from there");
}
