//! Re-encryptions, and what is swept.

use super::*;

fn queue_reencryption(app: &TestApp, file_id: &str, job_id: &str) {
    let job = NewJob {
        job_id: job_id.parse().unwrap(),
        app_id: app.app_id(),
        file_id: file_id.parse().unwrap(),
        kind: JobKind::Reencrypt,
        settings: None,
        priority: 0,
        created_at: 1,
    };
    app.block_on(async {
        let mut write = app.installation().store().write().await.unwrap();
        write.insert_job(&job).await.unwrap();
        write.commit().await.unwrap();
    });
}

#[test]
fn a_reencryption_takes_no_playback_down() {
    let app = TestApp::start();
    let worker = app.worker();
    let (_, first) = claimed(&app, &worker, "new");
    first.store_all(&app);
    assert_eq!(first.complete(&app).status, 200);
    let player = app.player();
    let (play, _) = player.play_title("new");

    queue_reencryption(&app, "new", "again");
    let second = worker.claim(&app).unwrap();
    let JobWork::Reencrypt { media, cover, .. } = &second.job.work else { panic!("a re-encryption") };
    assert_eq!(serde_json::to_value(media).unwrap(), crate::support::media());
    assert_eq!(cover.as_deref(), Some("cover.jpg"));
    assert_ne!(second.secret, first.secret);
    assert_eq!(app.title("new").state, TitleState::Published, "its state is left alone");
    let old = second.request(&app, "GET", "media/v720p/00000.m4s").send();
    assert_eq!((old.status, old.body.as_slice()), (200, FILES[3].1));
    assert_eq!(second.request(&app, "GET", "media/v720p/missing.m4s").send().code(), "not_found");
    assert_eq!(second.request(&app, "GET", "media/../film/master.m3u8").send().code(), "not_found");
    assert_eq!(second.request(&app, "GET", "source").send().code(), "not_found");
    second.store_all(&app);
    assert_eq!(second.complete(&app).status, 200);
    assert_eq!(app.title("new").version, Some(2));
    let path = play.playlist_url.split_once(app.address()).unwrap().1;
    assert_eq!(app.get(path).status, 200, "a session stays with its version");
    let (play, _) = player.play_title("new");
    assert!(play.playlist_url.contains("/new.2/"));
}

#[test]
fn an_old_version_goes_with_its_last_session() {
    let app = TestApp::start();
    let worker = app.worker();
    let (_, first) = claimed(&app, &worker, "new");
    first.store_all(&app);
    assert_eq!(first.complete(&app).status, 200);
    app.player().play_title("new");
    let old = app.media_dir().join("new");
    let reencrypt = |job_id: &str| {
        queue_reencryption(&app, "new", job_id);
        let claimed = worker.claim(&app).unwrap();
        claimed.store_all(&app);
        assert_eq!(claimed.complete(&app).status, 200);
    };
    reencrypt("second");
    reencrypt("third");
    app.until("the second version, which nobody plays, goes", || !app.media_dir().join("new.2").exists());
    assert!(old.join("master.m3u8").exists(), "the first one is being played");
    app.clock.advance(86_401);
    reencrypt("fourth");
    app.until("the first version's session has expired", || !old.exists());
    assert!(app.media_dir().join("new.4").exists());
    assert!(app.media_dir().join(TITLE).exists(), "what was packed by hand is let alone");
}

#[test]
fn folders_of_no_version_are_swept_and_others_are_not() {
    let app = TestApp::start();
    let worker = app.worker();
    let (job_id, late) = claimed(&app, &worker, "new");
    assert_eq!(late.put(&app, "v720p/00000.m4s", b"x").status, 204);
    lapse(&app, &job_id);
    app.clock.advance(5);
    let second = worker.claim(&app).unwrap();
    second.store_all(&app);
    assert_eq!(second.complete(&app).status, 200);
    let left_over = app.media_dir().join("new");
    app.until("the lost version is swept", || !left_over.exists());
    let kept = ["stranger", "new.9", ".new.partial", "not-a-title.2"].map(|name| app.media_dir().join(name));
    for folder in kept.iter().chain([&left_over]) {
        std::fs::create_dir(folder).unwrap();
        std::fs::write(folder.join("a.ts"), b"x").unwrap();
    }
    app.clock.advance(3600);
    queue_reencryption(&app, "new", "again");
    let third = worker.claim(&app).unwrap();
    assert_eq!(third.fail(&app, "ffmpeg_failed", false).status, 204);
    app.until("the left-over folder is swept", || !left_over.exists());
    for folder in kept {
        assert!(folder.join("a.ts").exists(), "{}", folder.display());
    }
}
