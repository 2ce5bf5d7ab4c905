//! The log's ends: what shows without a row that is wrong by itself.

use keyveil_key_server::store::{AuditEvent, AuditFault, AuditKind};
use serde_json::json;

use super::database::Database;
use super::{busy_app, faults, holds, verified};
use crate::support::TestApp;

fn append(app: &TestApp) {
    app.block_on(async {
        let mut write = app.installation().store().write().await.unwrap();
        write.append_audit(&AuditEvent::new(AuditKind::AppChanged, json!({})), 1).await.unwrap();
        write.commit().await.unwrap();
    });
}

#[test]
fn an_altered_record_of_the_ends_shows_and_stays_shown() {
    for alteration in [
        "UPDATE audit_head SET seq = seq + 1",
        "UPDATE audit_head SET hash = {zeros}",
        "UPDATE audit_head SET start_seq = 3",
        "UPDATE audit_head SET start_hash = {other}",
        "UPDATE audit_head SET mac = {other}",
        "UPDATE audit_head SET mac = {empty}",
        "UPDATE audit_head SET mac = {short}",
        "DELETE FROM audit_head",
    ] {
        let app = TestApp::start();
        let rows = i64::try_from(holds(&app).seq).unwrap();
        let database = Database::of(&app);
        let blobs = [("{zeros}", &[0; 32][..]), ("{other}", &[0xa5; 32]), ("{empty}", &[]), ("{short}", &[1])];
        let sql =
            blobs.iter().fold(alteration.to_owned(), |sql, (name, bytes)| sql.replace(name, &database.blob(bytes)));
        database.run(&sql);
        assert_eq!(faults(&app), [AuditFault::Head], "{alteration}");
        append(&app);
        assert_eq!(faults(&app), [AuditFault::Broken(rows + 1)], "{alteration}");
        append(&app);
        assert_eq!(faults(&app), [AuditFault::Broken(rows + 1)], "{alteration}");
    }
}

#[test]
fn rows_that_are_gone_from_the_end_stay_missed() {
    let app = busy_app();
    let last = i64::try_from(holds(&app).seq).unwrap();
    let database = Database::of(&app);
    database.run("DELETE FROM audit WHERE seq > (SELECT max(seq) FROM audit) - 3");
    assert_eq!(faults(&app), [AuditFault::Removed(last - 2, last)]);
    append(&app);
    assert_eq!(faults(&app), [AuditFault::Removed(last - 2, last)]);
    assert_eq!(database.rows().last().unwrap().seq, last + 1, "no number is given twice");
}

#[test]
fn an_emptied_log_is_missed() {
    let app = TestApp::start();
    let last = i64::try_from(holds(&app).seq).unwrap();
    Database::of(&app).run("DELETE FROM audit");
    assert_eq!(faults(&app), [AuditFault::Removed(1, last)]);
    append(&app);
    assert_eq!(faults(&app), [AuditFault::Removed(1, last)]);
}

/// Nothing but the end's MAC tells: by which row it began can't be said.
#[test]
fn a_chain_that_was_built_anew_does_not_hold() {
    let app = busy_app();
    let database = Database::of(&app);
    let mut rows = database.rows();
    rows[9].detail = "{}".to_owned();
    for at in 9..rows.len() {
        rows[at].prev_hash = rows[at - 1].hash.clone();
        rows[at] = rows[at].clone().hashed();
    }
    database.replace(&rows);
    let last = rows.last().unwrap().seq;
    assert_eq!(faults(&app), [AuditFault::Altered(last)]);
    database.run("UPDATE audit_head SET hash = (SELECT hash FROM audit ORDER BY seq DESC LIMIT 1)");
    assert_eq!(faults(&app), [AuditFault::Head], "the end has no MAC then");
}

/// A forged row behind the end neither stops the log nor goes under in it.
#[test]
fn a_row_behind_the_end_keeps_its_place_and_shows() {
    let app = TestApp::start();
    let database = Database::of(&app);
    let mut rows = database.rows();
    let mut forged = rows.last().unwrap().clone();
    forged.prev_hash = forged.hash.clone();
    forged.seq += 1;
    let forged = forged.hashed();
    let seq = forged.seq;
    rows.push(forged);
    database.replace(&rows);
    assert_eq!(faults(&app), [AuditFault::Inserted(seq)]);
    append(&app);
    assert!(matches!(faults(&app)[..], [AuditFault::Altered(at) | AuditFault::Inserted(at)] if at == seq));
}

#[test]
fn a_tail_noted_elsewhere_shows_a_database_put_back() {
    let app = TestApp::start();
    let verify = |expected| {
        let store = app.installation().store();
        app.block_on(store.verify_audit_expecting(Some(expected))).unwrap().map_err(|damage| damage.faults)
    };
    let database = Database::of(&app);
    database.run("CREATE TABLE head_before AS SELECT * FROM audit_head");
    append(&app);
    let noted = holds(&app);
    append(&app);
    assert!(verify(noted.hash).is_ok(), "the chain has grown since");
    database.run("DELETE FROM audit WHERE seq > (SELECT seq FROM head_before)");
    database.run("DELETE FROM audit_head; INSERT INTO audit_head SELECT * FROM head_before");
    assert!(verified(&app).is_ok(), "by itself it is what it once was");
    assert_eq!(verify(noted.hash), Err(vec![AuditFault::ExpectedHead]));
}

#[test]
fn a_log_without_sealed_ends_is_sealed_when_it_is_opened() {
    let mut app = TestApp::start();
    assert_eq!(holds(&app).sealed_at, None);
    let rows = holds(&app).seq;
    app.stop();
    let database = Database::of(&app);
    database.run(&format!("UPDATE audit_head SET mac = {}", database.blob(&[])));
    let updated = TestApp::builder().over(&app).start();
    assert_eq!(holds(&updated).sealed_at, Some(rows + 1));
}
