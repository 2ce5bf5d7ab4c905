use super::{PlainPlayer, SHOW, entry, key_path, start, with_show};
use crate::support::{Response, TestApp};

fn retry_after(response: &Response) -> u64 {
    response.header("retry-after").unwrap().parse().unwrap()
}

#[test]
fn a_key_asked_for_a_thousand_times_is_limited_and_given_again_later() {
    let app = with_show(TestApp::builder().key_uses(10_000).start());
    let player = PlainPlayer::open(&app, SHOW);
    let path = key_path(SHOW, "HD", "0", &player.token());
    let answers: Vec<Response> = (0..1000).map(|_| app.get(&path)).collect();
    let given = answers.iter().filter(|answer| answer.status == 200).count();
    let limited: Vec<&Response> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert_eq!(given + limited.len(), 1000);
    assert!(given >= 120, "{given}: so many at once are anybody's");
    assert!(limited.len() > 1, "{given}: no more than the clock made room for");
    for answer in &limited {
        assert_eq!(answer.code(), "rate_limited");
        assert!((1..=2).contains(&retry_after(answer)));
    }
    let other = PlainPlayer::open(&app, SHOW);
    assert_eq!(other.key("HD", "0").status, 200, "another session is not concerned");
    app.clock.advance(i64::try_from(retry_after(limited[0])).unwrap());
    assert_eq!(app.get(&path).status, 200);
    app.clock.advance(120);
    assert!((0..100).all(|_| app.get(&path).status == 200), "and after a while as at first");
}

#[test]
fn without_a_valid_token_an_address_is_limited_and_its_sessions_are_not() {
    let app = start();
    let player = PlainPlayer::open(&app, SHOW);
    let forged = key_path(SHOW, "HD", "0", &"A".repeat(66));
    let answers: Vec<Response> = (0..1000).map(|_| app.get(&forged)).collect();
    let refused = answers.iter().filter(|answer| answer.status == 401).count();
    let limited: Vec<&Response> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert_eq!(refused + limited.len(), 1000);
    assert!(refused >= 240 && limited.len() > 1, "{refused}");
    assert!(limited.iter().all(|answer| answer.code() == "rate_limited" && retry_after(answer) >= 1));
    assert_eq!(
        app.get(&format!("/v1/hls-keys?Ciphertext=x&MediaId=y&MtsHlsUriToken={}", "A".repeat(66))).code(),
        "rate_limited"
    );
    assert_eq!(player.key("HD", "0").status, 200);
    assert_eq!(entry(&app, SHOW, &app.sign(&app.claims(SHOW))).send().status, 200);
    app.clock.advance(600);
    assert_eq!(app.get(&forged).code(), "session_invalid");
}

#[test]
fn a_session_has_each_key_so_many_times_and_no_more() {
    // Fifteen keys, twice each.
    let app = with_show(TestApp::builder().key_uses(2).start());
    let player = PlainPlayer::open(&app, SHOW);
    for n in 0..30 {
        assert_eq!(player.key("HD", &(n % 5).to_string()).status, 200, "{n}");
    }
    app.clock.advance(1000);
    assert_eq!(player.key("HD", "0").code(), "key_uses_exhausted");
    assert_eq!(player.key("SD", "0").code(), "key_uses_exhausted");
    assert_eq!(PlainPlayer::open(&app, SHOW).key("HD", "0").status, 200, "a new session has its own");
}
