//! Who loses a job, and what becomes of it.

use super::*;

#[test]
fn who_has_lost_the_lease_can_change_nothing() {
    let app = TestApp::start();
    let worker = app.worker();
    let (job_id, late) = claimed(&app, &worker, "new");
    assert_eq!(late.put(&app, "v720p/00000.m4s", b"of the late worker").status, 204);
    lapse(&app, &job_id);
    assert_eq!(app.title("new").state, TitleState::Queued);
    // Far enough back that no pause of this test reaches the end of the wait.
    app.clock.advance(-600);
    assert!(worker.claim(&app).is_none(), "not before the wait is over");
    app.clock.advance(600 + 5);
    let second = worker.claim(&app).expect("the job is put back");
    assert_eq!((second.job.attempt, second.job.version), (2, 2));
    assert_ne!(second.secret, late.secret, "a secret is never used by two runs");
    for response in [
        late.heartbeat(&app, json!({})),
        late.put(&app, "v720p/00001.m4s", b"too late"),
        late.request(&app, "GET", "source").send(),
        late.complete(&app),
        late.request(&app, "POST", "complete").json("{}").send(),
        late.request(&app, "POST", "complete").body("of no type").send(),
        late.fail(&app, "ffmpeg_failed", false),
    ] {
        assert_eq!(response.code(), "lease_lost");
    }
    second.store_all(&app);
    assert_eq!(second.complete(&app).status, 200);
    assert_eq!(app.title("new").version, Some(2));
    assert_eq!(files_below(&app.media_dir().join("new.2")).len(), FILES.len());
    app.until("the lost version is swept", || !app.media_dir().join("new").exists());
    assert!(app.block_on(app.installation().store().title_version(&"new".parse().unwrap(), 1)).unwrap().is_none());
    app.player().play_title("new");
}

#[test]
fn a_worker_that_was_silent_goes_on_if_nobody_took_its_job() {
    let app = TestApp::start();
    let worker = app.worker();
    let (job_id, claimed) = claimed(&app, &worker, "new");
    lapse(&app, &job_id);
    assert_eq!(app.job(&job_id)["failure"]["code"], "worker_lost");
    assert_eq!(claimed.heartbeat(&app, json!({})).status, 200);
    let job = app.job(&job_id);
    assert_eq!((&job["state"], &job["failure"]), (&json!("running"), &Value::Null));
    app.clock.advance(6);
    assert!(worker.claim(&app).is_none(), "it is taken");
    claimed.store_all(&app);
    assert_eq!(claimed.complete(&app).status, 200);
    assert_eq!(app.title("new").version, Some(1));
}

#[test]
fn attempts_end() {
    let app = TestApp::start();
    let worker = app.worker();
    let job_id = app.queue("new", SOURCE, settings());
    for (attempt, wait_secs) in [(1, 5), (2, 20), (3, 80), (4, 320)] {
        assert_eq!(worker.claim(&app).expect("another attempt").job.attempt, attempt);
        let before = app.now() + 31;
        lapse(&app, &job_id);
        let job = app.job(&job_id);
        assert_eq!(job["state"], "queued");
        let put_back_at = job["runAfter"].as_u64().unwrap() - wait_secs;
        assert!((before..=app.now()).contains(&put_back_at), "attempt {attempt} waits {wait_secs} s");
        app.clock.advance(i64::try_from(wait_secs).unwrap());
    }
    let last = worker.claim(&app).expect("the fifth attempt");
    lapse(&app, &job_id);
    let job = app.job(&job_id);
    assert_eq!((&job["state"], &job["failure"]["code"]), (&json!("failed"), &json!("worker_lost")));
    let title = app.title("new");
    assert_eq!((title.state, title.failure.unwrap().code.as_str()), (TitleState::Failed, "worker_lost"));
    assert_eq!(last.heartbeat(&app, json!({})).code(), "lease_lost");
    app.clock.advance(100_000);
    assert!(worker.claim(&app).is_none());
    assert!(app.config.uploads_dir().join("upload-new").exists(), "the source of a failed title stays for a retry");
}

#[test]
fn a_failure_is_tried_again_or_final_as_the_worker_says() {
    let app = TestApp::start();
    let worker = app.worker();
    let (job_id, first) = claimed(&app, &worker, "new");
    assert_eq!(first.fail(&app, "Not a code", true).code(), "malformed_request");
    assert_eq!(first.fail(&app, "ffmpeg_failed", true).status, 204);
    assert_eq!(first.heartbeat(&app, json!({})).code(), "lease_lost", "who has given up has nothing to prolong");
    let job = app.job(&job_id);
    assert_eq!((&job["state"], &job["failure"]["code"]), (&json!("queued"), &json!("ffmpeg_failed")));
    app.clock.advance(5);
    let second = worker.claim(&app).unwrap();
    assert_eq!(second.fail(&app, "interrupted", true).status, 204);
    let third = worker.claim(&app).expect("a job that was given back is free at once");
    assert_eq!((third.job.attempt, third.job.version), (2, 3), "and has cost no attempt");
    assert_eq!(third.fail(&app, "ladder_invalid", false).status, 204);
    assert_eq!(app.job(&job_id)["state"], "failed");
    assert_eq!(app.title("new").failure.unwrap().code, "ladder_invalid");
    app.until("no attempt's folder or secret stays", || {
        let gone = |version| {
            app.block_on(app.installation().store().title_version(&"new".parse().unwrap(), version)).unwrap().is_none()
        };
        (1..=3).all(gone)
    });
}

#[test]
fn a_job_can_be_cancelled_while_it_runs() {
    let app = TestApp::start();
    let (job_id, claimed) = claimed(&app, &app.worker(), "new");
    let path = format!("/v1/jobs/{job_id}/cancel");
    let stranger = app.replica();
    assert_eq!(stranger.authorized("POST", &path).json("{}").send().code(), "not_found");
    assert_eq!(app.authorized("POST", &path).json("{}").send().value()["state"], "cancelled");
    assert_eq!(app.authorized("POST", &path).json("{}").send().status, 200, "harmless to repeat");
    assert_eq!(claimed.heartbeat(&app, json!({})).value()["cancelled"], true);
    assert_eq!(claimed.put(&app, "v720p/00000.m4s", b"x").code(), "lease_lost");
    assert_eq!(claimed.complete(&app).code(), "lease_lost");
    assert_eq!(app.title("new").failure.unwrap().code, "job_cancelled");
}

#[test]
fn the_jobs_of_a_deleted_title_end() {
    let app = TestApp::start();
    let worker = app.worker();
    let (_, claimed) = claimed(&app, &worker, "new");
    assert_eq!(claimed.put(&app, "v720p/00000.m4s", b"x").status, 204);
    assert_eq!(app.authorized("DELETE", "/v1/titles/new").send().status, 204);
    assert_eq!(claimed.heartbeat(&app, json!({})).code(), "lease_lost");
    assert_eq!(claimed.complete(&app).code(), "lease_lost");
    assert!(worker.claim(&app).is_none());
}

#[test]
fn a_retired_key_takes_its_jobs_from_its_holder() {
    let app = TestApp::start();
    let (retired, other) = (app.worker(), app.worker());
    let (held_id, held) = claimed(&app, &retired, "held");
    let (lapsed_id, lapsed) = claimed(&app, &retired, "lapsed");
    app.clock.advance(8);
    assert_eq!(held.heartbeat(&app, json!({})).status, 200);
    app.clock.advance(8);
    app.until("a lease runs out", || app.job(&lapsed_id)["state"] == "queued");
    let (others_id, others) = claimed(&app, &other, "others");
    assert_eq!(held.request(&app, "GET", "source").send().status, 200);
    assert_eq!(lapsed.request(&app, "GET", "source").send().status, 200, "nobody has claimed it since");
    let (key_id, now) = (retired.key_id(), i64::try_from(app.now()).unwrap());
    assert!(app.block_on(workers::retire(app.installation(), &key_id, now)).unwrap());
    for attempt in [&held, &lapsed] {
        assert_eq!(attempt.request(&app, "GET", "source").send().code(), "lease_lost");
        assert_eq!(attempt.heartbeat(&app, json!({})).code(), "lease_lost");
        assert_eq!(attempt.put(&app, "cover.jpg", b"x").code(), "lease_lost");
        assert_eq!(attempt.complete(&app).code(), "lease_lost");
    }
    assert_eq!(retired.try_claim(&app, json!({})).0.code(), "api_key_invalid");
    let job = app.job(&held_id);
    assert_eq!((&job["state"], &job["attempt"]), (&json!("queued"), &json!(0)), "nobody's failure");
    assert_eq!(app.title("held").state, TitleState::Queued);
    assert_eq!(others.request(&app, "GET", "source").send().status, 200, "another key's job goes on");
    assert_eq!(app.job(&others_id)["state"], "running");
    let mut again = [other.claim(&app).unwrap().id().to_owned(), other.claim(&app).unwrap().id().to_owned()];
    again.sort();
    assert_eq!(again, [held_id, lapsed_id]);
}

#[test]
fn a_worker_goes_on_after_the_server_was_started_anew() {
    let mut app = TestApp::start();
    let worker = app.worker();
    let (job_id, claimed) = claimed(&app, &worker, "new");
    assert_eq!(claimed.put(&app, FILES[0].0, FILES[0].1).status, 204);
    app.stop();
    let again = app.replica();
    assert_eq!(claimed.heartbeat(&again, json!({})).status, 200);
    for (path, content) in &FILES[1..] {
        assert_eq!(claimed.put(&again, path, content).status, 204);
    }
    assert_eq!(claimed.complete(&again).status, 200);
    assert_eq!(again.title("new").state, TitleState::Published);
    let job = again.block_on(again.installation().store().job(&job_id.parse().unwrap())).unwrap().unwrap();
    assert_eq!(job.attempt, 1);
}
