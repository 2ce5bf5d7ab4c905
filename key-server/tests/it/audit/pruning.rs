//! Retention: old rows go, and what is left holds.

use std::path::PathBuf;

use keyveil_key_server::AuditConfig;
use keyveil_key_server::actions::audit_retention::{self, RetentionError};
use keyveil_key_server::store::{AuditFault, PruneError, verify_audit_copy};

use super::database::{Database, Row};
use super::{busy_app, faults, holds};
use crate::support::TestApp;

const DAY: i64 = 24 * 3600;

fn days(retention_days: u32, export_dir: Option<PathBuf>) -> AuditConfig {
    AuditConfig { retention_days: Some(retention_days), export_dir }
}

fn apply(app: &TestApp, config: &AuditConfig, now: i64) -> Result<u64, RetentionError> {
    app.block_on(audit_retention::apply(app.installation().store(), config, now))
}

/// An app, and a moment at which every row but the first ones, of the year 1970, is a day old.
fn app_with_old_rows() -> (TestApp, Vec<Row>, i64) {
    let app = busy_app();
    let rows = Database::of(&app).rows();
    let now = rows.last().unwrap().at + DAY;
    (app, rows, now)
}

#[test]
fn everything_is_kept_without_a_policy() {
    let (app, rows, now) = app_with_old_rows();
    assert_eq!(apply(&app, &AuditConfig::default(), now + 10_000 * DAY).unwrap(), 0);
    assert_eq!(Database::of(&app).rows(), rows);
}

#[test]
fn old_rows_go_and_the_rest_holds_time_after_time() {
    let (app, rows, now) = app_with_old_rows();
    let database = Database::of(&app);
    assert_eq!(apply(&app, &days(30, None), now).unwrap(), 0, "none is so old that none younger is before it");
    assert_eq!(apply(&app, &days(1, None), now + 2 * DAY).unwrap(), rows.len() as u64);
    let last = rows.last().unwrap();
    let left = database.rows();
    assert_eq!((left.len(), left[0].kind.as_str(), &left[0].prev_hash), (1, "log_pruned", &last.hash));
    assert!(left[0].detail.contains(&hex::encode(&last.hash)), "the row itself says what it continues");
    let tail = holds(&app);
    assert_eq!((tail.first, tail.seq), (rows.len() as u64 + 1, rows.len() as u64 + 1));
    assert_eq!(apply(&app, &days(1, None), now + 2 * DAY).unwrap(), 0);
    assert_eq!(apply(&app, &days(1, None), now + 9 * DAY).unwrap(), 1);
    assert_eq!(holds(&app).first, rows.len() as u64 + 2);
}

#[test]
fn rows_that_are_younger_than_the_policy_says_stay() {
    let (app, _, _) = app_with_old_rows();
    let player = app.player();
    let rows = Database::of(&app).rows();
    app.clock.advance(5 * DAY);
    player.play_title(crate::support::TITLE);
    let now = i64::try_from(app.now()).unwrap();
    assert_eq!(apply(&app, &days(6, None), now).unwrap(), 0);
    assert_eq!(apply(&app, &days(2, None), now).unwrap(), rows.len() as u64);
    let kinds: Vec<String> = Database::of(&app).rows().into_iter().map(|row| row.kind).collect();
    assert_eq!(kinds, ["session_started", "log_pruned"]);
    holds(&app);
}

#[test]
fn what_is_done_to_the_rest_still_shows() {
    let (app, rows, now) = app_with_old_rows();
    apply(&app, &days(1, None), now + 2 * DAY).unwrap();
    let database = Database::of(&app);
    app.player().play_title(crate::support::TITLE);
    let left = database.rows();
    let first = rows.last().unwrap().seq + 1;
    assert_eq!(left[0].seq, first);
    database.replace(&left[1..]);
    assert_eq!(faults(&app), [AuditFault::Removed(first, first)]);
    let mut put_back = left.clone();
    put_back.insert(0, rows.last().unwrap().clone());
    database.replace(&put_back);
    assert_eq!(faults(&app), [AuditFault::Inserted(first - 1)]);
    database.replace(&left);
    holds(&app);
}

#[test]
fn rows_are_kept_in_a_file_before_they_go() {
    let (app, rows, now) = app_with_old_rows();
    let folder = app.config.data.dir.join("log");
    apply(&app, &days(1, Some(folder.clone())), now + 2 * DAY).unwrap();
    let files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let copy = std::fs::read(&files[0]).unwrap();
    let tail = verify_audit_copy(copy.as_slice(), None).unwrap().unwrap();
    assert_eq!((tail.first, tail.seq, tail.hash.to_vec()), (1, rows.len() as u64, rows.last().unwrap().hash.clone()));
}

#[test]
fn nothing_goes_that_cannot_be_kept_logged_or_does_not_hold() {
    let (app, rows, now) = app_with_old_rows();
    let database = Database::of(&app);
    let later = now + 2 * DAY;
    let blocked = app.config.data.dir.join("a-file");
    std::fs::write(&blocked, "").unwrap();
    assert!(matches!(apply(&app, &days(1, Some(blocked)), later), Err(RetentionError::Export { .. })));
    assert_eq!(database.rows(), rows);

    database.refuse("true");
    assert!(apply(&app, &days(1, None), later).is_err());
    database.take();
    assert_eq!(database.rows(), rows);
    holds(&app);

    let mut altered = rows.clone();
    altered[4].detail = "{}".to_owned();
    altered[4].kind = "app_changed".to_owned();
    let last = rows.len() - 1;
    let mut end_altered = rows.clone();
    end_altered[last].kind = "app_changed".to_owned();
    end_altered[last] = end_altered[last].clone().hashed();
    for (tampered, seq) in [(altered, 5), (end_altered, rows[last].seq)] {
        database.replace(&tampered);
        let refused = apply(&app, &days(1, None), later).unwrap_err();
        let is_named =
            matches!(&refused, RetentionError::Prune(PruneError::Damaged(AuditFault::Altered(at))) if *at == seq);
        assert!(is_named, "{refused}");
        assert_eq!(database.rows(), tampered, "what shows the tampering stays");
    }
    database.replace(&rows);
    assert_eq!(apply(&app, &days(1, None), later).unwrap(), rows.len() as u64);
}
