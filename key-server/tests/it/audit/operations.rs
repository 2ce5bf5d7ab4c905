//! Each operation that changes something against the rows that tell of it.

use std::collections::BTreeMap;

use crate::support::TestApp;

/// Kinds of rows, or in brackets why there is none. What refuses each of them a row is `unwritable.rs`.
const OPERATIONS: [(&str, &str); 51] = [
    ("cancelJob", "job_ended"),
    ("cancelUpload", "title_deleted"),
    ("changeApp", "app_changed"),
    ("changeJob", "job_changed"),
    ("changeMediaOrigin", "media_origin_changed"),
    ("changePassword", "password_changed sign_in_failed"),
    ("changeTitle", "title_described"),
    ("changeWebhook", "webhook_changed"),
    ("claimJob", "job_claimed"),
    ("commitTitle", "title_published"),
    ("completeJob", "job_ended title_published"),
    ("continueUpload", "[title_registered told of the upload]"),
    ("createApiKey", "api_key_created"),
    ("createApp", "app_created"),
    ("createMediaOrigin", "media_origin_created"),
    ("createPlayerSignature", "signature_made"),
    ("createSigningKey", "signing_key_created"),
    ("createTitle", "title_registered"),
    ("createUpload", "title_registered"),
    ("createWebhook", "webhook_created"),
    ("createWorkflow", "workflow_created"),
    ("decodePlayerSignature", "[changes nothing]"),
    ("deleteMediaOrigin", "media_origin_deleted"),
    ("deleteTitle", "title_deleted"),
    ("deleteWebhook", "webhook_deleted"),
    ("deleteWorkflow", "workflow_deleted"),
    ("describeUpload", "[changes nothing]"),
    ("describeUploads", "[changes nothing]"),
    ("drainWorker", "worker_drained"),
    ("failJob", "job_ended"),
    ("play", "session_started session_suspected"),
    ("publishTitle", "title_published"),
    ("putImportedKeys", "keys_imported"),
    ("reencryptTitle", "job_queued"),
    ("registerTitle", "title_registered"),
    ("registerWorker", "[job_claimed tells what the worker does]"),
    ("releaseKeys", "keys_released session_suspected sessions_revoked"),
    ("replaceWorkflow", "workflow_changed"),
    ("resendDelivery", "event_resent"),
    ("resendEvent", "event_resent"),
    ("retireApiKey", "api_key_retired"),
    ("retireSigningKey", "signing_key_retired sessions_revoked"),
    ("retryTitle", "job_queued"),
    ("revokeSession", "sessions_revoked"),
    ("revokeSessions", "sessions_revoked"),
    ("sendHeartbeat", "[job_claimed told of the attempt]"),
    ("signIn", "signed_in sign_in_failed"),
    ("signOut", "signed_out"),
    ("storeJobMedia", "[job_claimed told of the attempt]"),
    ("undrainWorker", "worker_undrained"),
    ("unpublishTitle", "title_unpublished"),
];

#[test]
fn every_operation_that_changes_something_has_a_row_or_a_reason() {
    let document = TestApp::start().get("/v1/openapi.json").value();
    let reads = ["get", "head"];
    let methods = document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap());
    let writing = methods.filter(|(method, _)| !reads.contains(&method.as_str()));
    let described: Vec<&str> = writing.map(|(_, operation)| operation["operationId"].as_str().unwrap()).collect();
    let listed = BTreeMap::from(OPERATIONS);
    for operation in &described {
        assert!(listed.contains_key(operation), "{operation} changes something: does the audit log tell of it?");
    }
    assert_eq!(listed.len(), described.len());
    let source = include_str!("../../../src/store/audit.rs");
    for kind in listed.values().filter(|what| !what.starts_with('[')).flat_map(|kinds| kinds.split(' ')) {
        assert!(source.contains(&format!("=> \"{kind}\",")), "{kind}");
    }
}
