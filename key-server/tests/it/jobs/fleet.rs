//! Workers that tell who they are: what they are given, how they are drained, and which releases work together.

use keyveil_protocol::workflow::LadderSettings;

use super::*;

fn listed(app: &TestApp) -> Vec<Value> {
    let response = app.authorized("GET", "/v1/workers").send();
    assert_eq!(response.status, 200, "{}", response.text());
    response.value()["workers"].as_array().unwrap().clone()
}

fn post(app: &TestApp, id: &str, what: &str) -> crate::support::Response {
    app.authorized("POST", &format!("/v1/workers/{id}/{what}")).json("{}").send()
}

#[test]
fn a_worker_is_listed_as_it_told_of_itself_and_as_long_as_it_is_heard_of() {
    let app = TestApp::start();
    app.clock.stand();
    let worker = app.worker();
    let answer = worker.register(&app, "w1", json!({ "starting": true })).value();
    assert_eq!(answer, json!({ "workerId": "w1", "protocolVersion": 2, "drain": false, "againSecs": 10 }));
    let job_id = app.queue("new", SOURCE, settings());
    assert_eq!(worker.claim_as(&app, "w1").unwrap().id(), job_id);
    let now = app.now();
    let job = json!({ "jobId": job_id, "fileId": "new", "kind": "package", "percent": null });
    let expected = json!({
        "workerId": "w1", "name": "rack-7", "version": "9.9.9", "protocolVersion": 2, "state": "online", "drain": false,
        "cpus": 4, "memoryBytes": 8_u64 << 30, "jobsMax": 2, "kinds": ["package", "reencrypt"], "encoders": ["libx264"],
        "jobsRunning": 1, "jobs": [job], "startedAt": now, "lastSeenAt": now,
    });
    assert_eq!(listed(&app), [expected]);
    app.clock.advance(45);
    assert_eq!(listed(&app)[0]["state"], "online");
    app.clock.advance(1);
    assert_eq!(listed(&app)[0]["state"], "offline");
    worker.register(&app, "w1", json!({ "memoryBytes": null, "leaving": true }));
    let row = &listed(&app)[0];
    assert_eq!(
        (&row["state"], &row["startedAt"], &row["memoryBytes"]),
        (&json!("draining"), &json!(now), &json!(null))
    );
    worker.register(&app, "w1", json!({ "starting": true }));
    assert_eq!(listed(&app)[0]["startedAt"], now + 46);
}

#[test]
fn what_a_registration_may_not_say_is_refused() {
    let app = TestApp::start();
    let worker = app.worker();
    let long = "w".repeat(129);
    let many = vec!["h264_x"; 17];
    for more in [
        json!({ "name": "" }),
        json!({ "name": long }),
        json!({ "name": "a\nb" }),
        json!({ "version": "" }),
        json!({ "cpus": 0 }),
        json!({ "cpus": 4097 }),
        json!({ "cpus": -1 }),
        json!({ "memoryBytes": u64::MAX }),
        json!({ "jobs": 0 }),
        json!({ "jobs": 65 }),
        json!({ "kinds": ["sing"] }),
        json!({ "kinds": ["package", "package", "package"] }),
        json!({ "encoders": ["LIBX264"] }),
        json!({ "encoders": [""] }),
        json!({ "encoders": many }),
        json!({ "protocolVersions": { "min": 2, "max": 1 } }),
        json!({ "protocolVersions": null }),
    ] {
        assert_eq!(worker.register(&app, "w1", more.clone()).code(), "malformed_request", "{more}");
    }
    assert_eq!(worker.register(&app, "a%20b", json!({})).code(), "malformed_request");
    let stranger = app.request("PUT", "/v1/workers/w1").json("{}").send();
    assert_eq!(stranger.code(), "api_key_invalid");
    let api_key = app.authorized("PUT", "/v1/workers/w1").json("{}").send();
    assert_eq!(api_key.code(), "scope_missing", "an application's key is no worker");
    assert!(listed(&app).is_empty());
}

#[test]
fn an_id_belongs_to_the_key_that_it_works_with() {
    let app = TestApp::start();
    app.clock.stand();
    let (own, other) = (app.worker(), app.worker());
    assert_eq!(own.register(&app, "w1", json!({})).status, 200);
    assert_eq!(other.register(&app, "w1", json!({})).code(), "malformed_request");
    app.queue("new", SOURCE, settings());
    let (refused, _, _) = other.try_claim(&app, json!({ "workerId": "w1", "protocolVersion": 2 }));
    assert_eq!((refused.status, refused.code().as_str()), (404, "worker_unknown"));
    app.clock.advance(46);
    assert_eq!(other.register(&app, "w1", json!({})).status, 200, "nobody else is there any more");
    assert!(other.claim_as(&app, "w1").is_some());
    assert_eq!(own.register(&app, "w1", json!({})).code(), "malformed_request");
    assert_eq!(other.register(&app, "w1", json!({ "leaving": true })).status, 200);
    assert_eq!(own.register(&app, "w1", json!({ "starting": true })).status, 200, "it took its leave");
    app.clock.advance(46);
    assert_eq!(other.register(&app, "w1", json!({})).status, 200);
    let now = i64::try_from(app.now()).unwrap();
    assert!(app.block_on(workers::retire(app.installation(), &other.key_id(), now)).unwrap());
    assert!(listed(&app).is_empty(), "a retired key's worker is none");
}

#[test]
fn a_worker_is_never_given_more_jobs_than_it_takes() {
    let app = TestApp::start();
    app.clock.stand();
    let worker = app.worker();
    for name in ["a", "b", "c", "d"] {
        app.queue(name, SOURCE, settings());
    }
    worker.register(&app, "w1", json!({ "jobs": 2, "starting": true }));
    let first = worker.claim_as(&app, "w1").unwrap();
    assert!(worker.claim_as(&app, "w1").is_some());
    assert!(worker.claim_as(&app, "w1").is_none(), "two at a time");
    worker.register(&app, "w2", json!({ "jobs": 1 }));
    assert!(worker.claim_as(&app, "w2").is_some(), "each counts for itself");
    assert_eq!(first.fail(&app, "ffmpeg_failed", false).status, 204);
    assert!(worker.claim_as(&app, "w1").is_some(), "one has ended");
    app.queue("e", SOURCE, settings());
    assert!(worker.claim_as(&app, "w1").is_none());
    app.clock.advance(1);
    worker.register(&app, "w1", json!({ "jobs": 1, "starting": true }));
    assert!(worker.claim_as(&app, "w1").is_some(), "what a process held that is gone does not count");
}

#[test]
fn claims_at_the_same_moment_get_no_more_than_the_worker_takes() {
    let app = TestApp::start();
    let worker = app.worker();
    for n in 0..8 {
        app.queue(&format!("t{n}"), SOURCE, settings());
    }
    worker.register(&app, "w1", json!({ "jobs": 3, "starting": true }));
    let got = std::thread::scope(|scope| {
        let claims: Vec<_> = (0..8).map(|_| scope.spawn(|| worker.claim_as(&app, "w1").is_some())).collect();
        claims.into_iter().map(|claim| claim.join().unwrap()).filter(|got| *got).count()
    });
    assert_eq!(got, 3);
}

#[test]
fn a_job_is_given_only_to_a_worker_that_can_do_it() {
    let app = TestApp::start();
    app.clock.stand();
    let worker = app.worker();
    // More than are looked at together, all in front of the one that it can do.
    for n in 0..60 {
        app.queue(&format!("t{n}"), SOURCE, settings());
    }
    app.clock.advance(1);
    let copied = app.queue("copied", SOURCE, WorkflowSettings { ladder: LadderSettings::Copy, ..settings() });
    worker.register(&app, "w1", json!({ "kinds": ["reencrypt"], "encoders": [] }));
    assert!(worker.claim_as(&app, "w1").is_none(), "it has no ffmpeg");
    worker.register(&app, "w1", json!({ "encoders": ["h264_nvenc"] }));
    assert_eq!(worker.claim_as(&app, "w1").unwrap().id(), copied, "no workflow allows another encoder");
    assert!(worker.claim_as(&app, "w1").is_none());
    worker.register(&app, "w1", json!({}));
    assert_eq!(worker.claim_as(&app, "w1").unwrap().id(), "job-t0");
}

#[test]
fn a_drained_worker_finishes_what_it_has_and_takes_no_more_until_it_is_undrained() {
    let app = TestApp::start();
    let worker = app.worker();
    assert_eq!(post(&app, "w1", "drain").code(), "not_found");
    worker.register(&app, "w1", json!({}));
    app.queue("a", SOURCE, settings());
    let held = worker.claim_as(&app, "w1").unwrap();
    let drained = post(&app, "w1", "drain").value();
    assert_eq!(
        (&drained["state"], &drained["drain"], &drained["jobsRunning"]),
        (&json!("draining"), &json!(true), &json!(1))
    );
    assert_eq!(post(&app, "w1", "drain").status, 200, "harmless to repeat");
    assert_eq!(worker.register(&app, "w1", json!({ "starting": true })).value()["drain"], true);
    app.queue("b", SOURCE, settings());
    let begun = std::time::Instant::now();
    let (response, _, _) = worker.try_claim(&app, json!({ "workerId": "w1", "protocolVersion": 2, "waitSecs": 20 }));
    assert_eq!(response.status, 204);
    assert!(begun.elapsed().as_secs() < 10, "it is told at once");
    held.store_all(&app);
    assert_eq!(held.complete(&app).status, 200, "what it has it finishes");
    assert_eq!(post(&app, "w1", "undrain").value()["state"], "online");
    assert_eq!(worker.claim_as(&app, "w1").unwrap().id(), "job-b");
    let audit = app.authorized("GET", "/v1/audit?kind=worker_drained").send().value();
    assert!(audit["audit"].as_array().unwrap().is_empty(), "it concerns no application: {audit}");
}

#[test]
fn a_waiting_claim_ends_when_its_worker_is_drained() {
    let app = TestApp::start();
    let worker = app.worker();
    worker.register(&app, "w1", json!({}));
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let more = json!({ "workerId": "w1", "protocolVersion": 2, "waitSecs": 20 });
            worker.try_claim(&app, more).0.status
        });
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert_eq!(post(&app, "w1", "drain").status, 200);
        assert_eq!(waiting.join().unwrap(), 204);
    });
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}

#[test]
fn only_who_manages_sees_and_drains_workers() {
    let app = TestApp::start();
    let worker = app.worker();
    worker.register(&app, "w1", json!({}));
    let made =
        app.authorized("POST", "/v1/api-keys").json(json!({ "name": "n", "scopes": ["read", "write"] }).to_string());
    let key = made.send().value()["text"].as_str().unwrap().to_owned();
    for (method, path) in [("GET", "/v1/workers"), ("POST", "/v1/workers/w1/drain"), ("POST", "/v1/workers/w1/undrain")]
    {
        for (key, code) in
            [(key.as_str(), "scope_missing"), (&worker.key_text(), "scope_missing"), ("kv_x.y", "api_key_invalid")]
        {
            let request = app.request(method, path).header("Authorization", &format!("Bearer {key}"));
            assert_eq!(request.json("{}").send().code(), code, "{method} {path}");
        }
    }
    let unfit = app.authorized("POST", "/v1/workers/w1/drain").json(json!({ "drain": 1 }).to_string()).send();
    assert_eq!(unfit.code(), "malformed_request");
    assert_eq!(listed(&app)[0]["state"], "online");
}

/// Byte for byte what the release before sent: no id, no version.
#[test]
fn a_worker_of_the_release_before_goes_on_working() {
    let app = TestApp::start();
    let worker = app.worker();
    app.queue("new", SOURCE, settings());
    let body = r#"{"publicKey":"CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","worker":"old","waitSecs":0}"#;
    let request =
        app.request("POST", "/v1/jobs/claim").header("Authorization", &format!("Bearer {}", worker.key_text()));
    let claimed = request.json(body).send();
    assert_eq!(claimed.status, 200, "{}", claimed.text());
    let claimed = Claimed { job: claimed.parsed(), secret: None };
    assert_eq!(claimed.heartbeat(&app, json!({})).status, 200);
    claimed.store_all(&app);
    assert_eq!(claimed.complete(&app).status, 200);
    assert_eq!(app.title("new").state, TitleState::Published);
    assert!(listed(&app).is_empty(), "it has told nothing of itself");
}

#[test]
fn a_worker_of_another_age_is_told_what_to_upgrade_and_gets_no_job() {
    let app = TestApp::start();
    let worker = app.worker();
    let job_id = app.queue("new", SOURCE, settings());
    // Whatever else the future holds is not looked at.
    let future = json!({ "protocolVersions": { "min": 3, "max": 4 }, "name": 7, "jobs": "many" });
    let refused = worker.register(&app, "w1", future);
    assert_eq!((refused.status, refused.code().as_str()), (409, "worker_too_new"));
    let error = &refused.value()["error"];
    assert!(error["message"].as_str().unwrap().contains("upgrade the key server"), "{error}");
    assert_eq!(error["detail"], "protocol versions: the worker's are 3 to 4, the server's 1 to 2");
    let past = worker.register(&app, "w1", json!({ "protocolVersions": { "min": 0, "max": 0 } }));
    assert_eq!((past.status, past.code().as_str()), (409, "worker_too_old"));
    assert!(past.value()["error"]["message"].as_str().unwrap().contains("upgrade the packager"));
    for (version, code) in [(3, "worker_too_new"), (0, "worker_too_old")] {
        let more = json!({ "workerId": "w1", "protocolVersion": version, "waitSecs": "long" });
        assert_eq!(worker.try_claim(&app, more).0.code(), code);
    }
    let nameless = worker.try_claim(&app, json!({ "protocolVersion": 2 })).0;
    assert_eq!(nameless.code(), "malformed_request");
    let unknown = worker.try_claim(&app, json!({ "protocolVersion": 2, "workerId": "w1" })).0;
    assert_eq!(unknown.code(), "worker_unknown");
    let job = app.job(&job_id);
    assert_eq!((&job["state"], &job["attempt"]), (&json!("queued"), &json!(0)));
    assert!(listed(&app).is_empty());
    // The next release still speaks with this one.
    let next = worker.register(&app, "w1", json!({ "protocolVersions": { "min": 2, "max": 3 } }));
    assert_eq!(next.value()["protocolVersion"], 2);
    assert!(worker.claim_as(&app, "w1").is_some());
}

#[test]
fn workers_that_are_gone_for_days_are_forgotten() {
    let app = TestApp::start();
    app.clock.stand();
    let worker = app.worker();
    worker.register(&app, "gone", json!({}));
    app.clock.advance(3 * 24 * 3600);
    worker.register(&app, "here", json!({}));
    let store = app.installation().store();
    let seen_before = |before: i64| app.block_on(store.delete_workers_seen_before(before)).unwrap();
    let now = i64::try_from(app.now()).unwrap();
    assert_eq!(seen_before(now - 3 * 24 * 3600), 0, "not yet");
    app.clock.advance(1);
    assert_eq!(seen_before(now + 1 - 3 * 24 * 3600), 1);
    assert_eq!(listed(&app).len(), 1);
    assert_eq!(listed(&app)[0]["workerId"], "here");
}
