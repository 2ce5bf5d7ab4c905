//! 200 random tamperings with the log of a real database, each named exactly.

use keyveil_key_server::store::AuditFault;

use super::database::{Database, Row};
use super::{Chance, busy_app, faults, holds};

const TAMPERINGS: usize = 200;

/// What was done, the rows after it, and what has to be said of them.
type Tampered = (String, Vec<Row>, Vec<AuditFault>);
type Tampering = fn(&mut Chance, usize, Vec<Row>) -> Tampered;

#[test]
fn each_of_200_random_tamperings_is_named_by_its_row() {
    let app = busy_app();
    let database = Database::of(&app);
    let rows = database.rows();
    assert!(rows.len() >= 40, "{}", rows.len());
    assert!(rows.iter().all(|row| row.clone().hashed() == *row), "the test hashes as the server does");
    holds(&app);
    let kinds: [Tampering; 8] =
        [altered, altered_and_hashed, altered, removed, renumbered, inserted, exchanged, carried_off];
    let mut chance = Chance(0x006b_6579_7665_696c);
    for n in 0..TAMPERINGS {
        let (what, tampered, expected) = kinds[n % kinds.len()](&mut chance, n / kinds.len(), rows.clone());
        database.replace(&tampered);
        assert_eq!(faults(&app), expected, "{n}: {what}");
    }
    database.replace(&rows);
    holds(&app);
}

/// One column, to something else that its type allows.
fn alter(row: &mut Row, column: usize, chance: &mut Chance) -> &'static str {
    let other = |text: &Option<String>| match text {
        Some(text) if text.len() % 2 == 0 => None,
        Some(text) => Some(format!("{text}x")),
        None => Some(String::new()),
    };
    match column {
        0 => row.at += 1,
        1 => row.kind.push('x'),
        2 => row.app_id = if row.app_id.is_some() { None } else { Some(7) },
        3 => row.file_id = other(&row.file_id),
        4 => row.session_id = other(&row.session_id),
        5 => row.detail = row.detail.replacen('{', "{ ", 1),
        6 => row.prev_hash[chance.below(32)] ^= 1 << chance.below(8),
        // A hash of another length is none.
        _ if chance.below(4) == 0 => row.hash.truncate(31),
        _ => row.hash[chance.below(32)] ^= 1 << chance.below(8),
    }
    ["at", "kind", "app_id", "file_id", "session_id", "detail", "prev_hash", "hash"][column]
}

fn altered(chance: &mut Chance, turn: usize, mut rows: Vec<Row>) -> Tampered {
    let at = chance.below(rows.len());
    let column = turn % 8;
    let what = alter(&mut rows[at], column, chance);
    let seq = rows[at].seq;
    (format!("{what} of row {seq}"), rows, vec![AuditFault::Altered(seq)])
}

/// By someone who also writes the row's hash anew.
fn altered_and_hashed(chance: &mut Chance, turn: usize, mut rows: Vec<Row>) -> Tampered {
    let at = chance.below(rows.len());
    let column = turn % 7;
    let what = alter(&mut rows[at], column, chance);
    rows[at] = rows[at].clone().hashed();
    let seq = rows[at].seq;
    (format!("{what} of row {seq}, hashed anew"), rows, vec![AuditFault::Altered(seq)])
}

/// One or a few; the first ones and the last ones as well.
fn removed(chance: &mut Chance, turn: usize, mut rows: Vec<Row>) -> Tampered {
    let count = 1 + chance.below(4);
    let at = match turn % 4 {
        0 => 0,
        1 => rows.len() - count,
        _ => chance.below(rows.len() - count),
    };
    let gone: Vec<Row> = rows.drain(at..at + count).collect();
    let (first, last) = (gone[0].seq, gone[count - 1].seq);
    (format!("rows {first} to {last} removed"), rows, vec![AuditFault::Removed(first, last)])
}

/// Removed, and the gap closed.
fn renumbered(chance: &mut Chance, turn: usize, rows: Vec<Row>) -> Tampered {
    let (what, mut rows, expected) = removed(chance, turn, rows);
    for (row, seq) in rows.iter_mut().zip(1..) {
        row.seq = seq;
    }
    (format!("{what}, the others renumbered"), rows, expected)
}

/// Anywhere, behind the end too, with a hash that is right or none.
fn inserted(chance: &mut Chance, turn: usize, mut rows: Vec<Row>) -> Tampered {
    let at = if turn.is_multiple_of(4) { rows.len() } else { chance.below(rows.len()) };
    let mut row = rows[chance.below(rows.len())].clone();
    row.prev_hash = at.checked_sub(1).map_or_else(|| vec![0; 32], |before| rows[before].hash.clone());
    for later in &mut rows[at..] {
        later.seq += 1;
    }
    row.seq = i64::try_from(at).unwrap() + 1;
    let seq = row.seq;
    let is_hashed = turn.is_multiple_of(2);
    rows.insert(at, if is_hashed { row.hashed() } else { row });
    (format!("row {seq} inserted, hashed: {is_hashed}"), rows, vec![AuditFault::Inserted(seq)])
}

/// Two rows change places, neighbours or not.
fn exchanged(chance: &mut Chance, turn: usize, mut rows: Vec<Row>) -> Tampered {
    let one = chance.below(rows.len() - 1);
    let other = if turn.is_multiple_of(2) { one + 1 } else { one + 1 + chance.below(rows.len() - one - 1) };
    let (low, high) = (rows[one].seq, rows[other].seq);
    (rows[one].seq, rows[other].seq) = (high, low);
    let expected = vec![AuditFault::Moved { seq: low, from: high }, AuditFault::Moved { seq: high, from: low }];
    (format!("rows {low} and {high} exchanged"), rows, expected)
}

/// A row gets a number where there is none.
fn carried_off(chance: &mut Chance, turn: usize, mut rows: Vec<Row>) -> Tampered {
    let at = chance.below(rows.len());
    let from = rows[at].seq;
    let away = i64::try_from(chance.below(1000)).unwrap();
    let end = i64::try_from(rows.len()).unwrap();
    let seq = if turn.is_multiple_of(2) { -away } else { end + 1 + away };
    rows[at].seq = seq;
    (format!("row {from} made row {seq}"), rows, vec![AuditFault::Moved { seq, from }])
}
