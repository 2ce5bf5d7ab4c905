use std::time::Duration;

use keyveil_key_server::actions::sessions;
use keyveil_key_server::store::SessionProgress;
use keyveil_protocol::psign::KeyveilClaims;
use keyveil_protocol::{Exchange, SessionId, SessionMacKey, TrackClass};
use serde_json::json;

use crate::support::{Player, TITLE, TestApp};

#[test]
fn later_periods_arrive_as_playback_advances() {
    let app = TestApp::start();
    let player = app.player();
    let (_, grant) = player.play_title(TITLE);
    let secret = app.secret(TITLE);
    for (counter, period, expected) in [(1, 2, vec![2, 3]), (2, 4, vec![4]), (7, 0, vec![0, 1])] {
        let (response, keys) = player.keys(&grant, json!({ "counter": counter, "period": period }));
        assert_eq!(response.session.id, Some(grant.session_id));
        assert_eq!(keys.expires_at, grant.expires_at);
        let mut periods: Vec<u32> = keys.keys.iter().map(|entry| entry.period.0).collect();
        periods.dedup();
        assert_eq!(periods, expected);
        for entry in &keys.keys {
            assert_eq!(entry.key, secret.period_key(entry.track_class, entry.period));
        }
    }
}

#[test]
fn a_replayed_counter_is_refused() {
    let app = TestApp::start();
    let player = app.player();
    let (_, grant) = player.play_title(TITLE);
    player.keys(&grant, json!({ "counter": 5 }));
    for counter in [5, 4, 1, 0] {
        assert_eq!(player.try_keys(&grant, json!({ "counter": counter })).code(), "counter_replayed", "{counter}");
    }
    assert_eq!(player.try_keys(&grant, json!({ "counter": u64::MAX })).code(), "malformed_request");
    player.keys(&grant, json!({ "counter": 6 }));
}

#[test]
fn of_requests_racing_with_one_counter_one_wins() {
    let app = TestApp::start();
    let player = app.player();
    let (_, grant) = player.play_title(TITLE);
    let requests: Vec<_> = (0..8)
        .map(|_| player.keys_request(&grant, &Exchange::generate(&mut Player::rng()), json!({ "counter": 3 })).0)
        .collect();
    let threads: Vec<_> = requests.into_iter().map(|request| std::thread::spawn(move || request.send())).collect();
    let answers: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|answer| answer.code() == "counter_replayed"));
}

/// Whether they share a transaction, and see of each other what they have to, is for the store to get right: here are viewers of one
/// title, sessions of one viewer, and one session at two servers, all at once.
#[test]
fn of_many_requests_at_once_each_counts_once_and_has_its_row() {
    let app = TestApp::start();
    let replica = app.replica();
    let counted = |sql: &str| app.database().number(sql);
    let released = "SELECT count(*) FROM audit WHERE kind = 'keys_released'";
    let before = counted(released);
    let player = app.player();
    let grants: Vec<_> = (0..24)
        .map(|number| {
            let mut claims = app.claims(TITLE);
            // Three sessions each.
            claims.keyveil = Some(KeyveilClaims {
                uid: Some(format!("viewer {}", number / 3)),
                ..claims.keyveil.unwrap_or_default()
            });
            player.play(&app.sign(&claims), json!({})).1
        })
        .collect();
    let ask = |grant| {
        let ask = move |server: &TestApp, counter: u64| server.player().try_keys(grant, json!({ "counter": counter }));
        let mut won = 0;
        for counter in 1..=3 {
            // The same counter twice at both.
            let answers = std::thread::scope(|scope| {
                let ask = |server| scope.spawn(move || ask(server, counter));
                let threads = [&app, &replica, &app, &replica].map(ask);
                threads.map(|thread| thread.join().unwrap())
            });
            for answer in answers {
                match answer.status {
                    200 => won += 1,
                    _ => assert_eq!(answer.code(), "counter_replayed"),
                }
            }
        }
        won
    };
    let won: Vec<i32> = std::thread::scope(|scope| {
        let threads: Vec<_> = grants.iter().map(|grant| scope.spawn(move || ask(grant))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(won, [3; 24]);
    assert_eq!(counted(released) - before, 24 * 3);
    assert_eq!(counted("SELECT count(*) FROM sessions WHERE releases = 4 AND last_counter = 3"), 24);
    assert!(app.block_on(app.installation().store().verify_audit()).unwrap().is_ok());
}

#[test]
fn a_wrong_mac_and_an_unknown_session_look_alike() {
    let app = TestApp::start();
    let player = app.player();
    let (_, grant) = player.play_title(TITLE);
    let (_, other_grant) = player.play_title(TITLE);
    let exchange = Exchange::generate(&mut Player::rng());
    let body = json!({
        "sessionId": grant.session_id, "counter": 1, "publicKey": exchange.public_key().to_string(), "period": 0,
        "positionMs": 0,
    })
    .to_string();
    let send = |body: &str, mac: Option<&str>| {
        let request = app.request("POST", "/v1/keys").json(body);
        match mac {
            Some(mac) => request.header("Keyveil-Mac", mac),
            None => request,
        }
        .send()
    };
    let mac = grant.mac_key.mac(body.as_bytes());
    let altered = body.replace("\"period\":0", "\"period\":1");
    assert_ne!(altered, body);
    for (body, mac) in [
        (body.as_str(), None),
        (&body, Some("")),
        (&body, Some("AAAA")),
        (&body, Some(&mac[1..])),
        (&body, Some(other_grant.mac_key.mac(body.as_bytes()).as_str())),
        (&altered, Some(&mac)),
        (&body.replace(':', ": "), Some(&mac)),
    ] {
        assert_eq!(send(body, mac).code(), "session_invalid");
    }
    let mut unknown = other_grant;
    unknown.session_id = SessionId::from_bytes([9; 16]);
    unknown.mac_key = SessionMacKey::from_bytes([9; 32]);
    assert_eq!(player.try_keys(&unknown, json!({})).code(), "session_invalid");
    assert_eq!(send(&body, Some(&mac)).status, 200);
}

#[test]
fn a_period_behind_the_end_is_refused() {
    let app = TestApp::start();
    let player = app.player();
    let (_, grant) = player.play_title(TITLE);
    for period in [5, 6, u32::MAX] {
        assert_eq!(player.try_keys(&grant, json!({ "period": period })).code(), "period_out_of_range");
    }
    player.keys(&grant, json!({ "period": 4 }));
}

#[test]
fn an_unusable_public_key_is_refused_and_the_session_goes_on() {
    let app = TestApp::start();
    let player = app.player();
    let (_, grant) = player.play_title(TITLE);
    for public_key in ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAA"] {
        assert_eq!(player.try_keys(&grant, json!({ "publicKey": public_key })).code(), "public_key_invalid");
    }
    player.keys(&grant, json!({ "counter": 2 }));
}

#[test]
fn an_expired_session_gets_no_key() {
    let app = TestApp::start();
    let player = app.player();
    let mut claims = app.claims(TITLE);
    claims.expire_time_stamp = Some(app.now() + 100);
    let (_, grant) = player.play(&app.sign(&claims), json!({}));
    player.keys(&grant, json!({ "counter": 1 }));
    app.clock.advance(200);
    assert_eq!(player.try_keys(&grant, json!({ "counter": 2 })).code(), "session_expired");
}

#[test]
fn a_newer_signature_prolongs_a_session() {
    let app = TestApp::start();
    let player = app.player();
    let sign = |expires_in: u64, max_track: Option<TrackClass>| {
        let mut claims = app.claims(TITLE);
        claims.expire_time_stamp = Some(app.now() + expires_in);
        let uid = Some("alice".to_owned());
        claims.keyveil = Some(KeyveilClaims { uid, max_track, ..KeyveilClaims::default() });
        app.sign(&claims)
    };
    let (play, grant) = player.play(&sign(100, None), json!({}));
    let (unchanged, keys) = player.keys(&grant, json!({ "counter": 1, "psign": sign(50, Some(TrackClass::Sd)) }));
    assert_eq!(keys.expires_at, grant.expires_at, "an earlier expiry changes nothing");
    assert_eq!((play.max_track, unchanged.max_track), (TrackClass::Uhd, TrackClass::Uhd));
    let (renewed, keys) = player.keys(&grant, json!({ "counter": 2, "psign": sign(20_000, Some(TrackClass::Sd)) }));
    assert!(keys.expires_at > grant.expires_at);
    assert_eq!(renewed.session.expires_at, keys.expires_at);
    assert_ne!(renewed.playlist_url, play.playlist_url);
    assert!(keys.keys.iter().all(|entry| entry.track_class <= TrackClass::Sd), "the newer signature's limits hold");
    assert_eq!(renewed.max_track, TrackClass::Sd, "and the player hears of them");
    app.clock.advance(200);
    let (later, _) = player.keys(&grant, json!({ "counter": 3 }));
    assert_eq!(later.max_track, TrackClass::Sd);
}

#[test]
fn a_renewal_is_not_undone_by_a_request_that_began_before_it() {
    let app = TestApp::start();
    let player = app.player();
    let (_, grant) = player.play_title(TITLE);
    let store = app.installation().store();
    let before = app.block_on(store.session(&grant.session_id)).unwrap().unwrap();
    let renewal = SessionProgress {
        counter: 1,
        position_ms: 0,
        expires_at: before.expires_at + 500,
        url_expires_at: before.url_expires_at + 3600,
        max_track: TrackClass::Sd,
        kid: before.kid,
        signature_hash: before.signature_hash,
        us: before.us,
        preview_segments: before.preview_segments,
        limits: before.limits,
    };
    let (heartbeat, _) = player.keys_request(&grant, &Exchange::generate(&mut Player::rng()), json!({ "counter": 2 }));
    let mut write = app.block_on(store.write()).unwrap();
    // It reads the session as it was, and then waits for its turn to write.
    let heartbeat = std::thread::spawn(move || heartbeat.send());
    std::thread::sleep(Duration::from_millis(500));
    write.advance_session(&grant.session_id, &renewal, before.created_at);
    write.renew_session(&grant.session_id, &renewal).unwrap();
    app.block_on(write.commit()).unwrap();
    assert_eq!(heartbeat.join().unwrap().status, 200);
    let after = app.block_on(store.session(&grant.session_id)).unwrap().unwrap();
    assert_eq!(after.last_counter, 2);
    assert_eq!(
        (after.expires_at, after.url_expires_at, after.max_track),
        (renewal.expires_at, renewal.url_expires_at, renewal.max_track)
    );
}

#[test]
fn a_renewal_for_another_viewer_title_or_with_a_bad_signature_is_refused() {
    let app = TestApp::start();
    app.publish("other", "private");
    let player = app.player();
    let sign = |file_id: &str, uid: Option<&str>| {
        let mut claims = app.claims(file_id);
        claims.expire_time_stamp = Some(app.now() + 5000);
        claims.keyveil = Some(KeyveilClaims { uid: uid.map(str::to_owned), ..KeyveilClaims::default() });
        app.sign(&claims)
    };
    let (_, grant) = player.play(&sign(TITLE, Some("alice")), json!({}));
    for (psign, expected) in [
        (sign(TITLE, Some("bob")), "psign_other_title"),
        (sign(TITLE, None), "psign_other_title"),
        (sign("other", Some("alice")), "psign_other_title"),
        ("a.b.c".to_owned(), "psign_malformed"),
        (sign(TITLE, Some("alice"))[..200].to_owned(), "psign_malformed"),
    ] {
        let code = player.try_keys(&grant, json!({ "psign": psign })).code();
        assert!(code == expected || (expected == "psign_malformed" && code == "psign_signature"), "{code} {expected}");
    }
    player.keys(&grant, json!({ "psign": sign(TITLE, Some("alice")) }));
}

#[test]
fn a_revoked_session_or_viewer_gets_no_key() {
    let app = TestApp::start();
    let player = app.player();
    let (_, first) = player.play_title(TITLE);
    let mut claims = app.claims(TITLE);
    claims.keyveil = Some(KeyveilClaims { uid: Some("alice".to_owned()), ..KeyveilClaims::default() });
    let (_, second) = player.play(&app.sign(&claims), json!({}));
    assert!(app.block_on(sessions::revoke(app.installation(), first.session_id, 1)).unwrap());
    assert_eq!(player.try_keys(&first, json!({})).code(), "session_invalid");
    player.keys(&second, json!({ "counter": 1 }));
    let revoked = app.block_on(sessions::revoke_viewer(app.installation(), app.app_id(), "alice", 1)).unwrap();
    assert_eq!(revoked, 1);
    assert_eq!(player.try_keys(&second, json!({ "counter": 2 })).code(), "session_invalid");
}

#[test]
fn a_deleted_title_gets_no_key() {
    let app = TestApp::start();
    let player = app.player();
    let (_, grant) = player.play_title(TITLE);
    assert_eq!(app.authorized("DELETE", &format!("/v1/titles/{TITLE}")).send().status, 204);
    assert_eq!(player.try_keys(&grant, json!({})).code(), "title_not_found");
}

#[test]
fn a_session_outlives_a_restart_and_works_at_a_replica() {
    let mut app = TestApp::start();
    let (_, grant) = app.player().play_title(TITLE);
    let replica = app.replica();
    let (_, keys) = replica.player().keys(&grant, json!({ "counter": 1, "period": 1 }));
    assert!(!keys.keys.is_empty());
    assert_eq!(app.player().try_keys(&grant, json!({ "counter": 1 })).code(), "counter_replayed");
    app.stop();
    replica.player().keys(&grant, json!({ "counter": 2 }));
}
