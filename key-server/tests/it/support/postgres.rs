//! A database of its own for each data folder, on the PostgreSQL server that `KEYVEIL_TEST_POSTGRES` names (a URL without a database). Without
//! it every test runs on SQLite.

use std::path::Path;

use keyveil_key_server::DatabaseUrl;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};

/// The database of this data folder, made where there is none yet.
pub(crate) fn database_of(folder: &Path) -> Option<DatabaseUrl> {
    database_url(folder).map(|url| url.parse().unwrap())
}

/// What tells a command of that database.
pub(crate) fn database_variable(folder: &Path) -> Option<(&'static str, String)> {
    database_url(folder).map(|url| ("KEYVEIL_DATABASE_URL", url))
}

/// The URL of an empty database, where there is a server.
pub(crate) fn empty_database() -> Option<String> {
    database_url(&tempfile::tempdir().unwrap().path().join("empty"))
}

fn database_url(folder: &Path) -> Option<String> {
    let server = std::env::var("KEYVEIL_TEST_POSTGRES").ok()?;
    let name =
        format!("t{}", hex::encode(ring::digest::digest(&ring::digest::SHA256, folder.as_os_str().as_encoded_bytes())));
    let name = &name[..32];
    let url = |database: &str| format!("{}/{database}", server.trim_end_matches('/'));
    let admin: DatabaseUrl = url("postgres").parse().unwrap();
    let create = format!("CREATE DATABASE {name}");
    // In a thread of its own: there may be a runtime here already.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut connection = admin.options().connect().await.unwrap();
            if let Err(error) = connection.execute(AssertSqlSafe(create)).await {
                let code = error.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
                assert_eq!(code.as_deref(), Some("42P04"), "there already, or: {error}");
            }
        });
    })
    .join()
    .unwrap();
    Some(url(name))
}
