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
    let database = app.database();
    let mut statements = vec!["BEGIN".to_owned()];
    let file_ids = (0..count).map(|number| {
        let file_id: FileId = format!("copy-{number}").parse().unwrap();
        let context = KmsContext::Title { app_id: app.app_id(), file_id: &file_id };
        let secret = app.block_on(app.installation().kms().generate_data_key(&context)).unwrap().1;
        let secret = database.blob(&secret);
        statements.push(format!(
            "INSERT INTO titles (file_id, app_id, name, mode, state, version, last_version, duration_ms, created_at, updated_at,
                                 published_at, change_seq)
             SELECT '{file_id}', app_id, name, mode, state, version, last_version, duration_ms, created_at, updated_at,
                    published_at, change_seq FROM titles WHERE file_id = 'film'"
        ));
        statements.push(format!(
            "INSERT INTO title_versions (file_id, version, secret_ciphertext, public_key, publication, created_at, committed_at)
             SELECT '{file_id}', version, {secret}, public_key, publication, created_at, committed_at FROM title_versions
             WHERE file_id = 'film'"
        ));
        file_id.to_string()
    });
    let file_ids = file_ids.collect();
    statements.push("COMMIT".to_owned());
    database.run(&statements.join("; "));
    file_ids
}
