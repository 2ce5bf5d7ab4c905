//! Private titles: what sealed and guarded players get under the rules of application and signature.

use keyveil_protocol::TrackClass;
use keyveil_protocol::psign::KeyveilClaims;
use serde_json::{Value, json};

use super::{ANY, Rule, allow, claims, guarded, highest, sealed, signed};
use crate::support::{Player, TITLE, TestApp};

/// The highest class that a player gets, or the code of the refusal.
#[track_caller]
fn outcome(app: &TestApp, psign: &str, stated: &Value) -> String {
    match app.player().try_play(psign, stated.clone()) {
        answer if answer.status == 200 => highest(&app.player().play(psign, stated.clone()).1).to_owned(),
        answer => answer.code(),
    }
}

#[test]
fn each_rule_holds_for_itself_and_the_stricter_outcome_counts() {
    let app = TestApp::start();
    let refused = "level_not_allowed";
    // The application's rule, the signature's, and what guarded gets. Sealed gets everything each time.
    let cases: &[(Rule, Option<Rule>, &str)] = &[
        (ANY, None, "HD"),
        (("guarded", "refuse"), None, "HD"),
        (("sealed", "refuse"), None, refused),
        (("sealed", "AUDIO"), None, "AUDIO"),
        (("sealed", "SD"), None, "SD"),
        (("sealed", "UHD"), None, "HD"),
        (ANY, Some(("sealed", "refuse")), refused),
        (ANY, Some(("sealed", "SD")), "SD"),
        (ANY, Some(("guarded", "refuse")), "HD"),
        (("sealed", "SD"), Some(("sealed", "AUDIO")), "AUDIO"),
        (("sealed", "AUDIO"), Some(("sealed", "SD")), "AUDIO"),
        (("sealed", "SD"), Some(("sealed", "refuse")), refused),
        // Looser ones change nothing.
        (("sealed", "refuse"), Some(("sealed", "UHD")), refused),
        (("sealed", "refuse"), Some(ANY), refused),
        (("sealed", "SD"), Some(("guarded", "refuse")), "SD"),
        (("sealed", "SD"), Some(ANY), "SD"),
    ];
    for (of_app, of_signature, expected) in cases {
        allow(&app, *of_app);
        let psign = match of_signature {
            Some(rule) => signed(&app, TITLE, claims(*rule)),
            None => app.sign(&app.claims(TITLE)),
        };
        assert_eq!(outcome(&app, &psign, &guarded()), *expected, "{of_app:?} {of_signature:?}");
        assert_eq!(outcome(&app, &psign, &sealed()), "HD", "{of_app:?} {of_signature:?}");
    }
}

#[test]
fn the_lower_of_both_track_classes_holds() {
    let app = TestApp::start();
    for (max_track, below, expected) in [("SD", "AUDIO", "AUDIO"), ("AUDIO", "SD", "AUDIO"), ("UHD", "SD", "SD")] {
        let max_track: Option<TrackClass> = Some(max_track.parse().unwrap());
        let psign = signed(&app, TITLE, KeyveilClaims { max_track, ..claims(("sealed", below)) });
        assert_eq!(outcome(&app, &psign, &guarded()), expected, "{max_track:?} {below}");
    }
    let only_max = KeyveilClaims { max_track: Some(TrackClass::Sd), ..claims(("sealed", "refuse")) };
    assert_eq!(outcome(&app, &signed(&app, TITLE, only_max), &sealed()), "SD", "sealed lifts no other limit");
}

#[test]
fn the_limit_holds_for_every_later_key() {
    let app = TestApp::start();
    allow(&app, ("sealed", "SD"));
    let psign = app.sign(&app.claims(TITLE));
    let later = |stated: Value| {
        let player = app.player();
        let (_, grant) = player.play(&psign, stated);
        let (_, keys) = player.keys(&grant, json!({ "counter": 1, "period": 3 }));
        keys.keys.iter().map(|entry| entry.track_class).max()
    };
    assert_eq!(later(guarded()), Some(TrackClass::Sd));
    assert_eq!(later(sealed()), Some(TrackClass::Hd));
}

#[test]
fn a_renewal_is_judged_at_its_sessions_level() {
    let app = TestApp::start();
    let until = |secs: u64, rule: Rule| {
        let mut renewal = app.claims(TITLE);
        renewal.expire_time_stamp = Some(app.now() + secs);
        renewal.keyveil = Some(claims(rule));
        app.sign(&renewal)
    };
    let player = app.player();
    let open = |stated: Value| player.play(&until(1000, ANY), stated).1;
    let (of_guarded, of_sealed) = (open(guarded()), open(sealed()));
    let renew =
        |grant, counter: u64, psign: &str| player.try_keys(grant, json!({ "counter": counter, "psign": psign }));

    let strict = until(2000, ("sealed", "refuse"));
    assert_eq!(renew(&of_guarded, 1, &strict).code(), "level_not_allowed");
    assert_eq!(renew(&of_sealed, 1, &strict).status, 200);
    let (_, keys) = player.keys(&of_guarded, json!({ "counter": 2, "psign": until(3000, ("sealed", "SD")) }));
    assert_eq!(keys.keys.iter().map(|entry| entry.track_class).max(), Some(TrackClass::Sd));

    // So is the application's rule, when it has changed meanwhile; what was opened before goes on until then.
    allow(&app, ("sealed", "refuse"));
    let (answer, _) = player.keys(&of_guarded, json!({ "counter": 3 }));
    assert_eq!(answer.session.level.map(|level| level.as_str()), Some("guarded"));
    assert_eq!(renew(&of_guarded, 4, &until(4000, ANY)).code(), "level_not_allowed");
    assert_eq!(renew(&of_sealed, 2, &until(4000, ANY)).status, 200);
}

#[test]
fn a_refused_player_uses_nothing_up_and_leaves_no_session() {
    let app = TestApp::start();
    let psign = signed(&app, TITLE, KeyveilClaims { once: true, ..claims(("sealed", "refuse")) });
    assert_eq!(app.player().try_play(&psign, guarded()).code(), "level_not_allowed");
    let sessions = app.authorized("GET", "/v1/sessions").send().value()["sessions"].clone();
    assert_eq!(sessions, json!([]));
    app.player().play(&psign, sealed());
    assert_eq!(app.player().try_play(&psign, sealed()).code(), "psign_used");
}

#[test]
fn a_page_of_the_application_may_read_the_refusal() {
    let app = TestApp::builder().domain("shop.example.com").start();
    allow(&app, ("sealed", "refuse"));
    let player = app.player();
    let exchange = keyveil_protocol::Exchange::generate(&mut Player::rng());
    let body = player.play_body(&exchange, &app.sign(&app.claims(TITLE)), guarded()).to_string();
    let ask = |origin: &str| app.request("POST", "/v1/play").header("Origin", origin).json(body.as_str()).send();
    let refused = ask("https://shop.example.com");
    assert_eq!(refused.code(), "level_not_allowed");
    assert_eq!(refused.header("access-control-allow-origin"), Some("https://shop.example.com"));
    assert_eq!(ask("https://elsewhere.example.com").code(), "origin_not_allowed", "the page comes first");
}
