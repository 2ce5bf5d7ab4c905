//! Honest viewers and rippers of five kinds, through the real server in virtual time: a part of them, or with `KEYVEIL_SIMULATION=whole`
//! all that docs/PACING.md speaks of.

use std::collections::BTreeMap;

use keyveil_key_server::{PacingMode, Threshold};

use super::ripper::{Kind, Ripper};
use super::viewer::{Habit, Viewer};
use super::world::{PERIODS, run, start, suspicion};

const SEED: u64 = 20_261_122;
const SECS: u32 = 1500;
/// Of a one-hour title.
const SHARE_MAX: f64 = 0.2;

/// How many take part. The first are the same in both.
struct Size {
    viewers: u32,
    rippers_per_kind: u32,
}

fn size() -> Size {
    match std::env::var("KEYVEIL_SIMULATION").as_deref() {
        Ok("whole") => Size { viewers: 1000, rippers_per_kind: 20 },
        Err(std::env::VarError::NotPresent) => Size { viewers: 150, rippers_per_kind: 5 },
        other => panic!("KEYVEIL_SIMULATION is \"whole\" or not set: {other:?}"),
    }
}

#[test]
fn honest_viewers_are_refused_nothing() {
    let app = start(|_| ());
    let mut viewers: Vec<Viewer> = (0..size().viewers).map(|number| Viewer::new(number, SEED)).collect();
    run(&app, &mut viewers, SECS);
    let mut refused = Vec::new();
    let (mut suspected, mut at_45) = (BTreeMap::<&str, u32>::new(), 0);
    for viewer in &viewers {
        if viewer.throttled > 0 || !viewer.refused.is_empty() {
            refused.push(format!("{} {:?} {} {:?}", viewer.uid, viewer.habit, viewer.throttled, viewer.refused));
        }
        assert!(viewer.requests > 1, "{} {:?} did nothing", viewer.uid, viewer.habit);
        let (score, _) = suspicion(&app, &viewer.uid);
        if score >= 30 {
            *suspected.entry(name_of(viewer.habit)).or_default() += 1;
        }
        at_45 += u32::from(score >= 45);
    }
    let requests: u32 = viewers.iter().map(|viewer| viewer.requests).sum();
    eprintln!("{} honest viewers, {requests} requests; suspected: {suspected:?}, {at_45} by 45 points", viewers.len());
    assert!(refused.is_empty(), "{refused:#?}");
}

/// Those are asked to wait, and have enough to play until then.
#[test]
fn who_is_slowed_for_a_large_buffer_does_not_see_it() {
    let app = start(|_| ());
    let numbers = (0..).step_by(Habit::ALL.len()).take(40);
    let mut viewers: Vec<Viewer> = numbers.map(|number| Viewer::who_buffers_much(number, SEED)).collect();
    run(&app, &mut viewers, SECS);
    let slowed = viewers.iter().filter(|viewer| viewer.throttled > 0).count();
    eprintln!("{slowed} of {} viewers who buffer ten minutes were slowed", viewers.len());
    assert!(slowed > 20, "{slowed}");
    for viewer in &viewers {
        assert_eq!((viewer.habit, viewer.starved(), viewer.refused.len()), (Habit::Watches, 0, 0), "{}", viewer.uid);
    }
}

fn name_of(habit: Habit) -> &'static str {
    match habit {
        Habit::Watches => "watches",
        Habit::Scrubs => "scrubs",
        Habit::Skims => "skims",
        Habit::Skips => "skips",
        Habit::Pauses => "pauses",
        Habit::Hurries => "hurries",
        Habit::Reloads => "reloads",
        Habit::Tabs => "tabs",
    }
}

fn rippers() -> Vec<Ripper> {
    let count = size().rippers_per_kind * u32::try_from(Kind::ALL.len()).unwrap();
    (0..count).map(|number| Ripper::new(number, SEED)).collect()
}

#[test]
fn every_ripper_is_suspected_before_it_holds_a_fifth() {
    let app = start(|_| ());
    let mut rippers = rippers();
    run(&app, &mut rippers, SECS);
    eprintln!("kind              claims    suspected with   last first slowed with   after 10 minutes   reasons");
    for kind in Kind::ALL {
        let of_kind = rippers.iter().filter(|ripper| ripper.kind == kind);
        assert_eq!(of_kind.clone().count(), size().rippers_per_kind as usize);
        for ripper in of_kind.clone() {
            let count = ripper.suspected_with.unwrap_or_else(|| panic!("a {kind:?} ripper was never suspected"));
            assert!(Ripper::share(count) < SHARE_MAX, "{kind:?} with {count} periods {:?}", ripper.reasons);
            for (secs, held) in &ripper.held_at {
                // What an honest player holds ahead, what can be played since, and for what looks like seeks 30 minutes.
                let seeks = !ripper.plays_in_a_row();
                let most = 300.0 + if seeks { 1800.0 } else { 0.0 } + 2.25 * f64::from(*secs);
                assert!(*held as f64 * 60.0 <= most, "{kind:?} {held} after {secs} s");
            }
        }
        for plays in [true, false] {
            tell(kind, plays, &of_kind.clone().filter(|ripper| ripper.plays_in_a_row() == plays).collect::<Vec<_>>());
        }
    }
}

/// Of each figure that of the one that had most.
fn tell(kind: Kind, plays: bool, rippers: &[&Ripper]) {
    let most = |count: &dyn Fn(&Ripper) -> Option<usize>| {
        let most = rippers.iter().filter_map(|ripper| count(ripper)).max();
        most.map_or("never".to_owned(), |count| format!("{:.1}%", Ripper::share(count) * 100.0))
    };
    if rippers.is_empty() {
        return;
    }
    let reasons: std::collections::BTreeSet<_> = rippers.iter().flat_map(|ripper| &ripper.reasons).collect();
    eprintln!(
        "{:<17} {:<7} {:>16} {:>24} {:>18}   {reasons:?}",
        format!("{kind:?}"),
        if plays { "playing" } else { "seeking" },
        most(&|ripper| ripper.suspected_with),
        most(&|ripper| ripper.throttled_with),
        most(&|ripper| ripper.held_at.range(..=600).next_back().map(|(_, held)| *held)),
    );
}

#[test]
fn with_pacing_off_every_ripper_gets_all() {
    let app = start(|config| config.pacing.mode = PacingMode::Off);
    let mut rippers = rippers();
    run(&app, &mut rippers, 2500);
    for ripper in &rippers {
        assert_eq!(ripper.held.len(), PERIODS as usize, "{:?}", ripper.kind);
        assert_eq!((ripper.suspected_with, ripper.throttled_with, ripper.ended), (None, None, false));
    }
}

/// Whatever they claim, and however many sessions they have.
#[test]
fn without_an_allowance_for_seeks_no_ripper_gets_more_than_is_played() {
    let app = start(|config| config.pacing.seek_allowance_secs = 0);
    let mut rippers = rippers();
    run(&app, &mut rippers, 600);
    for ripper in &rippers {
        assert!(ripper.held.len() > 4, "{:?} was given nothing", ripper.kind);
        for (secs, held) in &ripper.held_at {
            assert!(*held as f64 * 60.0 <= 300.0 + 2.25 * f64::from(*secs), "{:?} {held} after {secs} s", ripper.kind);
        }
    }
}

#[test]
fn with_revocation_on_fast_rippers_end_with_a_part() {
    let app = start(|config| config.pacing.revoke = Threshold::At(60));
    let mut rippers = rippers();
    run(&app, &mut rippers, 600);
    let is_fast =
        |ripper: &&Ripper| matches!(ripper.kind, Kind::Sequential | Kind::RandomSeeks) && !ripper.plays_in_a_row();
    for ripper in rippers.iter().filter(is_fast) {
        assert!(ripper.ended, "{:?}", ripper.kind);
        assert!(ripper.held.len() <= 36, "{:?} {}", ripper.kind, ripper.held.len());
    }
}
