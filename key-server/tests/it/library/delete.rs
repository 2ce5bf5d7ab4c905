//! Deleting.

use super::*;

#[test]
fn deleting_takes_the_secret_the_folders_the_jobs_and_the_sessions() {
    let mut app = TestApp::start();
    let ciphertext = app.block_on(async {
        let version = app.installation().store().title_version(&TITLE.parse().unwrap(), 1).await.unwrap();
        version.unwrap().secret_ciphertext.unwrap()
    });
    app.database().run(
        "UPDATE titles SET last_version = 3 WHERE file_id = 'film';
         INSERT INTO jobs (job_id, app_id, file_id, kind, state, run_after, created_at)
         SELECT 'j1', app_id, file_id, 'reencrypt', 'queued', 0, 0 FROM titles WHERE file_id = 'film';
         INSERT INTO job_log (job_id, seq, at, line) VALUES ('j1', 1, 0, 'x')",
    );
    let folders = ["film", "film.2", "film.3"].map(|name| app.media_dir().join(name));
    std::fs::create_dir_all(folders[2].join("v")).unwrap();
    app.publish("film2", "private");
    let holds_it = || app.database().stored().holds(&ciphertext);
    assert!(holds_it(), "the search finds what is there");
    let (_, grant) = app.player().play_title(TITLE);
    let (_, other) = app.player().play_title("film2");
    assert_eq!(patch(&app, TITLE, &json!({ "labels": ["a"] })).status, 200);
    let shown = app.authorized("GET", "/v1/titles/film").send().value();
    assert_eq!(shown["job"]["kind"], "reencrypt");
    assert_eq!(app.authorized("DELETE", "/v1/titles/film").send().status, 204);
    assert!(!folders[0].exists() && !folders[2].exists());
    assert!(app.media_dir().join("film2").exists(), "a name that begins alike is another title's");
    assert!(!holds_it(), "its secret is not in a row, and with SQLite neither in a free page nor in an old log");
    assert_eq!(app.player().try_keys(&grant, json!({})).code(), "title_not_found");
    app.player().keys(&other, json!({}));
    let session = app.block_on(app.installation().store().session(&grant.session_id)).unwrap().unwrap();
    assert!(session.revoked_at.is_some());
    let left =
        "SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM job_log) + (SELECT count(*) FROM title_labels)";
    assert_eq!(app.database().number(left), 0);
    assert_eq!(kinds(&app, "fileId=film&limit=1"), ["title_deleted"], "its history stays");
    assert_eq!(events(&app).iter().filter(|(kind, _)| kind == "title.deleted").count(), 1);
    app.stop();
}

#[test]
fn a_run_takes_back_only_what_is_its_own() {
    let app = TestApp::start();
    let run_key = |run| publication(run, "private")["publicKey"].as_str().unwrap().to_owned();
    let delete = |run| app.authorized("DELETE", "/v1/titles/new").header("Keyveil-Public-Key", &run_key(run)).send();
    app.put_title_in_run(1, "new", "private");
    app.put_title_in_run(2, "new", "private");
    assert_eq!(delete(1).code(), "title_exists", "another run took it over");
    assert!(app.secret("new") == app.put_title_in_run(2, "new", "private").1.unwrap(), "nothing happened to it");
    assert_eq!(delete(2).status, 204);
    assert_eq!(delete(2).code(), "title_not_found");
}
