//! Releases that share a transaction: each counts by itself, and none before all of it is durable.

use futures_util::future::join_all;
use tempfile::TempDir;

use super::engine::query;
use super::{Store, StoreError, WriteTransaction};

async fn opened() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("keyveil.db")).await.unwrap();
    (dir, store)
}

fn say(write: &mut WriteTransaction<'_>, name: &str) {
    write.later("INSERT INTO sign_in_failures (user_id, since, count) VALUES (?, 1, 1)").bind(name);
}

async fn put(store: &Store, name: &str) -> Result<(), StoreError> {
    let mut write = store.write_release().await?;
    say(&mut write, name);
    write.commit().await
}

async fn kept(store: &Store) -> String {
    let rows = query("SELECT user_id FROM sign_in_failures ORDER BY 1").fetch_all(&store.pool).await.unwrap();
    rows.iter().map(|row| row.try_get::<String, _>(0).unwrap()).collect()
}

/// Has `names` wait while `first` is under way, and then lets that end.
async fn behind(store: &Store, names: &[&str], first: impl Future<Output = ()>) -> Vec<Result<(), StoreError>> {
    let waiting = join_all(names.iter().map(|name| put(store, name)));
    let first = async {
        tokio::task::yield_now().await;
        first.await;
    };
    tokio::join!(waiting, first).0
}

#[tokio::test]
async fn those_who_wait_for_each_other_share_a_transaction() {
    let (_dir, store) = opened().await;
    let mut first = store.write_release().await.unwrap();
    say(&mut first, "a");
    let others = behind(&store, &["b", "c"], async { first.commit().await.unwrap() }).await;
    assert!(others.iter().all(Result::is_ok));
    assert_eq!((kept(&store).await.as_str(), store.writer.groups().await), ("abc", 1));
    put(&store, "d").await.unwrap();
    assert_eq!((kept(&store).await.as_str(), store.writer.groups().await), ("abcd", 2), "nobody waited");
}

#[tokio::test]
async fn what_is_given_up_leaves_nothing_and_the_others_stay() {
    let (_dir, store) = opened().await;
    let mut first = store.write_release().await.unwrap();
    say(&mut first, "a");
    let given_up = async {
        let mut write = store.write_release().await.unwrap();
        say(&mut write, "x");
        write.connection().await.unwrap();
    };
    let others = async { behind(&store, &["b"], async { first.commit().await.unwrap() }).await };
    let (others, ()) = tokio::join!(others, given_up);
    assert!(others.iter().all(Result::is_ok));
    assert_eq!(kept(&store).await, "ab");
    // Alone, and as a transaction of its own.
    let mut write = store.write_release().await.unwrap();
    say(&mut write, "x");
    write.connection().await.unwrap();
    drop(write);
    let mut write = store.write().await.unwrap();
    say(&mut write, "x");
    write.connection().await.unwrap();
    drop(write);
    put(&store, "c").await.unwrap();
    assert_eq!(kept(&store).await, "abc");
}

#[tokio::test]
async fn an_error_is_told_to_all_who_shared_and_nothing_of_theirs_is_kept() {
    let (_dir, store) = opened().await;
    put(&store, "z").await.unwrap();
    let mut first = store.write_release().await.unwrap();
    say(&mut first, "a");
    let others = behind(&store, &["z", "b"], async { assert!(first.commit().await.is_err()) }).await;
    assert!(others.iter().all(|result| matches!(result, Err(StoreError::Shared(_)))), "{others:?}");
    assert_eq!(kept(&store).await, "z");
    put(&store, "a").await.unwrap();
    assert_eq!(kept(&store).await, "az");
}

#[tokio::test]
async fn a_write_of_its_own_shares_with_nobody() {
    let (_dir, store) = opened().await;
    let mut alone = store.write().await.unwrap();
    say(&mut alone, "a");
    let others = behind(&store, &["b"], async { drop(alone) }).await;
    assert!(others.iter().all(Result::is_ok));
    assert_eq!(kept(&store).await, "b");
    let mut first = store.write_release().await.unwrap();
    say(&mut first, "c");
    let admin = async {
        let mut alone = store.write().await.unwrap();
        say(&mut alone, "d");
        alone.commit().await.unwrap();
    };
    tokio::join!(async { first.commit().await.unwrap() }, admin);
    assert_eq!(kept(&store).await, "bcd");
}
