//! Every secret moved under another key, beside playback.

use std::io::{BufRead, BufReader};
use std::num::NonZeroU32;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use keyveil_key_server::actions::kms;
use keyveil_key_server::kms::{LocalKeyring, tag};
use keyveil_key_server::store::CIPHERTEXT_COLUMNS;
use serde_json::{Value, json};

use super::add_titles;
use super::fake::{FakeKms, Mood};
use crate::support::{TITLE, TestApp, database_variable};

/// Every ciphertext of the database opens; answers how many there are under each key.
fn assert_all_open(app: &TestApp) -> Vec<(String, usize)> {
    app.block_on(async {
        let (store, kms) = (app.installation().store(), app.installation().kms());
        let mut names: Vec<(String, usize)> = Vec::new();
        for column in CIPHERTEXT_COLUMNS {
            for row in store.ciphertexts(column, None, 100_000).await.unwrap() {
                kms.decrypt(&row.ciphertext, &row.owner.context()).await.unwrap();
                let name = kms.key_name(&row.ciphertext).unwrap();
                match names.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, count)) => *count += 1,
                    None => names.push((name, 1)),
                }
            }
        }
        names
    })
}

#[test]
fn a_thousand_titles_rotate_under_playback_and_no_play_is_refused() {
    let (fake, whims) = FakeKms::new();
    let app = TestApp::builder().kms(fake).configure(|config| {
        config.kms.cache_secs = 1;
        config.http.plays_per_minute = NonZeroU32::MIN.saturating_add(999_999);
    });
    let app = app.start();
    let titles = add_titles(&app, 1000);
    let player = app.player();
    let (rotating, plays, next) = (AtomicBool::new(true), AtomicUsize::new(0), AtomicUsize::new(0));
    let rotation = std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while rotating.load(Ordering::SeqCst) {
                    let title = &titles[next.fetch_add(7, Ordering::SeqCst) % titles.len()];
                    let (_, grant) = player.play_title(title);
                    player.keys(&grant, json!({ "counter": 1, "period": 1 }));
                    plays.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        // Begins among plays, and takes a while: an engine over a wire does.
        while plays.load(Ordering::SeqCst) < 10 {
            std::thread::sleep(Duration::from_millis(1));
        }
        whims.slow_down(Duration::from_millis(10));
        let before = plays.load(Ordering::SeqCst);
        let rotation = app.block_on(async {
            let installation = app.installation();
            kms::rotate(installation.store(), installation.kms(), true, 1, |_| ()).await
        });
        whims.slow_down(Duration::ZERO);
        assert!(plays.load(Ordering::SeqCst) > before, "there was playback meanwhile");
        rotating.store(false, Ordering::SeqCst);
        rotation.unwrap()
    });
    assert_eq!(rotation.new_key.as_deref(), Some("local 2"));
    let counts = rotation.columns.iter().find(|counts| counts.secrets == "title secrets").unwrap();
    assert_eq!((counts.rewrapped, counts.current, counts.gone, counts.rejected), (1001, 0, 0, 0));
    let names = assert_all_open(&app);
    assert!(names.len() == 1 && names[0].0 == "local 2", "{names:?}");
    player.play_title(TITLE);
    let again = app.block_on(async {
        let installation = app.installation();
        kms::rotate(installation.store(), installation.kms(), false, 1, |_| ()).await.unwrap()
    });
    assert_eq!((again.total(|counts| counts.rewrapped), again.total(|counts| counts.current)), (0, names[0].1 as u64));
}

/// At another server over the data of `app`.
#[track_caller]
fn play_at(replica: &TestApp, app: &TestApp) {
    replica.player().play(&app.sign(&app.claims(TITLE)), json!({}));
}

fn command(app: &TestApp, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_key-server"));
    command.args(args).env("KEYVEIL_DATA", &app.config.data.dir).current_dir(app.dir.path());
    command.envs(database_variable(&app.config.data.dir));
    command
}

fn run(app: &TestApp, args: &[&str]) -> Output {
    command(app, args).output().unwrap()
}

#[track_caller]
fn succeed(app: &TestApp, args: &[&str]) -> String {
    let output = run(app, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn fail(app: &TestApp, args: &[&str]) -> String {
    let output = run(app, args);
    assert!(!output.status.success(), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Moves the time when the newest version was made, which is told by the file.
fn settle(app: &TestApp) {
    let path = app.config.keyring_file();
    let mut keyring: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for key in keyring["keys"].as_array_mut().unwrap() {
        key["createdAt"] = json!(1);
    }
    std::fs::write(&path, keyring.to_string()).unwrap();
}

#[test]
fn a_rotation_that_is_killed_half_way_is_run_again_and_does_the_rest() {
    let app = TestApp::start();
    let titles = add_titles(&app, 5000);
    let player = app.player();
    let (_, grant) = player.play_title(&titles[0]);
    let mut rotation =
        command(&app, &["kms", "rotate", "--new-key"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    for line in BufReader::new(rotation.stderr.take().unwrap()).lines() {
        if line.unwrap().starts_with("title secrets: ") {
            break;
        }
    }
    rotation.kill().unwrap();
    assert!(!rotation.wait().unwrap().success(), "it was killed before its end");
    let names = assert_all_open(&app);
    let [old, new] = ["local 1", "local 2"].map(|name| names.iter().find(|(known, _)| known == name).unwrap().1);
    assert!(old > 0 && new >= 256, "{names:?}");
    player.play_title(&titles[1]);
    player.play_title(&titles[4999]);
    settle(&app);
    assert!(fail(&app, &["kms", "retire", "1"]).contains(&format!("{old} secrets are still under version 1")));
    assert!(fail(&app, &["kms", "retire", "2"]).contains("the one that wraps"));

    let done: Value = serde_json::from_str(&succeed(&app, &["kms", "rotate", "--json"])).unwrap();
    let rewrapped: u64 =
        done["columns"].as_array().unwrap().iter().map(|column| column["rewrapped"].as_u64().unwrap()).sum();
    assert_eq!((rewrapped, &done["newKey"]), (old as u64, &Value::Null));
    assert_eq!(assert_all_open(&app), [("local 2".to_owned(), old + new)]);
    assert_eq!(succeed(&app, &["kms", "retire", "1"]), "retired: version 1\n");
    assert!(fail(&app, &["kms", "retire", "1"]).contains("no version 1"));
    // The server that ran all the while, one that starts now, and the command line.
    player.play_title(&titles[2]);
    player.keys(&grant, json!({ "counter": 1 }));
    play_at(&app.replica(), &app);
    let status: Value = serde_json::from_str(&succeed(&app, &["kms", "status", "--json"])).unwrap();
    assert_eq!((&status["engine"], &status["answers"]), (&json!("local"), &json!(true)));
    assert_eq!(status["versions"].as_array().unwrap().len(), 1);
    assert_eq!(status["keys"][0]["key"], "local 2");
}

/// Makes the data folder what it was before there were keyrings: every secret under the root key itself.
fn as_before_keyrings(app: &TestApp) {
    let root_key = std::fs::read(app.config.root_key_file()).unwrap();
    let cipher = XChaCha20Poly1305::new_from_slice(&root_key).unwrap();
    app.block_on(async {
        let installation = keyveil_key_server::open(&app.config).await.unwrap();
        for column in CIPHERTEXT_COLUMNS {
            for row in installation.store().ciphertexts(column, None, 1000).await.unwrap() {
                let context = row.owner.context();
                let secret = installation.kms().decrypt(&row.ciphertext, &context).await.unwrap();
                let payload = Payload { msg: &secret, aad: &context.encode() };
                let sealed = cipher.encrypt(&XNonce::from([9; 24]), payload).unwrap();
                let old = [&[tag::ROOT_KEY], [9; 24].as_slice(), &sealed].concat();
                let mut write = installation.store().write().await.unwrap();
                assert!(write.replace_ciphertext(column, &row, &old).await.unwrap());
                write.commit().await.unwrap();
            }
        }
    });
    std::fs::remove_file(app.config.keyring_file()).unwrap();
}

#[test]
fn an_installation_from_before_keyrings_plays_on_rotates_and_changes_its_root_key() {
    let mut app = TestApp::start();
    app.stop();
    as_before_keyrings(&app);
    let genuine = std::fs::read(app.config.root_key_file()).unwrap();
    std::fs::remove_file(app.config.root_key_file()).unwrap();
    assert!(fail(&app, &["kms", "status"]).contains("restore the file"));
    assert!(!app.config.keyring_file().exists(), "nothing is made beside secrets that can't be opened");
    keep_private(&app.config.root_key_file(), &genuine);

    let replica = app.replica();
    play_at(&replica, &app);
    let names = assert_all_open(&replica);
    assert!(names.iter().any(|(name, _)| name == "local root key"), "{names:?}");
    assert!(fail(&app, &["kms", "root-key", "change", "--file", "second.key"]).contains("the root key itself"));
    succeed(&app, &["kms", "rotate"]);
    assert!(assert_all_open(&replica).iter().all(|(name, _)| name == "local 1"));
    play_at(&replica, &app);

    let told = succeed(&app, &["kms", "root-key", "change", "--file", "second.key"]);
    let second = app.dir.path().join("second.key");
    assert!(told.contains(&format!("root_key_file = {second:?}")), "{told}");
    play_at(&replica, &app);
    assert!(fail(&app, &["app", "list"]).contains("does not open the keyring"));
    let renamed = command(&app, &["app", "list"]).env("KEYVEIL_KMS_LOCAL_ROOT_KEY_FILE", &second).output().unwrap();
    assert!(renamed.status.success(), "{}", String::from_utf8_lossy(&renamed.stderr));
    let audit = command(&app, &["audit", "verify"]).env("KEYVEIL_KMS_LOCAL_ROOT_KEY_FILE", &second).output().unwrap();
    assert!(audit.status.success());
}

#[test]
fn a_lost_keyring_stops_every_start_and_is_never_replaced() {
    let mut app = TestApp::start();
    app.stop();
    let keyring = app.config.keyring_file();
    let genuine = std::fs::read(&keyring).unwrap();
    std::fs::remove_file(&keyring).unwrap();
    assert!(fail(&app, &["serve"]).contains("restore the file"));
    assert!(fail(&app, &["kms", "status"]).contains("restore the file"));
    assert!(!keyring.exists());
    keep_private(&keyring, &genuine);
    play_at(&app.replica(), &app);
}

#[test]
fn what_would_not_open_to_the_same_secret_replaces_nothing() {
    let (fake, whims) = FakeKms::new();
    let app = TestApp::builder().kms(fake).start();
    add_titles(&app, 3);
    let rotate = |new_key| {
        app.block_on(async {
            let installation = app.installation();
            kms::rotate(installation.store(), installation.kms(), new_key, 1, |_| ()).await
        })
    };
    let before = assert_all_open(&app);
    assert!(before.iter().all(|(name, _)| name == "local 1"), "{before:?}");
    for (new_key, mood) in [(true, Mood::RewrappingAmiss), (false, Mood::RewrappingAnother), (false, Mood::OnlyOpening)]
    {
        whims.set(mood);
        assert!(rotate(new_key).is_err(), "{mood:?}");
        whims.set(Mood::Well);
        assert_eq!(assert_all_open(&app), before, "{mood:?}");
    }
    let count = before.iter().map(|(_, count)| *count as u64).sum::<u64>();
    assert_eq!(rotate(false).unwrap().total(|counts| counts.rewrapped), count);
    assert!(assert_all_open(&app).iter().all(|(name, _)| name == "local 2"));
}

#[test]
fn a_secret_that_does_not_open_is_told_and_keeps_no_other_from_being_rotated() {
    let app = TestApp::start();
    let titles = add_titles(&app, 3);
    app.block_on(async {
        let store = app.installation().store();
        let column = CIPHERTEXT_COLUMNS.iter().find(|column| column.what == "title secrets").unwrap();
        let row = store.ciphertexts(column, None, 1).await.unwrap().remove(0);
        let mut write = store.write().await.unwrap();
        let damaged = [LocalKeyring::prefix(1).as_slice(), &[0; 72]].concat();
        assert!(write.replace_ciphertext(column, &row, &damaged).await.unwrap());
        write.commit().await.unwrap();
    });
    assert!(fail(&app, &["kms", "rotate", "--new-key"]).contains("1 secrets don't open"));
    app.player().play_title(&titles[2]);
    settle(&app);
    assert!(fail(&app, &["kms", "retire", "1"]).contains("1 secrets are still under version 1"));
}

#[test]
fn the_commands_say_what_is_wrong() {
    let app = TestApp::start();
    assert!(fail(&app, &["kms", "root-key", "change"]).contains("--passphrase-file"));
    assert!(fail(&app, &["kms", "root-key", "change", "--file", "a", "--credential", "b"]).contains("cannot be used"));
    assert!(fail(&app, &["kms", "root-key", "change", "--credential", "b"]).contains("CREDENTIALS_DIRECTORY"));
    assert!(fail(&app, &["kms", "retire", "7"]).contains("no version 7"));
    succeed(&app, &["kms", "rotate", "--new-key"]);
    assert!(fail(&app, &["kms", "retire", "1"]).contains("try again in a minute"));
    let elsewhere = command(&app, &["kms", "retire", "1"])
        .env("KEYVEIL_KMS_ENGINE", "aws")
        .env("KEYVEIL_KMS_AWS_KEY_ID", "alias/none")
        .env("KEYVEIL_KMS_AWS_REGION", "eu-central-1")
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&elsewhere.stderr).contains("not in use"));
    let human = succeed(&app, &["kms", "status"]);
    assert!(
        human.contains("engine: local") && human.contains("answers: yes") && human.contains("local 2: "),
        "{human}"
    );
    let nothing = app.dir.path().join("nothing");
    let status = Command::new(env!("CARGO_BIN_EXE_key-server"))
        .args(["kms", "status"])
        .env("KEYVEIL_DATA", &nothing)
        .envs(database_variable(&nothing))
        .output()
        .unwrap();
    assert!(!status.status.success() && !nothing.exists());
    for args in [
        &["kms", "--help"][..],
        &["kms", "rotate", "--help"],
        &["kms", "retire", "--help"],
        &["kms", "root-key", "change", "--help"],
    ] {
        assert!(succeed(&app, args).contains("key-server kms") || args.len() == 2);
    }
}

#[test]
fn a_root_key_in_a_credential_or_passphrase_opens_the_installation() {
    let app = TestApp::start();
    let credentials = app.dir.path().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    keep_private(&credentials.join("root.key"), &[7; 32]);
    keep_private(&credentials.join("words"), b"correct horse battery staple\n");
    let with = |args: &[&str], variables: &[(&str, &str)]| {
        let mut command = command(&app, args);
        command.env("CREDENTIALS_DIRECTORY", &credentials).envs(variables.iter().copied());
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let (credential, passphrase) =
        (("KEYVEIL_KMS_LOCAL_ROOT_KEY_CREDENTIAL", "root.key"), ("KEYVEIL_KMS_LOCAL_PASSPHRASE_CREDENTIAL", "words"));
    assert!(with(&["kms", "root-key", "change", "--credential", "root.key"], &[]).0);
    assert!(with(&["app", "list"], &[credential]).0);
    assert!(!with(&["app", "list"], &[]).0);
    let change = ["kms", "root-key", "change", "--passphrase-credential", "words"];
    assert!(with(&change, &[credential]).0);
    assert!(with(&["app", "list"], &[passphrase]).0);
    assert!(with(&["app", "list"], &[credential]).1.contains("passphrase"));
}

fn keep_private(path: &std::path::Path, content: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
