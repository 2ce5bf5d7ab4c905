use keyveil_key_server::{Config, OpenError};
use serde_json::json;

use crate::support::{Response, TITLE, TestApp};

#[track_caller]
fn assert_unavailable(response: &Response) {
    assert_eq!((response.status, response.code()), (503, "unavailable".to_owned()));
    assert!(response.header("retry-after").is_some());
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
    app.database().run(
        "UPDATE title_versions SET secret_ciphertext = (SELECT secret_ciphertext FROM title_versions WHERE file_id = 'film')
         WHERE file_id = 'other'",
    );
    // So long may it go unnoticed what another process changes.
    std::thread::sleep(std::time::Duration::from_secs(1));
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
    assert!(matches!(open(&app.config), Some(OpenError::KmsOpen(_))));
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
