//! The audit log as somebody finds it who can write the database, and knows how rows are hashed.

use ring::digest;

use crate::support::{self, TestApp, text};

/// Tables in which servers tell each other what is no state of the installation.
const TOLD: [&str; 2] = ["writes", "rate_spends"];

/// A row; its columns are what the table's are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) seq: i64,
    pub(super) at: i64,
    pub(super) kind: String,
    pub(super) app_id: Option<i64>,
    pub(super) file_id: Option<String>,
    pub(super) session_id: Option<String>,
    pub(super) detail: String,
    pub(super) prev_hash: Vec<u8>,
    pub(super) hash: Vec<u8>,
}

type Columns = (i64, i64, String, Option<i64>, Option<String>, Option<String>, String, Vec<u8>, Vec<u8>);

pub(super) struct Database<'a> {
    app: &'a TestApp,
    database: support::Database<'a>,
}

impl Row {
    /// As docs/PROTOCOL.md has it.
    pub(super) fn hashed(mut self) -> Self {
        let mut bytes = [b"keyveil/v1/audit\0", self.prev_hash.as_slice()].concat();
        bytes.extend(self.seq.to_be_bytes());
        bytes.extend(self.at.to_be_bytes());
        let app_id = self.app_id.map(|id| id.to_string());
        let texts =
            [Some(&self.kind), app_id.as_ref(), self.file_id.as_ref(), self.session_id.as_ref(), Some(&self.detail)];
        for text in texts {
            bytes.push(u8::from(text.is_some()));
            let text = text.map_or("", String::as_str);
            bytes.extend((text.len() as u64).to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        self.hash = digest::digest(&digest::SHA256, &bytes).as_ref().to_vec();
        self
    }
}

impl<'a> Database<'a> {
    pub(super) fn of(app: &'a TestApp) -> Self {
        let database = app.database();
        // Whoever does this asks for no checks.
        database.run(database.either(
            "PRAGMA ignore_check_constraints = ON",
            "DO $$ DECLARE each record; BEGIN
                FOR each IN SELECT conrelid::regclass AS log, conname FROM pg_constraint
                            WHERE contype = 'c' AND conrelid IN ('audit'::regclass, 'audit_head'::regclass) LOOP
                    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', each.log, each.conname);
                END LOOP;
             END $$",
        ));
        Self { app, database }
    }

    pub(super) fn run(&self, sql: &str) {
        self.database.run(sql);
    }

    /// A literal.
    pub(super) fn blob(&self, bytes: &[u8]) -> String {
        self.database.blob(bytes)
    }

    /// From here on the log takes no row for which this holds.
    pub(super) fn refuse(&self, rows: &str) {
        self.run(&self.database.either(
            "CREATE TRIGGER no_log BEFORE INSERT ON audit WHEN {rows} BEGIN SELECT RAISE(ABORT, 'no log'); END",
            "CREATE OR REPLACE FUNCTION no_log() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no log'; END $$;
             CREATE TRIGGER no_log BEFORE INSERT ON audit FOR EACH ROW WHEN ({rows}) EXECUTE FUNCTION no_log()",
        ).replace("{rows}", rows));
    }

    /// From here on it takes them.
    pub(super) fn take(&self) {
        self.run(self.database.either("DROP TRIGGER no_log", "DROP TRIGGER no_log ON audit"));
    }

    /// Every row of every table and the keyring, but for when somebody was last here, how often a delivery was tried, and what servers
    /// over PostgreSQL tell each other every second: the count of all writes, and of tries against limits.
    pub(super) fn everything(&self) -> Vec<String> {
        let mut all = Vec::new();
        for table in self.database.tables().into_iter().filter(|table| !TOLD.contains(&table.as_str())) {
            let mut columns = self.database.columns(&table);
            columns.retain(|column| match table.as_str() {
                "deliveries" => column == "delivery_id",
                _ => column != "last_used_at" && column != "last_seen_at",
            });
            let (open, close) = self.database.either(("quote(", ")"), ("quote_nullable(", "::text) COLLATE \"C\""));
            let columns: Vec<String> = columns.iter().map(|column| format!("{open}\"{column}\"{close}")).collect();
            let rows = format!("SELECT concat_ws(',', {}) FROM {table} ORDER BY 1", columns.join(", "));
            all.extend(self.database.texts(&rows).into_iter().map(|row| format!("{table}: {row}")));
        }
        all.push(std::fs::read_to_string(self.app.config.keyring_file()).unwrap());
        all
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        let rows: Vec<Columns> = self
            .database
            .rows("SELECT seq, at, kind, app_id, file_id, session_id, detail, prev_hash, hash FROM audit ORDER BY seq");
        let row = |(seq, at, kind, app_id, file_id, session_id, detail, prev_hash, hash)| Row {
            seq,
            at,
            kind,
            app_id,
            file_id,
            session_id,
            detail,
            prev_hash,
            hash,
        };
        rows.into_iter().map(row).collect()
    }

    /// Puts these rows in the place of all.
    pub(super) fn replace(&self, rows: &[Row]) {
        let or_null = |value: Option<String>| value.unwrap_or_else(|| "NULL".to_owned());
        let mut statements = vec!["BEGIN".to_owned(), "DELETE FROM audit".to_owned()];
        statements.extend(rows.iter().map(|row| {
            let values = [
                row.seq.to_string(),
                row.at.to_string(),
                text(&row.kind),
                or_null(row.app_id.map(|id| id.to_string())),
                or_null(row.file_id.as_deref().map(text)),
                or_null(row.session_id.as_deref().map(text)),
                text(&row.detail),
                self.blob(&row.prev_hash),
                self.blob(&row.hash),
            ];
            format!("INSERT INTO audit VALUES ({})", values.join(", "))
        }));
        statements.push("COMMIT".to_owned());
        self.run(&statements.join("; "));
    }
}
