use keyveil_protocol::psign::KeyveilClaims;
use serde_json::json;

use super::{at_once, behind_proxy, count_and_refusals, own, rlimit};
use crate::support::{TITLE, TestApp};

fn from(app: &TestApp, ranges: &[&str]) -> String {
    let ip = ranges.iter().map(|range| range.parse().unwrap()).collect();
    own(app, TITLE, KeyveilClaims { ip: Some(ip), ..KeyveilClaims::default() })
}

#[test]
fn of_twenty_addresses_at_once_nine_use_a_signature() {
    let app = behind_proxy();
    let psign = rlimit(&app, TITLE, 9);
    let players: Vec<_> = (0..20).map(|n| app.player().at(format!("203.0.113.{n}"))).collect();
    let first = at_once(&players, &psign);
    assert_eq!(count_and_refusals(&first, "address_limit"), 9);
    for (player, before) in players.iter().zip(&first) {
        assert_eq!(player.try_play(&psign, json!({})).status, before.status, "the same nine go on");
    }
    let unlimited = rlimit(&app, TITLE, 0);
    assert_eq!(count_and_refusals(&at_once(&players, &unlimited), ""), 20);
}

#[test]
fn an_ipv6_address_counts_by_its_network() {
    let app = behind_proxy();
    let psign = rlimit(&app, TITLE, 2);
    let play = |address: &str| app.player().at(address).try_play(&psign, json!({}));
    for address in ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1", "2001:db8:1:2::7"] {
        assert_eq!(play(address).status, 200, "{address}");
    }
    for address in ["2001:db8:1:4::1", "203.0.113.1", "::ffff:203.0.113.1"] {
        assert_eq!(play(address).code(), "address_limit", "{address}");
    }
}

#[test]
fn addresses_that_ask_for_keys_count_too() {
    let app = behind_proxy();
    let psign = rlimit(&app, TITLE, 2);
    let (_, grant) = app.player().at("203.0.113.1").play(&psign, json!({}));
    app.player().at("203.0.113.2").keys(&grant, json!({ "counter": 1 }));
    assert_eq!(app.player().at("203.0.113.3").try_keys(&grant, json!({ "counter": 2 })).code(), "address_limit");
    assert_eq!(app.player().at("203.0.113.3").try_play(&psign, json!({})).code(), "address_limit");
    app.player().at("203.0.113.1").keys(&grant, json!({ "counter": 2 }));
}

#[test]
fn what_is_kept_of_addresses_names_none() {
    let app = behind_proxy();
    app.player().at("203.0.113.77").play(&rlimit(&app, TITLE, 2), json!({}));
    let stored = app.database().stored();
    assert!(stored.holds("203.0.113.0/24"));
    assert!(!stored.holds("203.0.113.77"));
}

#[test]
fn a_signature_for_some_addresses_is_refused_at_others() {
    let app = behind_proxy();
    let psign = from(&app, &["192.0.2.0/24", "2001:db8:1::/48", "198.51.100.7"]);
    let play = |address: &str| app.player().at(address).try_play(&psign, json!({}));
    for address in ["192.0.2.255", "2001:db8:1:ffff::1", "198.51.100.7", "::ffff:192.0.2.1"] {
        assert_eq!(play(address).status, 200, "{address}");
    }
    for address in ["192.0.3.0", "2001:db8:2::1", "198.51.100.8"] {
        assert_eq!(play(address).code(), "address_not_allowed", "{address}");
    }
    let (_, grant) = app.player().at("192.0.2.1").play(&psign, json!({}));
    assert_eq!(app.player().at("192.0.3.1").try_keys(&grant, json!({})).code(), "address_not_allowed");
    app.player().at("192.0.2.9").keys(&grant, json!({}));
    let elsewhere = from(&app, &["192.0.3.0/24"]);
    let renewal = json!({ "counter": 2, "psign": elsewhere });
    assert_eq!(app.player().at("192.0.2.9").try_keys(&grant, renewal).code(), "address_not_allowed");
    app.player().at("192.0.2.9").keys(&grant, json!({ "counter": 2 }));
}

#[test]
fn a_chain_of_proxies_names_the_client_and_a_client_names_nobody() {
    let app = behind_proxy();
    let psign = from(&app, &["2001:db8:1::/48"]);
    let play = |app: &TestApp, psign: &str, chain: &str| app.player().at(chain).try_play(psign, json!({}));
    assert_eq!(play(&app, &psign, "2001:db8:1::5").status, 200);
    assert_eq!(play(&app, &psign, "198.51.100.9, 2001:db8:1::5, 2001:db8:ff::1, 2001:db8:ff:2::1").status, 200);
    let spoofed = "2001:db8:1::5, 198.51.100.9, 2001:db8:ff::1";
    assert_eq!(play(&app, &psign, spoofed).code(), "address_not_allowed");
    assert_eq!(play(&app, &psign, "2001:db8:1::5, nonsense, 2001:db8:ff::1").code(), "malformed_request");

    let direct = TestApp::start();
    assert_eq!(play(&direct, &from(&direct, &["2001:db8:1::/48"]), "2001:db8:1::5").code(), "address_not_allowed");
    assert_eq!(play(&direct, &from(&direct, &["127.0.0.1"]), "2001:db8:1::5").status, 200);
    let limited = rlimit(&direct, TITLE, 1);
    for address in ["203.0.113.1", "203.0.113.2", "2001:db8:1::5"] {
        assert_eq!(play(&direct, &limited, address).status, 200, "the peer is one address, whatever it says");
    }
}
