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
    let mut suspected = BTreeMap::<&str, u32>::new();
    for viewer in &viewers {
        if viewer.throttled > 0 || !viewer.refused.is_empty() {
            refused.push(format!("{} {:?} {} {:?}", viewer.uid, viewer.habit, viewer.throttled, viewer.refused));
        }
        assert!(viewer.requests > 1, "{} {:?} did nothing", viewer.uid, viewer.habit);
        let (score, _) = suspicion(&app, &viewer.uid);
        if score >= 30 {
            *suspected.entry(name_of(viewer.habit)).or_default() += 1;
        }
    }
    let requests: u32 = viewers.iter().map(|viewer| viewer.requests).sum();
    eprintln!("{} honest viewers, {requests} requests; suspected: {suspected:?}", viewers.len());
    assert!(refused.is_empty(), "{refused:#?}");
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
    eprintln!("kind              suspected with   first refused with   after 10 minutes   reasons");
    for kind in Kind::ALL {
        let of_kind: Vec<&Ripper> = rippers.iter().filter(|ripper| ripper.kind == kind).collect();
        assert_eq!(of_kind.len(), size().rippers_per_kind as usize);
        let most = |count: &dyn Fn(&Ripper) -> usize| {
            Ripper::share(of_kind.iter().map(|ripper| count(ripper)).max().unwrap()) * 100.0
        };
        for ripper in &of_kind {
            let count = ripper.suspected_with.unwrap_or_else(|| panic!("a {kind:?} ripper was never suspected"));
            assert!(Ripper::share(count) < SHARE_MAX, "{kind:?} with {count} periods {:?}", ripper.reasons);
            for (secs, held) in &ripper.held_at {
                // What an honest player holds ahead, 30 minutes, and what can be played since.
                assert!(*held as f64 * 60.0 <= 2100.0 + 2.25 * f64::from(*secs), "{kind:?} {held} after {secs} s");
            }
        }
        let reasons: std::collections::BTreeSet<_> = of_kind.iter().flat_map(|ripper| &ripper.reasons).collect();
        eprintln!(
            "{:<17} {:>13.1}% {:>19} {:>17.1}%   {reasons:?}",
            format!("{kind:?}"),
            most(&|ripper| ripper.suspected_with.unwrap()),
            of_kind
                .iter()
                .filter_map(|ripper| ripper.throttled_with)
                .max()
                .map_or("never".to_owned(), |count| format!("{:.1}%", Ripper::share(count) * 100.0)),
            most(&|ripper| ripper.held_at.range(..=600).next_back().map_or(0, |(_, held)| *held)),
        );
    }
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

#[test]
fn with_revocation_on_fast_rippers_end_with_a_part() {
    let app = start(|config| config.pacing.revoke = Threshold::At(60));
    let mut rippers = rippers();
    run(&app, &mut rippers, 600);
    for ripper in rippers.iter().filter(|ripper| matches!(ripper.kind, Kind::Sequential | Kind::RandomSeeks)) {
        assert!(ripper.ended, "{:?}", ripper.kind);
        assert!(ripper.held.len() <= 36, "{:?} {}", ripper.kind, ripper.held.len());
    }
}
