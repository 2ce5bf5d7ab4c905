//! What runs for every release of keys finds its rows by an index, however many there are.

use super::engine::query;
use super::{Store, session_uses, sessions, signature_uses, standing, title_versions, titles};

const STATEMENTS: [&str; 7] = [
    standing::SELECT,
    sessions::SELECT,
    sessions::ADVANCE,
    session_uses::USE,
    signature_uses::SUPERSEDE,
    titles::SELECT,
    title_versions::SELECT,
];
/// The last row of the log, the one row of its head, and what these were joined into.
const ONE_ROW: [&str; 6] =
    ["SCAN CONSTANT ROW", "SCAN always", "SCAN audit", "SCAN (subquery", "SCAN a LEFT-JOIN", "SCAN h LEFT-JOIN"];

async fn scans(store: &Store, statement: &str) -> Vec<String> {
    let explain = format!("EXPLAIN QUERY PLAN {statement}");
    let rows = query(explain).fetch_all(&store.pool).await.unwrap();
    let steps = rows.iter().map(|row| row.try_get::<String, _>("detail").unwrap());
    steps.filter(|step| step.contains("SCAN") || step.ends_with("(app_id=?)")).collect()
}

#[tokio::test]
async fn no_statement_of_a_release_goes_through_a_table() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("keyveil.db")).await.unwrap();
    for statement in STATEMENTS {
        let scans = scans(&store, statement).await;
        let tables = scans.iter().filter(|step| !ONE_ROW.iter().any(|allowed| step.starts_with(allowed)));
        assert_eq!(tables.collect::<Vec<_>>(), Vec::<&String>::new(), "{statement}");
    }
    assert_eq!(scans(&store, "SELECT * FROM sessions WHERE us = ?").await.len(), 1, "a scan is seen");
    let by_age = signature_uses::SUPERSEDE.replace('+', "");
    assert!(!scans(&store, &by_age).await.is_empty(), "and so is all that an application has");
}
