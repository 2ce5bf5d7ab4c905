//! The audit log as somebody finds it who can write the database, and knows how rows are hashed.

use ring::digest;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteRow};
use sqlx::{AssertSqlSafe, FromRow, Row as _};

use crate::support::TestApp;

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

pub(super) struct Database<'a> {
    app: &'a TestApp,
    pool: SqlitePool,
}

impl FromRow<'_, SqliteRow> for Row {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            seq: row.try_get("seq")?,
            at: row.try_get("at")?,
            kind: row.try_get("kind")?,
            app_id: row.try_get("app_id")?,
            file_id: row.try_get("file_id")?,
            session_id: row.try_get("session_id")?,
            detail: row.try_get("detail")?,
            prev_hash: row.try_get("prev_hash")?,
            hash: row.try_get("hash")?,
        })
    }
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
        // Whoever does this asks for no checks.
        let options = SqliteConnectOptions::new()
            .filename(app.config.database_file())
            .foreign_keys(false)
            .pragma("ignore_check_constraints", "ON");
        let pool = app.block_on(SqlitePoolOptions::new().max_connections(1).connect_with(options)).unwrap();
        Self { app, pool }
    }

    pub(super) fn run(&self, sql: &str) {
        self.app.block_on(sqlx::query(AssertSqlSafe(sql)).execute(&self.pool)).expect(sql);
    }

    /// Every row of every table and the keyring, but for when somebody was last here and how often a delivery was tried.
    pub(super) fn everything(&self) -> Vec<String> {
        let texts = |sql: &str| -> Vec<String> {
            self.app.block_on(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&self.pool)).expect(sql)
        };
        let mut all = Vec::new();
        for table in texts("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name") {
            let columns = match table.as_str() {
                "deliveries" => vec!["delivery_id".to_owned()],
                _ => texts(&format!(
                    "SELECT name FROM pragma_table_info('{table}') WHERE name NOT IN ('last_used_at', 'last_seen_at')"
                )),
            };
            let columns: Vec<String> = columns.iter().map(|column| format!("quote({column})")).collect();
            let rows = texts(&format!("SELECT concat_ws(',', {}) FROM {table} ORDER BY 1", columns.join(", ")));
            all.extend(rows.into_iter().map(|row| format!("{table}: {row}")));
        }
        all.push(std::fs::read_to_string(self.app.config.keyring_file()).unwrap());
        all
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        self.app.block_on(sqlx::query_as("SELECT * FROM audit ORDER BY seq").fetch_all(&self.pool)).unwrap()
    }

    /// Puts these rows in the place of all.
    pub(super) fn replace(&self, rows: &[Row]) {
        self.app.block_on(async {
            let mut write = self.pool.begin().await.unwrap();
            sqlx::query("DELETE FROM audit").execute(&mut *write).await.unwrap();
            for row in rows {
                sqlx::query("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
                    .bind(row.seq)
                    .bind(row.at)
                    .bind(&row.kind)
                    .bind(row.app_id)
                    .bind(&row.file_id)
                    .bind(&row.session_id)
                    .bind(&row.detail)
                    .bind(&row.prev_hash)
                    .bind(&row.hash)
                    .execute(&mut *write)
                    .await
                    .unwrap();
            }
            write.commit().await.unwrap();
        });
    }
}
