//! Playback while the engine does not answer.

use std::time::Duration;

use serde_json::json;

use super::fake::{FakeKms, Mood, Whims};
use crate::support::{Response, TITLE, TestApp};

/// Never played.
const OTHER: &str = "copy-0";

fn start() -> (TestApp, Whims) {
    let (kms, whims) = FakeKms::new();
    let app = TestApp::builder().kms(kms).configure(|config| config.kms.timeout_ms = 500).start();
    super::add_titles(&app, 1);
    (app, whims)
}

#[track_caller]
fn assert_kms_unavailable(response: &Response) -> u64 {
    assert_eq!((response.status, response.code()), (503, "kms_unavailable".to_owned()));
    response.header("retry-after").expect("a hint").parse().unwrap()
}

/// What was played lately plays on; what was not is refused with a hint.
fn assert_only_played_titles_play(mood: Mood) {
    let (app, whims) = start();
    let (psign, other) = (app.sign(&app.claims(TITLE)), app.sign(&app.claims(OTHER)));
    let player = app.player();
    let (_, grant) = player.play(&psign, json!({}));
    whims.set(mood);
    let (_, second) = player.play(&psign, json!({}));
    player.keys(&grant, json!({ "counter": 1 }));
    player.keys(&second, json!({ "counter": 1 }));
    assert_kms_unavailable(&player.try_play(&other, json!({})));
    assert_kms_unavailable(&app.put_title("new", "private").0);
    assert_kms_unavailable(&app.get("/readyz"));
    assert_eq!(app.get("/healthz").status, 200, "alive is not ready");
    whims.set(Mood::Well);
    assert_eq!(app.get("/readyz").status, 200);
    player.play(&other, json!({}));
    player.keys(&grant, json!({ "counter": 2 }));
    assert_eq!(app.put_title("new", "private").0.status, 201, "the failed attempt left nothing behind");
}

#[test]
fn played_titles_play_on_while_the_engine_is_down() {
    assert_only_played_titles_play(Mood::Down);
}

#[test]
fn played_titles_play_on_while_the_engine_hangs() {
    assert_only_played_titles_play(Mood::Hanging);
}

#[test]
fn played_titles_play_on_while_the_engine_throttles() {
    assert_only_played_titles_play(Mood::Throttling(3));
}

#[test]
fn the_engine_says_when_to_ask_again() {
    let (app, whims) = start();
    let player = app.player();
    let other = app.sign(&app.claims(OTHER));
    whims.set(Mood::Throttling(7));
    assert_eq!(assert_kms_unavailable(&player.try_play(&other, json!({}))), 7);
    whims.set(Mood::Down);
    assert_eq!(assert_kms_unavailable(&player.try_play(&other, json!({}))), 1);
    whims.set(Mood::Well);
    player.play(&other, json!({}));
}

#[test]
fn an_engine_that_is_down_is_not_asked_for_every_request() {
    let (app, whims) = start();
    let player = app.player();
    player.play_title(TITLE);
    whims.set(Mood::Hanging);
    let other = app.sign(&app.claims(OTHER));
    let before = whims.calls();
    for _ in 0..5 {
        assert_kms_unavailable(&player.try_play(&other, json!({})));
    }
    assert_eq!(whims.calls() - before, 5, "one a request,");
    assert_kms_unavailable(&player.try_play(&other, json!({})));
    assert_eq!(whims.calls() - before, 5, "until it is left alone");
    whims.set(Mood::Well);
    // It rests for a second, then the first request tries.
    app.until("plays again", || {
        std::thread::sleep(Duration::from_millis(100));
        player.try_play(&other, json!({})).status == 200
    });
}

#[test]
fn an_engine_that_only_opens_is_still_asked_to_open() {
    let (app, whims) = start();
    whims.set(Mood::OnlyOpening);
    let before = whims.calls();
    for _ in 0..6 {
        assert_kms_unavailable(&app.put_title("new", "private").0);
    }
    assert_eq!(whims.calls() - before, 5, "it is left alone with what to wrap");
    app.player().play_title(OTHER);
}

#[test]
fn a_title_that_was_not_published_says_nothing_of_the_kms() {
    let (app, whims) = start();
    let player = app.player();
    player.play_title(TITLE);
    whims.set(Mood::Down);
    assert_eq!(player.try_play(&app.sign(&app.claims("nothing")), json!({})).code(), "title_not_found");
    whims.set(Mood::Well);
    player.play_title(TITLE);
}
