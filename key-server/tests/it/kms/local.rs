use keyveil_key_server::kms::{LocalKeyring, tag};

use super::conformance::conformance;

#[tokio::test]
async fn the_local_keyring_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let keyring = LocalKeyring::open_or_create(&dir.path().join("root.key"), false).unwrap();
    conformance(&keyring, tag::ROOT_KEY).await;
}
