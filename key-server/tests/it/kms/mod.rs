//! The KMS and what stands on it.

mod cache;
mod conformance;
pub(crate) mod engines;
pub(crate) mod fake;
mod local;
mod moving;
mod outage;
mod rotation;

use keyveil_key_server::kms::KmsContext;
use keyveil_protocol::FileId;

use crate::support::TestApp;

/// Copies of the test app's title, each with a secret of its own that nobody has unwrapped yet.
fn add_titles(app: &TestApp, count: usize) -> Vec<String> {
    let database = app.config.database_file();
    app.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(database);
        let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
        let mut secrets = Vec::new();
        for number in 0..count {
            let file_id: FileId = format!("copy-{number}").parse().unwrap();
            let context = KmsContext::Title { app_id: app.app_id(), file_id: &file_id };
            secrets.push((file_id.to_string(), app.installation().kms().generate_data_key(&context).await.unwrap().1));
        }
        let mut transaction = sqlx::Connection::begin(&mut connection).await.unwrap();
        for (file_id, secret) in &secrets {
            sqlx::query(
                "INSERT INTO titles (file_id, app_id, name, mode, state, version, last_version, duration_ms, created_at, updated_at,
                                     published_at, change_seq)
                 SELECT ?, app_id, name, mode, state, version, last_version, duration_ms, created_at, updated_at, published_at,
                        change_seq FROM titles WHERE file_id = 'film'",
            )
            .bind(file_id)
            .execute(&mut *transaction)
            .await
            .unwrap();
            sqlx::query(
                "INSERT INTO title_versions (file_id, version, secret_ciphertext, public_key, publication, created_at, committed_at)
                 SELECT ?, version, ?, public_key, publication, created_at, committed_at FROM title_versions WHERE file_id = 'film'",
            )
            .bind(file_id)
            .bind(secret)
            .execute(&mut *transaction)
            .await
            .unwrap();
        }
        transaction.commit().await.unwrap();
        secrets.into_iter().map(|(file_id, _)| file_id).collect()
    })
}
