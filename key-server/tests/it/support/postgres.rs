//! A database of its own for each data folder, on the PostgreSQL server that `KEYVEIL_TEST_POSTGRES` names (a URL without a database). Without
//! it every test runs on SQLite. A database is dropped some time after its folder is gone.

use std::path::Path;

use keyveil_key_server::DatabaseUrl;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgConnection};
use tokio::sync::Mutex;

use super::text;

/// So many are dropped together: what is left of one takes ten megabytes, to drop it a checkpoint.
const DROPPED_AT_ONCE_MIN: usize = 20;

/// One test drops for all; the others go on.
static DROPPING: Mutex<()> = Mutex::const_new(());

/// The database of this data folder, made where there is none yet.
pub(crate) fn database_of(folder: &Path) -> Option<DatabaseUrl> {
    database_url(folder).map(|url| url.parse().unwrap())
}

/// What tells a command of that database.
pub(crate) fn database_variable(folder: &Path) -> Option<(&'static str, String)> {
    database_url(folder).map(|url| ("KEYVEIL_DATABASE_URL", url))
}

/// The URL of the database of this data folder, where there is a server.
pub(crate) fn database_url(folder: &Path) -> Option<String> {
    let server = std::env::var("KEYVEIL_TEST_POSTGRES").ok()?;
    let name =
        format!("t{}", hex::encode(ring::digest::digest(&ring::digest::SHA256, folder.as_os_str().as_encoded_bytes())));
    let name = &name[..32];
    let url = |database: &str| format!("{}/{database}", server.trim_end_matches('/'));
    let admin: DatabaseUrl = url("postgres").parse().unwrap();
    let create = format!("CREATE DATABASE {name}");
    // The folder that the test removes when it ends.
    let place = text(folder.parent().unwrap().to_str().unwrap());
    let describe = format!("COMMENT ON DATABASE {name} IS {place}");
    // In a thread of its own: there may be a runtime here already.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut connection = admin.options().connect().await.unwrap();
            if let Err(error) = connection.execute(AssertSqlSafe(create)).await {
                let code = error.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
                assert_eq!(code.as_deref(), Some("42P04"), "there already, or: {error}");
                return;
            }
            connection.execute(AssertSqlSafe(describe)).await.unwrap();
            drop_those_without_a_folder(&mut connection).await;
        });
    })
    .join()
    .unwrap();
    Some(url(name))
}

async fn drop_those_without_a_folder(connection: &mut PgConnection) {
    let Ok(_alone) = DROPPING.try_lock() else { return };
    let all = "SELECT datname::text, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname ~ '^t[0-9a-f]{31}$'";
    let all: Vec<(String, Option<String>)> = sqlx::query_as(all).fetch_all(&mut *connection).await.unwrap();
    let gone = all.iter().filter(|(_, folder)| folder.as_ref().is_some_and(|folder| !Path::new(folder).exists()));
    let gone: Vec<&String> = gone.map(|(name, _)| name).collect();
    if gone.len() < DROPPED_AT_ONCE_MIN {
        return;
    }
    for name in gone {
        // Another run of the tests may just drop it, too.
        let _ = connection.execute(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))).await;
    }
}
