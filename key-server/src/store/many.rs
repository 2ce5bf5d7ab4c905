//! What every release of keys changes, as PostgreSQL changes it for many releases at once: a message there and back costs more than a row.

use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, AssertSqlSafe, PgConnection};

use super::StoreError;
use super::batch::{Statement, changed_table, joined};
use super::engine::{Value, for_postgres, in_time};
use super::{audit, audit_head, pacing, session_uses, sessions};

/// A statement of which one row, that its parameters name, is changed.
struct Repeated {
    one: &'static str,
    /// The same for rows of arrays; none for an INSERT, which tells by itself.
    many: Option<&'static str>,
    /// The parameters that name the row; none where there is but one.
    row: &'static [usize],
}

const REPEATED: [Repeated; 5] = [
    Repeated { one: sessions::ADVANCE, many: Some(sessions::ADVANCE_MANY), row: &[3] },
    Repeated { one: session_uses::USE, many: Some(session_uses::USE_MANY), row: &[2] },
    Repeated { one: pacing::PUT, many: None, row: &[0, 1, 2, 3] },
    Repeated { one: audit::INSERT, many: None, row: &[0] },
    Repeated { one: audit_head::PUT, many: None, row: &[] },
];

/// Rows to be changed, by the statement that does it. No two statements change one table, and none changes a row twice.
#[derive(Default)]
pub(super) struct Rows(Vec<(&'static Repeated, Vec<Vec<Value>>)>);

/// Whether these are changes of this kind alone, of one row of each table.
pub(super) fn are_repeated(statements: &[Statement]) -> bool {
    let is_first_of_its_table = |(number, statement): (usize, &Statement)| {
        let table = changed_table(statement.sql);
        REPEATED.iter().any(|known| known.one == statement.sql)
            && statements.iter().take(number).all(|before| changed_table(before.sql) != table)
    };
    statements.iter().enumerate().all(is_first_of_its_table)
}

impl Rows {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes what goes with the others; gives back anything else.
    pub(super) fn take(&mut self, statement: Statement) -> Option<Statement> {
        let Some(repeated) = REPEATED.iter().find(|known| known.one == statement.sql) else { return Some(statement) };
        let Some((_, rows)) = self.0.iter_mut().find(|(known, _)| known.one == repeated.one) else {
            let table = changed_table(repeated.one);
            if self.0.iter().any(|(known, _)| changed_table(known.one) == table) {
                return Some(statement);
            }
            self.0.push((repeated, vec![statement.values]));
            return None;
        };
        let is_same = |row: &Vec<Value>| repeated.row.iter().all(|at| row.get(*at) == statement.values.get(*at));
        match rows.iter_mut().find(|row| is_same(row)) {
            None => rows.push(statement.values),
            // As it is in the end.
            Some(row) if repeated.row.is_empty() => *row = statement.values,
            Some(_) => return Some(statement),
        }
        None
    }

    pub(super) async fn send(&mut self, connection: &mut PgConnection) -> Result<(), StoreError> {
        if self.is_empty() {
            return Ok(());
        }
        let (mut parts, mut arguments) = (Vec::new(), PgArguments::default());
        for (repeated, rows) in self.0.drain(..) {
            let columns = columns(rows);
            parts.push((repeated.of_arrays(&columns), columns.len()));
            for column in columns {
                column.add_to(&mut arguments).map_err(sqlx::Error::Encode)?;
            }
        }
        let sql = AssertSqlSafe(for_postgres(&joined(&parts)));
        in_time(sqlx::query_with(sql, arguments).execute(connection)).await?;
        Ok(())
    }
}

impl Repeated {
    fn of_arrays(&self, columns: &[Column]) -> String {
        if let Some(many) = self.many {
            return many.to_owned();
        }
        let types: Vec<&str> = columns.iter().map(Column::parameter).collect();
        let one = self.one.split_once("VALUES (").and_then(|(head, rest)| Some((head, rest.split_once(')')?.1)));
        one.map_or_else(String::new, |(head, tail)| format!("{head}SELECT * FROM unnest({}){tail}", types.join(", ")))
    }
}

/// The values of one parameter.
enum Column {
    Integers(Vec<Option<i64>>),
    Reals(Vec<Option<f64>>),
    Texts(Vec<Option<String>>),
    Blobs(Vec<Option<Vec<u8>>>),
}

/// Columns of rows that have the same types.
fn columns(rows: Vec<Vec<Value>>) -> Vec<Column> {
    let mut columns = Vec::new();
    for row in rows {
        if columns.is_empty() {
            columns = row.iter().map(Column::of).collect();
        }
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value);
        }
    }
    columns
}

impl Column {
    const fn of(value: &Value) -> Self {
        match value {
            Value::Integer(_) => Self::Integers(Vec::new()),
            Value::Real(_) => Self::Reals(Vec::new()),
            Value::Text(_) => Self::Texts(Vec::new()),
            Value::Blob(_) => Self::Blobs(Vec::new()),
        }
    }

    const fn parameter(&self) -> &'static str {
        match self {
            Self::Integers(_) => "?::bigint[]",
            Self::Reals(_) => "?::float8[]",
            Self::Texts(_) => "?::text[]",
            Self::Blobs(_) => "?::bytea[]",
        }
    }

    /// A value of another type, which no statement has, would make this array shorter than the others: the row gets a NULL there.
    fn push(&mut self, value: Value) {
        match (self, value) {
            (Self::Integers(all), Value::Integer(value)) => all.push(value),
            (Self::Reals(all), Value::Real(value)) => all.push(value),
            (Self::Texts(all), Value::Text(value)) => all.push(value),
            (Self::Blobs(all), Value::Blob(value)) => all.push(value),
            (Self::Integers(all), _) => all.push(None),
            (Self::Reals(all), _) => all.push(None),
            (Self::Texts(all), _) => all.push(None),
            (Self::Blobs(all), _) => all.push(None),
        }
    }

    fn add_to(self, arguments: &mut PgArguments) -> Result<(), sqlx::error::BoxDynError> {
        match self {
            Self::Integers(all) => arguments.add(all),
            Self::Reals(all) => arguments.add(all),
            Self::Texts(all) => arguments.add(all),
            Self::Blobs(all) => arguments.add(all),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(sql: &'static str, values: &[i64]) -> Statement {
        Statement { sql, values: values.iter().map(|value| Value::from(*value)).collect() }
    }

    #[test]
    fn rows_go_together_and_none_is_changed_twice() {
        let mut rows = Rows::default();
        let mut take = |sql, values: &[i64]| rows.take(row(sql, values)).is_none();
        assert!(take(sessions::ADVANCE, &[1, 2, 3, 10, 1]));
        assert!(take(sessions::ADVANCE, &[1, 2, 3, 11, 1]));
        assert!(!take(sessions::ADVANCE, &[2, 2, 3, 11, 2]), "it would be changed once only");
        assert!(!take(session_uses::USE, &[1, 2, 12]), "another change of that table");
        assert!(take(audit::INSERT, &[1]) && take(audit::INSERT, &[2]) && !take(audit::INSERT, &[2]));
        assert!(take(audit_head::PUT, &[1]) && take(audit_head::PUT, &[2]));
        assert!(!take("UPDATE sessions SET us = ?", &[1]) && !take("SELECT 1", &[]));
        let counts: Vec<usize> = rows.0.iter().map(|(_, rows)| rows.len()).collect();
        assert_eq!(counts, [2, 2, 1]);
        assert!(rows.0[2].1[0] == [Value::from(2_i64)], "there is one head, and the last one holds");
    }

    #[test]
    fn a_part_with_anything_else_in_it_is_told() {
        let plain = || vec![row(sessions::ADVANCE, &[1, 2, 3, 10, 1]), row(audit::INSERT, &[1])];
        assert!(are_repeated(&plain()));
        for more in [row(audit::INSERT, &[2]), row("DELETE FROM jobs", &[]), row(session_uses::USE, &[1, 2, 3])] {
            let mut with_more = plain();
            with_more.push(more);
            assert!(!are_repeated(&with_more));
        }
    }

    #[test]
    fn an_insert_takes_arrays_instead_of_values() {
        let columns = columns(vec![vec![Value::from(1_i64), Value::from("a"), Value::from(Some([1_u8].as_slice()))]]);
        let insert =
            Repeated { one: "INSERT INTO a (b) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", many: None, row: &[] };
        let expected =
            "INSERT INTO a (b) SELECT * FROM unnest(?::bigint[], ?::text[], ?::bytea[]) ON CONFLICT DO NOTHING";
        assert_eq!(insert.of_arrays(&columns), expected);
    }

    #[test]
    fn every_insert_has_its_values_in_one_place() {
        for repeated in REPEATED.iter().filter(|repeated| repeated.many.is_none()) {
            let count = repeated.one.matches('?').count();
            let values = format!("VALUES ({})", vec!["?"; count].join(", "));
            assert!(repeated.one.contains(&values), "{}", repeated.one);
        }
    }
}
