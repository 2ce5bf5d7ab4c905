//! Who gets which job.

use super::*;

#[test]
fn a_source_is_served_by_ranges() {
    let app = TestApp::start();
    let (_, claimed) = claimed(&app, &app.worker(), "new");
    let get = |range: Option<&str>| {
        let request = claimed.request(&app, "GET", "source");
        match range {
            Some(range) => request.header("Range", range).send(),
            None => request.send(),
        }
    };
    let whole = get(None);
    assert_eq!((whole.status, whole.body.as_slice()), (200, SOURCE));
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    let len = SOURCE.len();
    for (range, expected) in [
        ("bytes=0-0", &SOURCE[..1]),
        ("bytes=4-9", &SOURCE[4..10]),
        ("bytes=10-", &SOURCE[10..]),
        ("bytes=-5", &SOURCE[len - 5..]),
        ("bytes=40-4000", &SOURCE[40..]),
    ] {
        let part = get(Some(range));
        assert_eq!((part.status, part.body.as_slice()), (206, expected), "{range}");
        assert!(part.header("content-range").unwrap().ends_with(&format!("/{len}")));
    }
    let behind = get(Some(&format!("bytes={len}-")));
    assert_eq!(behind.header("content-range"), Some(format!("bytes */{len}").as_str()));
    assert_eq!(behind.code(), "range_not_satisfiable");
    assert_eq!(get(Some("bytes=0-1,4-5")).body, SOURCE, "several ranges are answered with the whole");
    let at_rest = std::fs::read(app.config.uploads_dir().join("upload-new")).unwrap();
    assert!(!at_rest.windows(8).any(|window| SOURCE.windows(8).any(|clear| clear == window)));
}

#[test]
fn two_workers_share_a_queue_and_every_title_is_made_once() {
    const JOBS: usize = 20;
    let app = TestApp::start();
    let titles: Vec<String> = (0..JOBS).map(|n| format!("t{n}")).collect();
    for file_id in &titles {
        app.queue(file_id, SOURCE, settings());
    }
    let workers = [app.worker(), app.worker()];
    let work = |worker: &FakeWorker| {
        let mut done = Vec::new();
        while let Some(claimed) = worker.claim(&app) {
            assert_eq!(claimed.heartbeat(&app, json!({})).status, 200);
            claimed.store_all(&app);
            assert_eq!(claimed.complete(&app).status, 200);
            done.push(claimed.job.file_id.to_string());
        }
        done
    };
    // The first to come may not take all of it away before the second has begun.
    let first = workers.iter().map(|worker| worker.claim(&app).unwrap()).collect::<Vec<_>>();
    let mut done: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = workers.iter().map(|worker| scope.spawn(|| work(worker))).collect();
        running.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    for claimed in &first {
        claimed.store_all(&app);
        assert_eq!(claimed.complete(&app).status, 200);
        done.push(claimed.job.file_id.to_string());
    }
    assert_eq!(done.len(), JOBS);
    assert_eq!(done.into_iter().collect::<BTreeSet<_>>(), titles.iter().cloned().collect());
    for file_id in &titles {
        let title = app.title(file_id);
        assert_eq!((title.state, title.version, title.last_version), (TitleState::Published, Some(1), 1));
    }
}

#[test]
fn a_token_opens_its_own_job_and_nothing_else() {
    let app = TestApp::start();
    let worker = app.worker();
    let (_, first) = claimed(&app, &worker, "a");
    let (other_id, second) = claimed(&app, &worker, "b");
    let source = |job_id: &str, token: &str| {
        let request = app.request("GET", &format!("/v1/jobs/{job_id}/source"));
        request.header("Authorization", &format!("Bearer {token}")).send()
    };
    assert_eq!(source(first.id(), &first.job.token).status, 200);
    let of_another_version = second.job.token.replace("_1_", "_2_");
    let api_key = app.app.api_key.expose_text();
    for token in [&first.job.token, &of_another_version, &worker.key_text(), &api_key, ""] {
        assert_eq!(source(&other_id, token).code(), "api_key_invalid");
    }
    let claim = app.authorized("POST", "/v1/jobs/claim").json("{}").send();
    assert_eq!(claim.code(), "scope_missing", "an application's key claims nothing");
    for path in ["/v1/titles", "/v1/jobs", "/v1/workflows"] {
        let request = app.request("GET", path).header("Authorization", &format!("Bearer {}", worker.key_text()));
        assert_eq!(request.send().code(), "scope_missing", "{path}");
        let request = app.request("GET", path).header("Authorization", &format!("Bearer {}", first.job.token));
        assert_eq!(request.send().code(), "api_key_invalid", "{path}");
    }
}

#[test]
fn an_unfit_claim_is_refused() {
    let app = TestApp::start();
    let worker = app.worker();
    app.queue("new", SOURCE, settings());
    let code = |more: Value| worker.try_claim(&app, more).0.code();
    assert_eq!(code(json!({ "worker": "" })), "malformed_request");
    assert_eq!(code(json!({ "worker": "w".repeat(129) })), "malformed_request");
    assert_eq!(code(json!({ "waitSecs": 21 })), "malformed_request");
    assert_eq!(code(json!({ "publicKey": "AAAA" })), "public_key_invalid");
    assert_eq!(worker.claim(&app).unwrap().job.attempt, 1, "no refusal took the job");
}

#[test]
fn a_claim_waits_for_a_job() {
    let app = TestApp::start();
    let worker = app.worker();
    let waiting = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| worker.claim_waiting(&app, 20));
        app.queue("new", SOURCE, settings());
        waiting.join().unwrap()
    });
    assert_eq!(waiting.unwrap().id(), "job-new");
}

#[test]
fn the_highest_priority_is_claimed_first() {
    let app = TestApp::start();
    let worker = app.worker();
    app.queue("a", SOURCE, settings());
    app.clock.advance(1);
    let urgent = app.queue("b", SOURCE, settings());
    let patch = |body: Value| app.authorized("PATCH", &format!("/v1/jobs/{urgent}")).json(body.to_string()).send();
    for body in [json!({ "priority": 101 }), json!({ "priority": "high" }), json!({})] {
        assert_eq!(patch(body).code(), "malformed_request");
    }
    assert_eq!(patch(json!({ "priority": 1 })).value()["priority"], 1);
    assert_eq!(worker.claim(&app).unwrap().id(), urgent);
    assert_eq!(worker.claim(&app).unwrap().id(), "job-a");
}
