//! Pacing that was switched off.

use keyveil_key_server::{PacingMode, Threshold};
use serde_json::json;

use super::rules::{audited, told};
use super::world::{Client, Outcome, PERIODS, start, suspicion};
use crate::support::TestApp;

/// The whole title in no time, from many places, with counters and positions that no player has; how many requests were answered
/// before one was refused.
fn rip(app: &TestApp) -> usize {
    let player = app.player();
    let mut client = Client::open(&player, app, "ann", 0.0, "10.0.0.1").0.expect("a session");
    let is_answered = |period: &u32| {
        let address = format!("10.{period}.0.1");
        matches!(client.keys(&player, *period, 1e9, &address), Outcome::Keys(_))
    };
    let answered = (2..PERIODS).step_by(2).take_while(is_answered).count();
    assert_eq!(player.try_keys(&client.grant, json!({ "counter": 1_000_000 })).status, 200, "it costs nothing");
    answered
}

fn accounts(app: &TestApp) -> i64 {
    app.database().number("SELECT count(*) FROM pacing_accounts")
}

#[test]
fn off_counts_slows_and_suspects_nothing() {
    let all = PERIODS as usize / 2 - 1;
    // Whatever the thresholds.
    let off = start(|config| {
        config.pacing.mode = PacingMode::Off;
        config.pacing.throttle = Threshold::At(1);
        config.pacing.revoke = Threshold::At(1);
    });
    assert_eq!(rip(&off), all);
    assert_eq!(accounts(&off), 0);
    assert_eq!(suspicion(&off, "ann"), (0, [].into()));
    assert!(told(&off).is_empty() && audited(&off, "session_suspected").is_empty());
    // Control: by default all of that is seen.
    let on = start(|_| ());
    assert_eq!(on.config.pacing.mode, PacingMode::On);
    assert!(rip(&on) < all);
    assert_eq!(accounts(&on), 1);
    assert!(suspicion(&on, "ann").0 >= 30);
    assert!(!told(&on).is_empty() && !audited(&on, "session_suspected").is_empty());
}
