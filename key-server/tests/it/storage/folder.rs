use keyveil_key_server::storage::{Storage, StorageError};

use super::conformance::conformance;
use super::{names, receive, store};

#[tokio::test]
async fn a_folder_conforms() {
    let dir = tempfile::tempdir().unwrap();
    conformance(&Storage::folder(dir.path().to_owned())).await;
}

#[tokio::test]
async fn what_was_never_kept_goes_when_a_folder_is_settled() {
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::folder(dir.path().to_owned());
    store(&storage, "film/a.ts", b"a").await;
    // As a server that was killed leaves it.
    std::mem::forget(receive(&storage, "film/b.ts", b"b").await.unwrap());
    assert_eq!(std::fs::read_dir(dir.path().join("film")).unwrap().count(), 2);
    storage.settle("film").await.unwrap();
    assert_eq!(std::fs::read_dir(dir.path().join("film")).unwrap().count(), 1);
    assert_eq!(names(&storage, "film").await, ["a.ts"]);
}

#[tokio::test]
async fn a_folder_that_is_gone_is_no_storage() {
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::folder(dir.path().join("media"));
    assert_eq!(storage.check().await, Err(StorageError::NotFound));
    std::fs::create_dir(dir.path().join("media")).unwrap();
    assert_eq!(storage.check().await, Ok(()));
}
