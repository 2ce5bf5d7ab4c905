//! How uploads end.

use super::*;

#[test]
fn a_file_that_differs_from_its_sha256_fails_its_title_and_is_removed() {
    let app = TestApp::start();
    let film = film(500_000);
    let sha256 = hex::encode(ring::digest::digest(&ring::digest::SHA256, &film).as_ref());
    let begin = || {
        let created = app.create(film.len(), &[("filename", "a.mp4"), ("sha256", &sha256)]);
        created.header("location").unwrap().to_owned()
    };
    let (sound, damaged) = (begin(), begin());
    assert_eq!(app.patch(&sound, 0, &film).status, 204);
    assert_eq!(title_of(&app, &sound), (TitleState::Queued, None));
    let mut altered = film.clone();
    altered[250_000] ^= 1;
    assert_eq!(app.patch(&damaged, 0, &altered).code(), "checksum_mismatch");
    assert_eq!(title_of(&app, &damaged), (TitleState::Failed, Some("checksum_mismatch".to_owned())));
    assert_eq!(upload(&app, &damaged).state, UploadState::Gone);
    assert!(!file(&app, &damaged).exists() && file(&app, &sound).exists());
    assert_eq!(app.tus("HEAD", &damaged).send().status, 410);
}

#[test]
fn a_terminated_upload_takes_its_title_along() {
    let app = TestApp::start();
    let path = app.begin(1000);
    app.patch(&path, 0, &film(500));
    assert!(file(&app, &path).exists());
    let deleted = app.tus("DELETE", &path).send();
    assert_eq!((deleted.status, deleted.header("tus-resumable")), (204, Some("1.0.0")));
    assert_eq!(title_of(&app, &path).0, TitleState::Deleted);
    assert!(!file(&app, &path).exists());
    assert_eq!(app.tus("HEAD", &path).send().status, 410);
    assert_eq!(app.patch(&path, 500, &film(500)).code(), "upload_gone");
    // Where only POST gets through.
    let other = app.begin(1000);
    let patched = app.tus("POST", &other).header("X-HTTP-Method-Override", "PATCH").header("Upload-Offset", "0");
    assert_eq!(patched.header("Content-Type", "application/offset+octet-stream").body(film(10)).send().status, 204);
    assert_eq!(app.tus("POST", &other).header("X-HTTP-Method-Override", "DELETE").send().status, 204);
    assert_eq!(app.tus("POST", &other).send().code(), "method_not_allowed");
}

#[test]
fn what_nobody_comes_back_for_is_swept() {
    let app = TestApp::start();
    let (left, gone_on_with) = (app.begin(1000), app.begin(1000));
    assert_eq!(app.patch(&left, 0, &film(10)).status, 204);
    app.clock.advance(23 * 3600);
    assert_eq!(app.patch(&gone_on_with, 0, &film(10)).status, 204);
    let sweep = || app.block_on(uploads::sweep(app.state())).unwrap();
    sweep();
    assert_eq!(title_of(&app, &left).0, TitleState::Uploading, "not yet");
    app.clock.advance(2 * 3600);
    let stray = app.dir.path().join("data/uploads").join("0123456789abcdef0123456789abcdef");
    let foreign = app.dir.path().join("data/uploads/README");
    std::fs::write(&stray, b"of nobody").unwrap();
    std::fs::write(&foreign, b"not this server's").unwrap();
    sweep();
    assert_eq!(title_of(&app, &left), (TitleState::Failed, Some("upload_abandoned".to_owned())));
    assert_eq!(title_of(&app, &gone_on_with), (TitleState::Uploading, None));
    assert!(!file(&app, &left).exists() && file(&app, &gone_on_with).exists());
    assert!(!stray.exists() && foreign.exists());
    assert_eq!(app.patch(&left, 10, &film(10)).code(), "upload_gone");
    assert_eq!(app.patch(&gone_on_with, 10, &film(990)).status, 204);
}

#[test]
fn each_change_tells_its_event() {
    let app = TestApp::start();
    let path = app.begin(10);
    app.patch(&path, 0, &film(10));
    let file_id = upload(&app, &path).file_id;
    let sql = format!("SELECT type, data FROM events WHERE file_id = '{file_id}' ORDER BY seq");
    let events: Vec<(String, String)> = app.database().rows(&sql);
    let kinds: Vec<_> = events.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["upload.completed", "title.processing"]);
    let data: Value = serde_json::from_str(&events[1].1).unwrap();
    assert_eq!(data["state"], "queued");
}

/// As they are when the server that got the last byte is cut off, or still reads the file back: every server that is asked ends it.
#[test]
fn of_servers_that_end_an_upload_at_the_same_time_each_succeeds_and_one_job_is_made() {
    let app = TestApp::start();
    let replica = app.replica();
    for round in 0..5 {
        let path = app.begin(1000);
        let id = upload_id(&path).to_owned();
        assert_eq!(app.patch(&path, 0, &film(999)).status, 204);
        app.block_on(async {
            let mut write = app.installation().store().write().await.unwrap();
            assert!(write.advance_upload(&id.parse().unwrap(), 999, 1000, 1, i64::MAX).await.unwrap());
            write.commit().await.unwrap();
        });
        let ask = |address: &str| {
            let request = Request::new(address, "HEAD", &path).header("Tus-Resumable", "1.0.0");
            let api_key = app.app.api_key.expose_text();
            request.header("Authorization", &format!("Bearer {api_key}")).send().status
        };
        let told = std::thread::scope(|scope| {
            let asked = [app.address(), replica.address()].map(|address| scope.spawn(move || ask(address)));
            asked.map(|asked| asked.join().unwrap())
        });
        assert_eq!(told, [200, 200], "round {round}");
        assert_eq!(title_of(&app, &path), (TitleState::Queued, None));
        let file_id = upload(&app, &path).file_id;
        let jobs = app.authorized("GET", &format!("/v1/jobs?fileId={file_id}")).send().value();
        assert_eq!(jobs["jobs"].as_array().unwrap().len(), 1);
    }
}
