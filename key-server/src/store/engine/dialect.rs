//! Statements are written for SQLite; PostgreSQL gets them as it understands them.

/// Begins a write: one at a time, on all servers together.
pub(in crate::store) const BEGIN: &str = "BEGIN IMMEDIATE";
/// Ends it.
pub(in crate::store) const COMMIT: &str = "COMMIT";

/// Whoever holds this lock writes. The number is "keyveil" in ASCII.
const BEGIN_POSTGRES: &str = "BEGIN; SELECT pg_advisory_xact_lock(30229394859845996)";
/// A transaction in which a statement failed is taken back by COMMIT without a word; a SELECT before it is refused.
const COMMIT_POSTGRES: &str = "SELECT 1; COMMIT";

/// Parameters become `$n`, and no index is named: the planner has statistics.
pub(in crate::store) fn for_postgres(sql: &str) -> String {
    match sql {
        BEGIN => return BEGIN_POSTGRES.to_owned(),
        COMMIT => return COMMIT_POSTGRES.to_owned(),
        _ => {}
    }
    let mut out = String::with_capacity(sql.len() + 16);
    let (mut rest, mut next) = (sql, 1_usize);
    while let Some(at) = rest.find(['?', '\'', 'I']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(text) = rest.strip_prefix('\'') {
            let end = text.find('\'').map_or(rest.len(), |end| end + 2);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        } else if let Some(named) = rest.strip_prefix("INDEXED BY ") {
            rest = named.trim_start_matches(|each: char| each.is_ascii_alphanumeric() || each == '_');
        } else if let Some(after) = rest.strip_prefix('?') {
            let digits = after.len() - after.trim_start_matches(|each: char| each.is_ascii_digit()).len();
            let number = after[..digits].parse().unwrap_or(next);
            next = next.max(number + 1);
            out.push('$');
            out.push_str(&number.to_string());
            rest = &after[digits..];
        } else {
            out.push('I');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_and_texts_and_names_stay() {
        for (sqlite, postgres) in [
            ("SELECT a FROM b WHERE c = ? AND d IN (?, ?)", "SELECT a FROM b WHERE c = $1 AND d IN ($2, $3)"),
            ("SELECT ?2, ?1, ?12", "SELECT $2, $1, $12"),
            ("SELECT '?', 'it''s ?', ?", "SELECT '?', 'it''s ?', $1"),
            ("FROM titles t INDEXED BY titles_by_name WHERE x = ?", "FROM titles t  WHERE x = $1"),
            ("INSERT INTO a VALUES (?) ON CONFLICT DO NOTHING", "INSERT INTO a VALUES ($1) ON CONFLICT DO NOTHING"),
            ("SELECT 'open", "SELECT 'open"),
        ] {
            assert_eq!(for_postgres(sqlite), postgres);
        }
    }
}
