//! What docs/PACING.md says, one sentence at a time.

use std::collections::BTreeSet;

use keyveil_key_server::Threshold;
use serde_json::{Value, json};

use super::world::{Client, HOUR, Outcome, psign, publish, start, suspicion};
use crate::standard::{key_path, token_of};
use crate::support::{Player, TestApp};

const HERE: &str = "203.0.113.7";

/// A session that takes the title in a row until it is refused, and says that it skips as far; how many periods it got, and why it got no more.
fn take_all(app: &TestApp, player: &Player<'_>, uid: &str) -> (usize, Client, Outcome) {
    let (client, first) = Client::open(player, app, uid, 0.0, HERE);
    let mut client = client.expect("a session");
    let Outcome::Keys(mut held) = first else { panic!("no keys") };
    for period in (2..60).step_by(2) {
        match client.keys(player, period, f64::from(period) * 60.0, HERE) {
            Outcome::Keys(periods) => held.extend(periods),
            refused => return (held.len(), client, refused),
        }
    }
    panic!("never refused")
}

pub(super) fn told(app: &TestApp) -> Vec<Value> {
    let page = app.authorized("GET", "/v1/events?limit=200&type=session.suspected").send().value();
    page["events"].as_array().unwrap().iter().rev().map(|event| event["data"].clone()).collect()
}

pub(super) fn audited(app: &TestApp, kind: &str) -> Vec<Value> {
    let page = app.authorized("GET", &format!("/v1/audit?kind={kind}")).send().value();
    page["audit"].as_array().unwrap().iter().rev().cloned().collect()
}

#[test]
fn a_throttled_player_gets_its_keys_at_the_time_it_is_told() {
    let app = start(|_| ());
    let player = app.player();
    let (held, mut client, refused) = take_all(&app, &player, "ann");
    // 1920 s of media: 57 points and 2.
    assert_eq!(held, 32);
    let Outcome::Throttled(secs) = refused else { panic!("{refused:?}") };
    assert!((1..=60).contains(&secs), "{secs}");
    // What was released already is not held back.
    assert!(matches!(client.keys(&player, 3, 0.0, HERE), Outcome::Keys(_)));
    app.clock.advance(i64::try_from(secs).unwrap() - 1);
    assert_eq!(client.keys(&player, 32, 1920.0, HERE), Outcome::Throttled(1));
    app.clock.advance(1);
    assert_eq!(client.keys(&player, 32, 1920.0, HERE), Outcome::Keys([32, 33].into()));
}

/// A program that says it plays while it asks for the whole title, and where it plays a viewer who skips.
#[test]
fn in_a_row_keys_come_no_faster_than_they_are_played() {
    let app = start(|_| ());
    let player = app.player();
    let (client, first) = Client::open(&player, &app, "ann", 0.0, HERE);
    let (mut client, mut secs) = (client.unwrap(), 0_u32);
    let Outcome::Keys(mut held) = first else { panic!("no keys") };
    let mut period = 2;
    while period < 60 {
        match client.keys(&player, period, f64::from(secs) * 2.0, HERE) {
            Outcome::Keys(periods) => {
                held.extend(periods);
                period += 2;
                let media_secs = f64::from(u32::try_from(held.len()).unwrap()) * 60.0;
                assert!(media_secs <= 300.0 + 2.25 * f64::from(secs), "{media_secs} s of media after {secs} s");
            }
            Outcome::Throttled(wait) => {
                let wait = u32::try_from(wait).unwrap();
                app.clock.advance(i64::from(wait));
                secs += wait;
            }
            Outcome::Refused(code) => panic!("{code}"),
        }
    }
    // It is given all of it at twice play speed, and that is seen.
    assert!(secs > 1400, "{secs}");
    assert!(suspicion(&app, "ann").1.contains("ahead_of_play"));

    let (client, _) = Client::open(&player, &app, "bob", 0.0, HERE);
    let mut client = client.unwrap();
    for period in (2..20).step_by(2) {
        // From a buffer's end to the next, by steps forward.
        let at = f64::from(period) * 60.0 - 120.0;
        assert!(matches!(client.keys(&player, period, at, HERE), Outcome::Keys(_)), "{period}");
    }
}

#[test]
fn other_viewers_and_other_titles_are_not_slowed() {
    let app = start(|_| ());
    let player = app.player();
    take_all(&app, &player, "ann");
    assert!(Client::open(&player, &app, "ann", 3000.0, HERE).0.is_some(), "a seek begins anew, once");
    let (client, outcome) = Client::open(&player, &app, "ann", 2500.0, HERE);
    assert!(client.is_none() && matches!(outcome, Outcome::Throttled(_)), "parallel sessions share: {outcome:?}");
    assert!(Client::open(&player, &app, "bob", 3000.0, HERE).0.is_some());
    let replica = app.replica();
    replica.clock.advance(i64::try_from(app.now()).unwrap() - i64::try_from(replica.now()).unwrap());
    let replicas_player = replica.player();
    let throttled = replicas_player.try_play(&psign(&app, "ann"), json!({ "positionMs": 2_500_000 }));
    assert_eq!(throttled.code(), "rate_limited", "replicas share, too");
    assert!(throttled.header("retry-after").is_some());
    assert_eq!(replicas_player.try_play(&psign(&app, "bob"), json!({ "positionMs": 2_500_000 })).status, 200);
}

#[test]
fn each_action_is_told_once_and_stands_in_the_session() {
    let app = start(|_| ());
    let player = app.player();
    let (_, client, _) = take_all(&app, &player, "ann");
    let id = client.grant.session_id.to_string();
    let events = told(&app);
    let actions: Vec<_> = events.iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["log", "throttle"]);
    for event in &events {
        assert_eq!((&event["sessionId"], &event["uid"]), (&json!(id), &json!("ann")));
        assert_eq!(event["reasons"][0], "ahead_of_play");
    }
    let rows = audited(&app, "session_suspected");
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0]["sessionId"], &rows[0]["detail"]["action"]), (&json!(id), &json!("log")));
    assert!(suspicion(&app, "ann").0 >= 60);
    let session = app.authorized("GET", &format!("/v1/sessions/{id}")).send().value();
    assert_eq!(session["reasons"][0], "ahead_of_play", "{session}");
    assert!(session["score"].as_u64().unwrap() >= 60);
    let listed = |least: u64| {
        let page = app.authorized("GET", &format!("/v1/sessions?minScore={least}")).send().value();
        page["sessions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["uid"].as_str().unwrap().to_owned())
            .collect::<BTreeSet<_>>()
    };
    // Control: who plays is told of nowhere.
    assert!(Client::open(&player, &app, "bob", 0.0, HERE).0.is_some());
    assert_eq!(suspicion(&app, "bob"), (0, [].into()));
    assert_eq!(told(&app).len(), 2);
    let [ann, bob] = ["ann".to_owned(), "bob".to_owned()];
    assert_eq!((listed(0), listed(30), listed(100)), ([ann.clone(), bob].into(), [ann].into(), [].into()));
    for malformed in ["101", "-1", "high"] {
        let answer = app.authorized("GET", &format!("/v1/sessions?minScore={malformed}")).send();
        assert_eq!(answer.code(), "malformed_request", "{malformed}");
    }
}

#[test]
fn a_session_that_is_ended_gets_no_key_and_says_what_ended_it() {
    let app = start(|config| config.pacing.revoke = Threshold::At(60));
    let player = app.player();
    let (_, mut client, refused) = take_all(&app, &player, "ann");
    assert_eq!(refused, Outcome::Refused("session_invalid".to_owned()));
    assert_eq!(client.keys(&player, 0, 0.0, HERE), Outcome::Refused("session_invalid".to_owned()));
    let session = app.authorized("GET", &format!("/v1/sessions/{}", client.grant.session_id)).send().value();
    assert_eq!((&session["endedBy"], &session["active"]), (&json!("pacing"), &json!(false)));
    assert_eq!(told(&app).last().unwrap()["action"], "revoke");
    assert_eq!(audited(&app, "sessions_revoked").len(), 1);
    let revoked = app.authorized("GET", "/v1/events?type=session.revoked").send().value();
    assert_eq!(revoked["events"][0]["data"]["sessionId"], client.grant.session_id.to_string());
}

#[test]
fn with_throttling_off_sessions_are_told_of_and_refused_nothing() {
    let app = start(|config| config.pacing.throttle = Threshold::Off);
    let player = app.player();
    let (client, _) = Client::open(&player, &app, "ann", 0.0, HERE);
    let mut client = client.unwrap();
    for period in (2..60).step_by(2) {
        assert!(matches!(client.keys(&player, period, 0.0, HERE), Outcome::Keys(_)), "{period}");
    }
    assert!(suspicion(&app, "ann").0 >= 60);
    assert_eq!(told(&app).len(), 1);
}

#[test]
fn each_reason_has_its_own_cause() {
    let app = start(|config| config.pacing.throttle = Threshold::Off);
    let player = app.player();
    let open = |uid: &str, at: f64, address: &str| Client::open(&player, &app, uid, at, address).0.unwrap();
    let reasons = |uid: &str| suspicion(&app, uid).1.into_iter().collect::<Vec<_>>();

    let mut seeks = open("seeks", 0.0, HERE);
    for period in [50, 40, 30] {
        seeks.keys(&player, period, f64::from(period) * 60.0, HERE);
    }
    assert_eq!(reasons("seeks"), ["seek_harvest"], "the opening and three seeks at once");

    for n in 0..4 {
        open("tabs", f64::from(n) * 600.0, HERE);
        app.clock.advance(25);
    }
    assert!(reasons("tabs").is_empty(), "four");
    open("tabs", 3000.0, HERE);
    assert_eq!(reasons("tabs"), ["parallel_sessions"], "a fifth within two minutes");

    let mut moves = open("moves", 0.0, "10.1.0.1");
    for n in 2..5 {
        moves.keys(&player, 0, 0.0, &format!("10.{n}.0.1"));
    }
    assert!(reasons("moves").is_empty());
    moves.keys(&player, 0, 0.0, "10.5.0.1");
    assert_eq!(reasons("moves"), ["many_addresses"]);

    let mut lies = open("lies", 0.0, HERE);
    for at in [3000.0, 5000.0, 1e9] {
        lies.keys(&player, 0, at, HERE);
        lies.keys(&player, 0, 170.0, HERE);
    }
    assert!(reasons("lies").is_empty(), "three, and places that may be");
    lies.keys(&player, 0, 3000.0, HERE);
    assert_eq!(reasons("lies"), ["impossible_position"]);

    let counts = open("counts", 0.0, HERE);
    for (counter, expected) in [(1000, &[][..]), (2001, &["impossible_counter"])] {
        assert_eq!(player.try_keys(&counts.grant, json!({ "counter": counter })).status, 200);
        assert_eq!(reasons("counts"), expected);
    }
}

#[test]
fn a_build_that_was_replaced_long_ago_is_a_hint() {
    let app = start(|_| ());
    let old = app.player();
    let newer = app
        .block_on(keyveil_key_server::actions::builds::create(app.installation(), i64::try_from(app.now()).unwrap()));
    newer.unwrap();
    assert!(Client::open(&old, &app, "ann", 0.0, HERE).0.is_some());
    assert_eq!(suspicion(&app, "ann"), (0, [].into()));
    app.clock.advance(31 * 24 * 3600);
    assert!(Client::open(&old, &app, "ann", 0.0, HERE).0.is_some());
    assert_eq!(suspicion(&app, "ann"), (10, ["old_build".to_owned()].into()));
    assert!(Client::open(&app.player(), &app, "bob", 0.0, HERE).0.is_some());
    assert_eq!(suspicion(&app, "bob"), (0, [].into()));
}

#[test]
fn a_viewer_without_a_name_has_an_account_for_each_session() {
    let app = start(|_| ());
    let player = app.player();
    let (_, grant) = player.play_title(HOUR);
    let counters = 1..=16;
    let at = |n: u64| json!({ "counter": n, "period": n * 2, "positionMs": n * 120_000 });
    let answers: Vec<_> = counters.map(|n| player.try_keys(&grant, at(n)).status).collect();
    assert_eq!(answers, [&[200; 15][..], &[429]].concat());
    assert_eq!(player.try_play(&app.sign(&app.claims(HOUR)), json!({})).status, 200);
}

/// With room for players that buffer ten minutes, and counted by periods whatever the track classes.
#[test]
fn keys_of_standard_titles_are_paced_too() {
    let app = start(|_| ());
    publish(&app, "show", "standard");
    let opened =
        app.request("POST", "/v1/play").json(json!({ "psign": app.sign(&app.claims("show")) }).to_string()).send();
    let token = token_of(opened.value()["playlistUrl"].as_str().unwrap());
    let key = |class: &str, period: u32| app.get(&key_path("show", class, &period.to_string(), &token));
    let mut held = 0;
    for period in 0..60 {
        let answer = key("HD", period);
        if answer.status != 200 {
            assert_eq!(answer.code(), "rate_limited");
            let secs: i64 = answer.header("retry-after").unwrap().parse().unwrap();
            app.clock.advance(secs);
            assert_eq!(key("HD", period).status, 200, "after {secs} s");
            break;
        }
        assert_eq!(key("AUDIO", period).status, 200);
        held += 1;
    }
    // 840 s, and 30 minutes less what two reasons add.
    assert_eq!(held, 41);
    let session = app.authorized("GET", &format!("/v1/sessions/{}", &token[..22])).send().value();
    assert_eq!(session["reasons"], json!(["ahead_of_play", "faster_than_play"]));
}
