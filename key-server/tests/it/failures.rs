use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use keyveil_key_server::kms::{DataKey, Kms, KmsContext, KmsError, LocalKeyring, Plaintext};
use keyveil_key_server::{Config, OpenError};
use serde_json::json;

use crate::support::{Response, TITLE, TestApp};

/// The local keyring, until it is cut off.
struct FailingKms {
    inner: LocalKeyring,
    down: Arc<AtomicBool>,
}

impl FailingKms {
    fn check(&self) -> Result<(), KmsError> {
        if self.down.load(Ordering::Relaxed) { Err(KmsError::UNAVAILABLE) } else { Ok(()) }
    }
}

impl Kms for FailingKms {
    fn generate_data_key<'a>(&'a self, context: &'a KmsContext<'a>) -> BoxFuture<'a, Result<DataKey, KmsError>> {
        Box::pin(async move {
            self.check()?;
            self.inner.generate_data_key(context).await
        })
    }

    fn encrypt<'a>(
        &'a self,
        plaintext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>> {
        Box::pin(async move {
            self.check()?;
            self.inner.encrypt(plaintext, context).await
        })
    }

    fn decrypt<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Plaintext, KmsError>> {
        Box::pin(async move {
            self.check()?;
            self.inner.decrypt(ciphertext, context).await
        })
    }

    fn rewrap<'a>(
        &'a self,
        ciphertext: &'a [u8],
        context: &'a KmsContext<'a>,
    ) -> BoxFuture<'a, Result<Vec<u8>, KmsError>> {
        Box::pin(async move {
            self.check()?;
            self.inner.rewrap(ciphertext, context).await
        })
    }

    fn is_current<'a>(&'a self, ciphertext: &'a [u8]) -> BoxFuture<'a, Result<bool, KmsError>> {
        Box::pin(async move {
            self.check()?;
            self.inner.is_current(ciphertext).await
        })
    }

    fn key_name(&self, ciphertext: &[u8]) -> Option<String> {
        self.inner.key_name(ciphertext)
    }
}

#[track_caller]
fn assert_unavailable(response: &Response) {
    assert_refused_for_now(response, "unavailable");
}

#[track_caller]
fn assert_kms_unavailable(response: &Response) {
    assert_refused_for_now(response, "kms_unavailable");
}

#[track_caller]
fn assert_refused_for_now(response: &Response, code: &str) {
    assert_eq!((response.status, response.code()), (503, code.to_owned()));
    assert!(response.header("retry-after").is_some());
}

#[test]
fn a_kms_that_does_not_answer_is_unavailable_and_comes_back() {
    let down = Arc::new(AtomicBool::new(false));
    let dir = tempfile::tempdir().unwrap();
    let inner = LocalKeyring::open_or_create(&dir.path().join("root.key"), false).unwrap();
    let app = TestApp::builder().kms(FailingKms { inner, down: Arc::clone(&down) }).start();
    let psign = app.sign(&app.claims(TITLE));
    let player = app.player();
    let (_, grant) = player.play(&psign, json!({}));
    down.store(true, Ordering::Relaxed);
    assert_kms_unavailable(&player.try_play(&psign, json!({})));
    assert_kms_unavailable(&player.try_keys(&grant, json!({ "counter": 1 })));
    assert_kms_unavailable(&app.put_title("new", "private").0);
    assert_kms_unavailable(&app.get("/readyz"));
    assert_eq!(app.get("/healthz").status, 200, "alive is not ready");
    down.store(false, Ordering::Relaxed);
    assert_eq!(app.get("/readyz").status, 200);
    player.keys(&grant, json!({ "counter": 1 }));
    assert_eq!(app.put_title("new", "private").0.status, 201, "the failed attempt left nothing behind");
}

#[test]
fn a_database_that_does_not_answer_is_unavailable() {
    let app = TestApp::start();
    let psign = app.sign(&app.claims(TITLE));
    let player = app.player();
    let (play, grant) = player.play(&psign, json!({}));
    let path = play.playlist_url.split_once(app.address()).unwrap().1.to_owned();
    app.block_on(app.installation().store().close());
    assert_unavailable(&player.try_play(&psign, json!({})));
    assert_unavailable(&player.try_keys(&grant, json!({ "counter": 1 })));
    assert_unavailable(&app.authorized("GET", "/v1/titles").send());
    assert_unavailable(&app.get(&path));
    assert_unavailable(&app.get("/readyz"));
    assert_eq!(app.get("/healthz").status, 200);
}

#[test]
fn a_missing_media_folder_is_not_ready() {
    let app = TestApp::start();
    assert_eq!(app.get("/readyz").status, 200);
    std::fs::remove_dir_all(app.media_dir()).unwrap();
    assert_unavailable(&app.get("/readyz"));
}

#[test]
fn a_ciphertext_moved_to_another_title_does_not_open() {
    let app = TestApp::start();
    app.publish("other", "private");
    let player = app.player();
    player.play_title("other");
    let database = app.config.database_file();
    app.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(database);
        let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
        sqlx::query(
            "UPDATE title_versions SET secret_ciphertext = (SELECT secret_ciphertext FROM title_versions WHERE file_id = 'film')
             WHERE file_id = 'other'",
        )
        .execute(&mut connection)
        .await
        .unwrap();
    });
    let response = player.try_play(&app.sign(&app.claims("other")), json!({}));
    assert_eq!(response.code(), "internal");
    player.play_title(TITLE);
}

#[test]
fn another_root_key_or_none_does_not_open_a_database() {
    let mut app = TestApp::start();
    app.stop();
    let root_key = app.config.root_key_file();
    let open = |config: &Config| app.block_on(keyveil_key_server::open(config)).err();
    let genuine = std::fs::read(&root_key).unwrap();
    std::fs::write(&root_key, [7; 32]).unwrap();
    assert!(matches!(open(&app.config), Some(OpenError::Kms(_))));
    std::fs::remove_file(&root_key).unwrap();
    assert!(matches!(open(&app.config), Some(OpenError::KmsOpen(_))));
    assert!(!root_key.exists());
    keep_private(&root_key, &genuine);
    assert!(open(&app.config).is_none());
}

fn keep_private(path: &std::path::Path, content: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
