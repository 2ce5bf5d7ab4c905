//! Sessions from outside: what one received, and ending those of a viewer or of a signing key.

use keyveil_key_server::actions::apps;
use keyveil_protocol::psign::{self, KeyveilClaims, SigningKey, UrlAccessInfo};
use keyveil_protocol::{KeyId, PlayGrant};
use serde_json::{Value, json};

use crate::support::{Response, TITLE, TestApp};

fn detail(app: &TestApp, grant: &PlayGrant) -> Value {
    app.authorized("GET", &format!("/v1/sessions/{}", grant.session_id)).send().value()
}

fn revoke(app: &TestApp, body: &Value) -> Response {
    app.authorized("POST", "/v1/sessions/revoke").json(body.to_string()).send()
}

fn of_viewer(app: &TestApp, uid: &str) -> String {
    let mut claims = app.claims(TITLE);
    claims.keyveil = Some(KeyveilClaims { uid: Some(uid.to_owned()), ..KeyveilClaims::default() });
    app.sign(&claims)
}

/// A further signing key of the application, as a customer has both while they change over.
fn second_key(app: &TestApp) -> (KeyId, SigningKey) {
    let made = app.block_on(apps::create_signing_key(app.installation(), app.app_id(), json!({}), 1)).unwrap();
    let key = SigningKey::new(made.expose_text().to_owned());
    (made.kid, key)
}

#[test]
fn a_session_shows_what_it_received_and_from_where() {
    let app = TestApp::builder().trusted_proxies(&["127.0.0.1"]).start();
    let mut claims = app.claims(TITLE);
    claims.url_access_info = Some(UrlAccessInfo {
        exper: Some(130),
        rlimit: Some(3),
        us: Some("campaign-7".to_owned()),
        domain: None,
        t: None,
    });
    let ip = vec!["203.0.113.0/24".parse().unwrap(), "2001:db8:1::/48".parse().unwrap()];
    claims.keyveil = Some(KeyveilClaims {
        uid: Some("alice".to_owned()),
        max_track: Some(keyveil_protocol::TrackClass::Sd),
        domains: Vec::new(),
        sessions: Some(4),
        once: true,
        ip: Some(ip),
        ..KeyveilClaims::default()
    });
    let (_, grant) = app.player().at("203.0.113.5").play(&app.sign(&claims), json!({}));
    app.player().at("2001:db8:1:2::3").keys(&grant, json!({ "counter": 1, "period": 4 }));
    let shown = detail(&app, &grant);
    assert_eq!(shown["addresses"], json!(["2001:db8:1::/48", "203.0.113.0/24"]));
    assert_eq!((&shown["ipClass"], &shown["us"]), (&json!("203.0.113.0/24"), &json!("campaign-7")));
    assert_eq!((&shown["uid"], &shown["mode"], &shown["releases"]), (&json!("alice"), &json!("private"), &json!(2)));
    let released = |track_class: &str| json!({ "trackClass": track_class, "periods": [[0, 1], [4, 4]] });
    assert_eq!(shown["periodsReleased"], json!([released("AUDIO"), released("SD")]));
    let limits = json!({
        "previewSegments": 22, "ip": ["203.0.113.0/24", "2001:db8:1::/48"], "rlimit": 3, "domains": [], "once": true,
        "sessions": 4,
    });
    assert_eq!(shown["limits"], limits);
    let listed = app.authorized("GET", "/v1/sessions").send().value()["sessions"][0].clone();
    for (name, value) in listed.as_object().unwrap() {
        assert_eq!(&shown[name], value, "{name}");
    }

    let (_, plain) = app.player().play_title(TITLE);
    let limits = json!({
        "previewSegments": null, "ip": [], "rlimit": null, "domains": [], "once": false, "sessions": null,
    });
    assert_eq!(detail(&app, &plain)["limits"], limits);
}

#[test]
fn a_standard_session_shows_the_same() {
    let app = TestApp::builder().trusted_proxies(&["127.0.0.1"]).start();
    app.publish("show", "standard");
    let master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv720p/playlist.m3u8\n";
    std::fs::write(app.media_dir().join("show/master.m3u8"), master).unwrap();
    let get = |path: &str, address: &str| app.request("GET", path).header("X-Forwarded-For", address).send();
    let psign = app.sign(&app.claims("show"));
    let opened = get(&format!("/v1/hls/show.m3u8?MtsHlsUriToken={psign}"), "203.0.113.5").text();
    let token = opened.trim_end().rsplit_once("MtsHlsUriToken=").unwrap().1;
    for period in [0, 1, 3] {
        let key = get(&format!("/v1/hls-keys/show/HD/{period}?MtsHlsUriToken={token}"), "2001:db8:1:2::3");
        assert_eq!(key.status, 200, "{}", key.text());
    }
    let shown = app.authorized("GET", &format!("/v1/sessions/{}", &token[..22])).send().value();
    assert_eq!((&shown["mode"], &shown["buildId"]), (&json!("standard"), &Value::Null));
    assert_eq!(shown["addresses"], json!(["2001:db8:1::/48", "203.0.113.0/24"]));
    assert_eq!(shown["periodsReleased"], json!([{ "trackClass": "HD", "periods": [[0, 1], [3, 3]] }]));
}

#[test]
fn another_applications_session_is_not_found() {
    let app = TestApp::start();
    let (_, grant) = app.player().play_title(TITLE);
    let other = app.replica();
    let path = format!("/v1/sessions/{}", grant.session_id);
    assert_eq!(other.authorized("GET", &path).send().code(), "not_found");
    assert_eq!(revoke(&other, &json!({ "sessionId": grant.session_id })).code(), "not_found");
    assert_eq!(app.get(&path).code(), "api_key_invalid");
    assert_eq!(app.authorized("GET", "/v1/sessions/x").send().code(), "malformed_request");
    assert_eq!(app.authorized("GET", &path).send().status, 200);
    app.player().keys(&grant, json!({}));
}

#[test]
fn a_viewers_sessions_end_together() {
    let app = TestApp::start();
    let player = app.player();
    let [first, second] = [(), ()].map(|()| player.play(&of_viewer(&app, "alice"), json!({})).1);
    let (_, other) = player.play(&of_viewer(&app, "bob"), json!({}));
    assert_eq!(revoke(&app, &json!({ "uid": "alice" })).value(), json!({ "count": 2 }));
    assert_eq!(revoke(&app, &json!({ "uid": "alice" })).value(), json!({ "count": 0 }));
    for grant in [&first, &second] {
        assert_eq!(player.try_keys(grant, json!({})).code(), "session_invalid");
        assert_eq!(detail(&app, grant)["endedBy"], json!("viewer"));
    }
    player.keys(&other, json!({ "counter": 1 }));
    assert_eq!(revoke(&app, &json!({ "sessionId": other.session_id })).value(), json!({ "count": 1 }));
    assert_eq!(revoke(&app, &json!({ "sessionId": other.session_id })).value(), json!({ "count": 0 }));
    assert_eq!(player.try_keys(&other, json!({ "counter": 2 })).code(), "session_invalid");
    assert_eq!(detail(&app, &other)["endedBy"], json!("request"));
}

#[test]
fn a_signing_keys_sessions_end_and_the_key_stays() {
    let app = TestApp::start();
    let player = app.player();
    let (kid, key) = second_key(&app);
    let by_second = || psign::sign(&app.claims(TITLE), Some(&kid), &key).unwrap();
    let (_, of_second) = player.play(&by_second(), json!({}));
    let (_, of_first) = player.play_title(TITLE);
    let list = |kid: &str| app.authorized("GET", &format!("/v1/sessions?kid={kid}")).send().value()["sessions"].clone();
    assert_eq!(list(kid.as_str())[0]["sessionId"], json!(of_second.session_id));
    assert_eq!(list(app.app.signing_key.kid.as_str())[0]["sessionId"], json!(of_first.session_id));
    assert_eq!(revoke(&app, &json!({ "kid": kid })).value(), json!({ "count": 1 }));
    assert_eq!(player.try_keys(&of_second, json!({})).code(), "session_invalid");
    assert_eq!(detail(&app, &of_second)["endedBy"], json!("signingKey"));
    player.keys(&of_first, json!({}));
    player.play(&by_second(), json!({}));
    assert_eq!(revoke(&app, &json!({ "kid": "unknown" })).value(), json!({ "count": 0 }));
}

#[test]
fn which_sessions_to_end_is_said_once() {
    let app = TestApp::start();
    let (_, grant) = app.player().play(&of_viewer(&app, "alice"), json!({}));
    for body in [
        json!({}),
        json!({ "uid": "alice", "kid": "k" }),
        json!({ "uid": "alice", "sessionId": grant.session_id }),
        json!({ "uid": "" }),
        json!({ "uid": "a".repeat(129) }),
        json!({ "uid": 7 }),
        json!({ "sessionId": "x" }),
        json!({ "viewer": "alice" }),
        json!([]),
    ] {
        assert_eq!(revoke(&app, &body).code(), "malformed_request", "{body}");
    }
    let no_key = app.request("POST", "/v1/sessions/revoke").json(json!({ "uid": "alice" }).to_string()).send();
    assert_eq!(no_key.code(), "api_key_invalid");
    app.player().keys(&grant, json!({}));
    assert_eq!(revoke(&app, &json!({ "uid": "alice" })).value(), json!({ "count": 1 }));
}

/// A period of the title is 30 s. Whatever a player does after the end of its session, it holds the period it was in and
/// the next one, and no other one, now or later.
#[test]
fn ending_takes_effect_within_one_period() {
    let app = TestApp::start();
    let (kid, key) = second_key(&app);
    let mut claims = app.claims(TITLE);
    claims.keyveil = Some(KeyveilClaims { uid: Some("alice".to_owned()), ..KeyveilClaims::default() });
    let endings: [fn(&TestApp, &PlayGrant, &KeyId) -> Value; 3] = [
        |_, grant, _| json!({ "sessionId": grant.session_id }),
        |_, _, _| json!({ "uid": "alice" }),
        |_, _, kid| json!({ "kid": kid }),
    ];
    for ending in endings {
        let player = app.player();
        let psign = || {
            let mut claims = claims.clone();
            claims.current_time_stamp = app.now();
            psign::sign(&claims, Some(&kid), &key).unwrap()
        };
        let (_, grant) = player.play(&psign(), json!({}));
        let (_, other) = player.play_title(TITLE);
        let mut held: Vec<u32> = grant.keys.iter().map(|entry| entry.period.0).collect();
        let mut counter = 0;
        for period in [0, 1] {
            counter += 1;
            let position = json!({ "counter": counter, "period": period, "positionMs": 30_000 * period });
            let (_, keys) = player.keys(&grant, position);
            held.extend(keys.keys.iter().map(|entry| entry.period.0));
            app.clock.advance(30);
        }
        assert_eq!(revoke(&app, &ending(&app, &grant, &kid)).value(), json!({ "count": 1 }));
        // It is in period 1 and holds it and period 2.
        assert_eq!(held.iter().max(), Some(&2));
        for later in [2, 3, 4, 0] {
            for psign in [None, Some(psign())] {
                counter += 1;
                let refused = player.try_keys(&grant, json!({ "counter": counter, "period": later, "psign": psign }));
                assert_eq!(refused.code(), "session_invalid", "period {later}");
            }
            app.clock.advance(30);
        }
        player.keys(&other, json!({ "period": 4 }));
    }
}
