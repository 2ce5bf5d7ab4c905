//! What players say of themselves, what the answer tells, and what is kept of it.

use serde_json::{Value, json};

use super::{allow, guarded, sealed};
use crate::support::{TITLE, TestApp};

#[test]
fn what_is_said_is_kept_with_the_session_and_in_the_audit_log() {
    let app = TestApp::start();
    for (stated, level, downgrade) in [
        (sealed(), "sealed", Value::Null),
        (json!({ "level": "sealed" }), "sealed", Value::Null),
        (json!({ "level": "guarded", "downgrade": "browser" }), "guarded", json!("browser")),
        (json!({ "level": "guarded", "downgrade": "application" }), "guarded", json!("application")),
        (json!({ "level": "guarded", "downgrade": "own_hls" }), "guarded", json!("own_hls")),
        (json!({ "level": "guarded", "downgrade": "hls_settings" }), "guarded", json!("hls_settings")),
        (json!({}), "guarded", json!("old_player")),
    ] {
        let player = app.player();
        let (answer, grant) = player.play(&app.sign(&app.claims(TITLE)), stated.clone());
        assert_eq!(json!(answer.session.level), json!(level), "{stated}");
        let (kept, _) = player.keys(&grant, json!({ "counter": 1 }));
        assert_eq!(json!(kept.session.level), json!(level), "{stated}");
        let session = app.authorized("GET", &format!("/v1/sessions/{}", grant.session_id)).send().value();
        assert_eq!((&session["level"], &session["downgrade"]), (&json!(level), &downgrade), "{stated}");
        let audit = app.authorized("GET", "/v1/audit?kind=session_started&limit=1").send().value()["audit"][0].clone();
        assert_eq!(audit["sessionId"], json!(grant.session_id));
        let detail = &audit["detail"];
        assert_eq!((&detail["level"], &detail["downgrade"]), (&json!(level), &downgrade), "{stated}");
        assert!(detail.get("downgrade").is_some(), "said, also where it is null");
    }
}

#[test]
fn sessions_are_found_by_their_level() {
    let app = TestApp::start();
    app.publish("show", "standard");
    let player = app.player();
    let psign = app.sign(&app.claims(TITLE));
    let [of_sealed, of_guarded] = [sealed(), guarded()].map(|stated| player.play(&psign, stated).1.session_id);
    let show = player.try_play(&app.sign(&app.claims("show")), sealed()).value();
    let found = |level: &str| {
        let listed = app.authorized("GET", &format!("/v1/sessions?level={level}")).send().value();
        let sessions = listed["sessions"].as_array().unwrap().clone();
        sessions.iter().map(|session| session["sessionId"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(found("sealed"), [json!(of_sealed)]);
    assert_eq!(found("guarded"), [json!(of_guarded)]);
    assert_eq!(found("standard"), [show["session"]["id"].clone()]);
    assert_eq!(app.authorized("GET", "/v1/sessions?level=hardware").send().code(), "malformed_request");
    assert_eq!(app.authorized("GET", "/v1/sessions").send().value()["sessions"].as_array().unwrap().len(), 3);
}

#[test]
fn what_makes_no_sense_is_malformed_and_opens_nothing() {
    let app = TestApp::start();
    let psign = app.sign(&app.claims(TITLE));
    for stated in [
        json!({ "level": "sealed", "downgrade": "browser" }),
        json!({ "level": "guarded", "downgrade": null }),
        json!({ "level": "guarded" }),
        json!({ "downgrade": "browser" }),
        json!({ "level": "guarded", "downgrade": "old_player" }),
        json!({ "level": "guarded", "downgrade": "weather" }),
        json!({ "level": "guarded", "downgrade": 1 }),
        json!({ "level": "standard" }),
        json!({ "level": "standard", "downgrade": "browser" }),
        json!({ "level": "Sealed" }),
        json!({ "level": ["sealed"] }),
    ] {
        assert_eq!(app.player().try_play(&psign, stated.clone()).code(), "malformed_request", "{stated}");
    }
    let sessions = || app.authorized("GET", "/v1/sessions").send().value()["sessions"].as_array().unwrap().len();
    assert_eq!(sessions(), 0);
    assert_eq!(app.player().try_play(&psign, json!({ "level": null, "downgrade": null })).status, 200);
    assert_eq!(sessions(), 1);
}

#[test]
fn players_of_before_are_guarded_ones() {
    let app = TestApp::start();
    allow(&app, ("guarded", "refuse"));
    app.player().play_title(TITLE);
    allow(&app, ("sealed", "refuse"));
    let psign = app.sign(&app.claims(TITLE));
    assert_eq!(app.player().try_play(&psign, json!({})).code(), "level_not_allowed");
    assert_eq!(app.player().try_play(&psign, sealed()).status, 200);
}

#[test]
fn clear_titles_have_no_level_and_are_not_refused() {
    let app = TestApp::start();
    app.publish("trailer", "clear");
    allow(&app, ("sealed", "refuse"));
    let psign = app.sign(&app.claims("trailer"));
    for stated in [json!({}), guarded(), sealed()] {
        let answer = app.player().try_play(&psign, stated);
        assert_eq!((answer.status, &answer.value()["session"]["level"]), (200, &Value::Null));
    }
    let title = app.sign(&app.claims(TITLE));
    assert_eq!(app.player().try_play(&title, guarded()).code(), "level_not_allowed", "others are");
}
