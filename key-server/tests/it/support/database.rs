//! The test's database past the server, on either engine: as somebody finds it who can read and write it. Statements are in what both
//! understand; values stand in them as literals.

use sqlx::postgres::{PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteRow};
use sqlx::{AssertSqlSafe, FromRow};

use super::TestApp;

/// One connection, so that what is set for it stays.
pub(crate) struct Database<'a> {
    app: &'a TestApp,
    pool: Pool,
}

enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// All that lies in a data folder and in its database.
pub(crate) struct Stored(Vec<u8>);

impl TestApp {
    pub(crate) fn database(&self) -> Database<'_> {
        let pool = self.block_on(async {
            match &self.config.database.url {
                None => {
                    let options = SqliteConnectOptions::new().filename(self.config.database_file());
                    Pool::Sqlite(SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap())
                }
                Some(url) => {
                    let options = PgPoolOptions::new().max_connections(1);
                    Pool::Postgres(options.connect_with(url.options().clone()).await.unwrap())
                }
            }
        });
        Database { app: self, pool }
    }
}

impl Database<'_> {
    /// One statement, or several.
    pub(crate) fn run(&self, sql: &str) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        self.app.block_on(async {
            match &self.pool {
                Pool::Sqlite(pool) => drop(sql.execute(pool).await.unwrap()),
                Pool::Postgres(pool) => drop(sql.execute(pool).await.unwrap()),
            }
        });
    }

    /// What each engine says in its own words.
    pub(crate) fn either<T>(&self, sqlite: T, postgres: T) -> T {
        match self.pool {
            Pool::Sqlite(_) => sqlite,
            Pool::Postgres(_) => postgres,
        }
    }

    /// Every row of the answer; `T` is a tuple.
    pub(crate) fn rows<T>(&self, sql: &str) -> Vec<T>
    where
        T: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>,
    {
        let sql = AssertSqlSafe(sql);
        self.app.block_on(async {
            match &self.pool {
                Pool::Sqlite(pool) => sqlx::query_as(sql).fetch_all(pool).await.unwrap(),
                Pool::Postgres(pool) => sqlx::query_as(sql).fetch_all(pool).await.unwrap(),
            }
        })
    }

    /// The first column of the answer.
    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        self.rows::<(String,)>(sql).into_iter().map(|(text,)| text).collect()
    }

    /// The one number of the answer.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.rows::<(i64,)>(sql)[0].0
    }

    /// A literal.
    pub(crate) fn blob(&self, bytes: &[u8]) -> String {
        let hex = hex::encode(bytes);
        match self.pool {
            Pool::Sqlite(_) => format!("x'{hex}'"),
            Pool::Postgres(_) => format!("'\\x{hex}'::bytea"),
        }
    }

    pub(crate) fn tables(&self) -> Vec<String> {
        self.texts(self.either(
            "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
            "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename",
        ))
    }

    pub(crate) fn columns(&self, table: &str) -> Vec<String> {
        let attributes = "SELECT attname::text FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped AND attrelid =";
        self.texts(&match self.pool {
            Pool::Sqlite(_) => format!("SELECT name FROM pragma_table_info('{table}')"),
            Pool::Postgres(_) => format!("{attributes} '{table}'::regclass ORDER BY attnum"),
        })
    }

    /// What is stored now: the files of the data folder, SQLite's among them with all that it has left in them of deleted rows. Of
    /// PostgreSQL, whose files are out of reach, every column of every row, with bytes as hexadecimal digits.
    pub(crate) fn stored(&self) -> Stored {
        let files = std::fs::read_dir(&self.app.config.data.dir).unwrap().map(|entry| entry.unwrap().path());
        let mut stored = Vec::new();
        for file in files.filter(|path| path.is_file()) {
            stored.extend(std::fs::read(file).unwrap());
        }
        if let Pool::Postgres(_) = self.pool {
            for table in self.tables() {
                for column in self.columns(&table) {
                    let sql = format!("SELECT \"{column}\"::text FROM {table} WHERE \"{column}\" IS NOT NULL");
                    // Something between them, lest two together hold what neither does.
                    stored.extend(self.texts(&sql).join("\n").into_bytes());
                    stored.push(b'\n');
                }
            }
        }
        Stored(stored)
    }
}

impl Stored {
    /// As it is, or as hexadecimal digits.
    pub(crate) fn holds(&self, needle: impl AsRef<[u8]>) -> bool {
        let contains = |needle: &[u8]| self.0.windows(needle.len()).any(|window| window == needle);
        contains(needle.as_ref()) || contains(hex::encode(needle).as_bytes())
    }
}

/// A literal.
pub(crate) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}
