//! Copies of a whole installation: moved to PostgreSQL, backed up, restored.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;

use crate::support::{TITLE, TestApp, database_variable};

fn command(app: &TestApp, data: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_key-server"));
    command.args(args).env("KEYVEIL_DATA", data).current_dir(app.dir.path());
    command
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn succeed(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

#[track_caller]
fn fail(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{}", said(&output));
    said(&output)
}

#[test]
fn a_backup_is_whole_while_others_write_and_opens_with_the_root_key_alone() {
    let app = TestApp::start();
    let (_, grant) = app.player().play(&app.sign(&app.claims(TITLE)), json!({}));
    let data = &app.config.data.dir;
    let folder = app.dir.path().join("backup");
    let backup = |app: &TestApp| {
        let mut backup = command(app, data, &["backup", folder.to_str().unwrap()]);
        backup.envs(database_variable(data));
        backup
    };
    assert!(succeed(backup(&app)).contains("backed up: "));
    assert!(fail(backup(&app)).contains("is there already"));
    app.player().keys(&grant, json!({}));
    assert!(std::fs::read(folder.join("keyveil.db")).unwrap().len() > 1000);

    let new = app.dir.path().join("new/data");
    let restore = |data: &Path, folder: &Path| {
        let mut restore = command(&app, data, &["restore", folder.to_str().unwrap()]);
        restore.envs(database_variable(data));
        restore
    };
    std::fs::create_dir_all(&new).unwrap();
    assert!(succeed(restore(&new, &folder)).contains("restored: "));
    assert!(fail(restore(&new, &folder)).contains("is there already"), "nothing is overwritten");
    assert!(
        fail(restore(&app.dir.path().join("third"), &app.dir.path().join("nothing"))).contains("there is no database")
    );

    let verify = || {
        let mut verify = command(&app, &new, &["audit", "verify"]);
        verify.envs(database_variable(&new));
        verify
    };
    assert!(!fail(verify()).contains("the chain holds"), "without its root key it opens nothing");
    std::fs::remove_file(new.join("root.key")).ok();
    std::fs::copy(data.join("root.key"), new.join("root.key")).unwrap();
    assert!(succeed(verify()).contains("the chain holds"));
}

/// These need a PostgreSQL: `node tests/database/main.mjs`.
mod on_postgres {
    use super::*;
    use crate::support::database_url;

    #[test]
    #[ignore = "needs a PostgreSQL server that KEYVEIL_TEST_POSTGRES names"]
    fn an_installation_moves_to_postgres_under_playback_and_plays_on_there() {
        let app = TestApp::builder().database(None).start();
        let url = database_url(&app.dir.path().join("moved")).expect("KEYVEIL_TEST_POSTGRES");
        let player = app.player();
        let (_, grant) = player.play(&app.sign(&app.claims(TITLE)), json!({}));
        let copy = || command(&app, &app.config.data.dir, &["db", "copy", "--to", &url]);
        let moved = succeed(copy());
        assert!(moved.contains("moved: ") && moved.contains("title_versions: 1 rows"), "{moved}");

        // What is left behind takes nothing any more, and says why.
        assert_eq!(player.try_keys(&grant, json!({})).code(), "unavailable");
        assert!(fail(copy()).contains("has moved to PostgreSQL"));

        let there = TestApp::builder().over(&app).database(Some(url.parse().unwrap())).start();
        there.player().keys(&grant, json!({}));
        there.player().play(&app.sign(&app.claims(TITLE)), json!({}));
        there.publish("made-there", "private");
        there.block_on(there.installation().store().verify_audit()).unwrap().unwrap();

        // And into the same database nothing else is moved.
        let other = TestApp::builder().database(None).start();
        let refused = fail(command(&other, &other.config.data.dir, &["db", "copy", "--to", &url]));
        assert!(refused.contains("there is an installation in that database already"), "{refused}");
        other.player().play_title(TITLE);
    }
}
