//! Exports: a copy holds by itself.

use keyveil_key_server::store::{AuditFault, AuditTail, CopyError, StoreError, verify_audit_copy};
use serde_json::Value;

use super::database::Database;
use super::{Chance, busy_app, holds};
use crate::support::TestApp;

fn export(app: &TestApp, first: i64, last: i64) -> Vec<String> {
    let mut lines = Vec::new();
    let each = |line: &str| {
        lines.push(line.to_owned());
        Ok::<(), StoreError>(())
    };
    let count = app.block_on(app.installation().store().export_audit(first, last, each)).unwrap();
    assert_eq!(count, lines.len() as u64);
    lines
}

fn verify(lines: &[String], expected: Option<[u8; 32]>) -> Result<AuditTail, Vec<AuditFault>> {
    verify_audit_copy(lines.join("\n").as_bytes(), expected).unwrap().map_err(|damage| damage.faults)
}

#[test]
fn a_copy_of_all_rows_or_some_holds() {
    let app = busy_app();
    let tail = holds(&app);
    let lines = export(&app, 1, i64::MAX);
    assert_eq!(lines.len() as u64, tail.seq);
    assert_eq!(verify(&lines, Some(tail.hash)), Ok(tail));
    let row: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(
        (&row["seq"], &row["kind"], &row["detail"]),
        (&1.into(), &"installation_created".into(), &serde_json::json!({}))
    );
    let some = verify(&export(&app, 5, 9), None).unwrap();
    assert_eq!((some.first, some.seq), (5, 9));
    assert!(export(&app, 9, 5).is_empty());
}

#[test]
fn each_tampering_with_a_copy_is_named_by_its_row() {
    let app = busy_app();
    let tail = holds(&app).hash;
    let lines = export(&app, 1, i64::MAX);
    let mut chance = Chance(7);
    for _ in 0..50 {
        // Not the last one, of which nothing tells but the noted tail.
        let at = 1 + chance.below(lines.len() - 2);
        let row = at as i64 + 1;
        let mut altered = lines.clone();
        altered[at] = altered[at].replacen(r#""at":"#, r#""at":1"#, 1);
        assert_eq!(verify(&altered, None), Err(vec![AuditFault::Altered(row)]));
        let mut removed = lines.clone();
        removed.remove(at);
        assert_eq!(verify(&removed, None), Err(vec![AuditFault::Removed(row, row)]));
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at].clone());
        assert_eq!(verify(&doubled, None), Err(vec![AuditFault::Inserted(row)]));
        let mut swapped = lines.clone();
        swapped.swap(at - 1, at);
        assert_eq!(verify(&swapped, None), Err(vec![AuditFault::Moved { seq: row - 1, from: row - 1 }]));
    }
    let cut = &lines[..lines.len() - 1];
    assert!(verify(cut, None).is_ok(), "nothing in the copy tells");
    assert_eq!(verify(cut, Some(tail)), Err(vec![AuditFault::ExpectedHead]));
}

#[test]
fn a_line_that_is_no_row_is_named() {
    let app = busy_app();
    let mut lines = export(&app, 1, i64::MAX);
    lines[6] = lines[6].replacen("\"kind\"", "\"sort\"", 1);
    let refused = verify_audit_copy(lines.join("\n").as_bytes(), None).unwrap_err();
    assert!(matches!(refused, CopyError::Line(7)), "{refused}");
    assert!(matches!(verify_audit_copy(&b""[..], None), Err(CopyError::Empty)));
    let endless = std::io::BufReader::new(std::io::repeat(b'x'));
    assert!(matches!(verify_audit_copy(endless, None), Err(CopyError::Line(1))), "read to a bound");
}

/// Somebody else's text may be anything, and shows in the copy as it is.
#[test]
fn a_detail_that_is_no_object_is_copied_as_a_text() {
    let app = busy_app();
    Database::of(&app).run("UPDATE audit SET detail = 'x\n{' WHERE seq = 3");
    let lines = export(&app, 1, i64::MAX);
    assert_eq!(serde_json::from_str::<Value>(&lines[2]).unwrap()["detail"], "x\n{");
    assert_eq!(verify(&lines, None), Err(vec![AuditFault::Altered(3)]));
}
