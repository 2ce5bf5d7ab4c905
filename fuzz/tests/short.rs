//! Every target over its corpus and some thousands of mutations of it: the same ones in every run. `npm run fuzz` is the long run.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use keyveil_fuzz::mutation::{Random, mutated};
use keyveil_fuzz::{Outcome, TARGETS, Target};

/// HPKE takes a quarter of a millisecond.
const RUNS_OF_GRANTS: usize = 600;
const RUNS: usize = 4000;
const SEED: u64 = 0x6b65_7976_6569_6c31;

fn corpus_folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name)
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(corpus_folder(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

fn run(name: &str) {
    let (_, target) = TARGETS.into_iter().find(|(known, _)| *known == name).unwrap();
    let corpus = corpus(name);
    let outcomes: BTreeSet<_> = corpus.iter().map(|input| said(target(input))).collect();
    assert!(outcomes.contains("accepted") && outcomes.len() > 1, "the corpus shows both: {outcomes:?}");
    mutations(target, &corpus, if name.starts_with("grant") { RUNS_OF_GRANTS } else { RUNS });
}

const fn said(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Refused(code) => code,
    }
}

fn mutations(target: Target, corpus: &[Vec<u8>], runs: usize) {
    let mut random = Random::new(SEED);
    for _ in 0..runs {
        let input = mutated(corpus, &mut random);
        // An input is printed only when its target breaks: captured, and shown by the failing test.
        println!("{:?}", String::from_utf8_lossy(&input));
        target(&input);
    }
}

macro_rules! targets {
    ($($name:ident,)+) => {
        $(#[test]
        fn $name() {
            run(stringify!($name));
        })+

        #[test]
        fn every_target_has_a_test_a_program_and_a_corpus() {
            let tested = [$(stringify!($name)),+];
            assert_eq!(TARGETS.map(|(name, _)| name).to_vec(), tested);
            let manifest = include_str!("../Cargo.toml");
            let programs: Vec<_> = manifest.lines().filter_map(|line| line.strip_prefix("path = \"bin/")).collect();
            assert_eq!(programs, tested.map(|name| format!("{name}.rs\"")));
            for name in tested {
                let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("bin/{name}.rs"));
                assert!(fs::read_to_string(program).unwrap().contains(&format!("keyveil_fuzz::{name}(data)")));
                assert!(corpus(name).iter().all(|input| input.len() <= 8192), "{name}: the corpus is kept small");
            }
        }
    };
}

targets! {
    psign,
    grant_request,
    grant,
    key_tag,
    playlist,
    tus_headers,
    url_schemes,
    segment,
    mp4_index,
}

/// The control: a rule that one bit in one place breaks is found to be broken.
#[test]
fn mutations_find_a_broken_rule() {
    fn broken(input: &[u8]) -> Outcome {
        assert!(!input.starts_with(b"#EXTM3U\n") || input.len() < 9 || input[8] == b'#', "found");
        Outcome::Accepted
    }
    let corpus = vec![b"#EXTM3U\n#EXT-X-ENDLIST\n".to_vec()];
    let found = std::panic::catch_unwind(|| mutations(broken, &corpus, RUNS)).unwrap_err();
    assert!(found.downcast_ref::<&str>().is_some_and(|message| *message == "found"));
}
