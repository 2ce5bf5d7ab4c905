use super::*;

const RULES: Rules = Rules {
    log: Threshold::At(30),
    throttle: Threshold::At(60),
    revoke: Threshold::Off,
    speed: 2250,
    look_ahead_ms: 60_000,
    seek_allowance_ms: 1_800_000,
    limits_runs: true,
};
/// `A` of docs/PACING.md.
const AHEAD_MS: u64 = 300_000;

/// SplitMix64: a run depends on its seed alone.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}

fn asked(now: u64, periods: &[u32]) -> Asked<'_> {
    Asked {
        now,
        period_ms: 60_000,
        periods,
        session: "s",
        network: "198.51.0.0/16",
        position: None,
        position_ms: None,
        counter_step: 1,
        is_old_build: false,
    }
}

/// Whoever asks for whatever whenever: never more than play speed, what a player holds ahead and 30 minutes, and every wait that
/// is told is the first that is long enough.
#[test]
fn no_way_of_asking_gets_more_than_the_budget() {
    for seed in 0..200 {
        let mut chance = Chance(seed);
        let (mut account, mut now, mut refused) = (Account::default(), 1_000_000, 0);
        let began = now;
        let pace = 1 + chance.below(60);
        for request in 0..300 {
            now += chance.below(pace);
            let first = match chance.below(3) {
                0 => u32::try_from(chance.below(500)).unwrap(),
                _ => request,
            };
            let sessions = ["a", "b", "c", "d"];
            let periods = [first, first + 1];
            let session = sessions[usize::try_from(chance.below(4)).unwrap()];
            let asked = Asked { session, ..asked(now, &periods) };
            let judged = RULES.judge(&account, &asked);
            if let Some(secs) = judged.wait_secs {
                refused += 1;
                let at = |secs| RULES.judge(&account, &Asked { now: now + secs, ..asked.clone() }).wait_secs;
                assert_eq!(at(secs), None, "seed {seed}");
                assert!(secs == 1 || at(secs - 1).is_some(), "seed {seed}");
                continue;
            }
            account = judged.after;
            let held = (0..600).filter(|period| account.periods.contains(*period)).count() as u64;
            assert!(
                held * 60_000 <= AHEAD_MS + 1_800_000 + (now - began) * 2250,
                "seed {seed}: {held} after {} s",
                now - began
            );
        }
        assert!(pace > 5 || refused > 0, "seed {seed} was refused nothing");
    }
}

/// Without the allowance for seeks: whatever is asked and claimed, never more than play speed and what a player holds ahead.
#[test]
fn without_an_allowance_nothing_comes_faster_than_it_is_played() {
    let rules = Rules { seek_allowance_ms: 0, ..RULES };
    for seed in 0..40 {
        let mut chance = Chance(seed);
        let (mut account, mut now) = (Account::default(), 1_000_000);
        let (began, mut refused) = (now, 0);
        for request in 0..200 {
            now += chance.below(20);
            let first = if chance.below(3) == 0 { u32::try_from(chance.below(500)).unwrap() } else { request };
            let (periods, session) = ([first, first + 1], ["a", "b", "c"][usize::try_from(chance.below(3)).unwrap()]);
            let position_ms = Some(chance.below(40_000_000));
            let judged = rules.judge(&account, &Asked { session, position_ms, ..asked(now, &periods) });
            refused += u32::from(judged.wait_secs.is_some());
            account = if judged.wait_secs.is_none() { judged.after } else { account };
            let held = (0..600).filter(|period| account.periods.contains(*period)).count() as u64;
            assert!(held * 60_000 <= AHEAD_MS + (now - began) * 2250, "seed {seed}: {held} after {} s", now - began);
        }
        assert!(refused > 0 && account.total_ms > 0, "seed {seed}");
    }
}

/// Longer than a session counts as parallel: what it took is not forgotten while it can't have been played.
#[test]
fn who_waits_begins_no_new_run() {
    let hour_ahead = Rules { look_ahead_ms: 3_600_000, ..RULES };
    let mut account = Account::default();
    for period in 0..64 {
        account = hour_ahead.judge(&account, &asked(1000, &[period])).after;
    }
    assert!(hour_ahead.judge(&account, &asked(1000, &[64])).wait_secs.is_some());
    assert!(hour_ahead.judge(&account, &asked(1130, &[64, 65, 66, 67, 68])).wait_secs.is_some(), "292 s were played");
    assert!(hour_ahead.judge(&account, &asked(1130, &[64, 65, 66, 67])).wait_secs.is_none());
}

/// However suspect: who keeps to play speed and what a player holds ahead is answered.
#[test]
fn who_plays_at_play_speed_is_never_slowed() {
    for speed in [1, 2] {
        let mut account = Account::default();
        for number in 0..500_u32 {
            let networks = [
                "10.0.0.0/16",
                "11.0.0.0/16",
                "12.0.0.0/16",
                "13.0.0.0/16",
                "14.0.0.0/16",
                "15.0.0.0/16",
                "16.0.0.0/16",
                "17.0.0.0/16",
                "18.0.0.0/16",
                "19.0.0.0/16",
                "20.0.0.0/16",
                "21.0.0.0/16",
            ];
            let periods = [number * 2, number * 2 + 1];
            let network = networks[usize::try_from(number).unwrap() % networks.len()];
            let lies = Asked {
                network,
                position: Some(Position::Behind),
                counter_step: 5000,
                ..asked(u64::from(number) * 120 / speed, &periods)
            };
            let judged = RULES.judge(&account, &lies);
            assert_eq!(judged.wait_secs, None, "{number}");
            account = judged.after;
            if number == 20 {
                assert!(judged.score.points >= 60, "{:?}", judged.score);
            }
        }
    }
}

#[test]
fn what_was_released_costs_nothing() {
    let mut account = Account::default();
    for period in 0..200 {
        let judged = RULES.judge(&account, &asked(7, &[period % 3, period % 3 + 1]));
        assert_eq!((judged.wait_secs, judged.action), (None, None), "{period}");
        account = judged.after;
    }
    // Control: as many new ones.
    let mut throttled = 0;
    for period in 0..200 {
        let judged = RULES.judge(&account, &asked(7, &[period]));
        throttled += u32::from(judged.wait_secs.is_some());
        account = if judged.wait_secs.is_none() { judged.after } else { account };
    }
    assert!(throttled > 100);
}

#[test]
fn a_score_is_that_of_the_strongest_reason_and_a_little_for_each_further_one() {
    let periods = [0, 1];
    let old = Asked { is_old_build: true, ..asked(7, &periods) };
    let judged = RULES.judge(&Account::default(), &old);
    assert_eq!((judged.score.points, judged.score.reasons.as_slice()), (10, [Reason::OldBuild].as_slice()));
    let odd = Asked { counter_step: 1001, ..old.clone() };
    let judged = RULES.judge(&Account::default(), &odd);
    let both = [Reason::ImpossibleCounter, Reason::OldBuild];
    assert_eq!((judged.score.points, judged.score.reasons.as_slice()), (32, both.as_slice()));
    assert_eq!(judged.action, Some(Action::Log));
    let off = Rules { log: Threshold::Off, ..RULES };
    assert_eq!(off.judge(&Account::default(), &odd).action, None);
}

#[test]
fn an_account_is_kept_as_json_without_its_periods() {
    let periods = [3, 4];
    let account = RULES.judge(&Account::default(), &asked(7, &periods)).after;
    let mut read: Account = serde_json::from_str(&serde_json::to_string(&account).unwrap()).unwrap();
    assert!(!read.periods.contains(3));
    read.periods = PeriodSet::from_bytes(account.periods.as_bytes().to_vec());
    assert_eq!(read, account);
}

#[test]
fn a_clock_that_goes_back_forgets_nothing_and_forgives_nothing() {
    let account = RULES.judge(&Account::default(), &asked(1000, &[0, 1])).after;
    let earlier = RULES.judge(&account, &asked(10, &[2, 3])).after;
    assert_eq!(earlier, RULES.judge(&account, &asked(1000, &[2, 3])).after);
}
