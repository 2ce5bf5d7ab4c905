use std::collections::BTreeSet;
use std::path::Path;

use keyveil_key_server::actions::workers;
use keyveil_key_server::store::{JobKind, NewJob, TitleState};
use keyveil_protocol::job::JobWork;
use keyveil_protocol::workflow::{Publish, WorkflowSettings};
use serde_json::{Value, json};

use crate::support::{Claimed, FILES, FakeWorker, TITLE, TestApp, media};

const SOURCE: &[u8] = b"not really a video, but every byte of it counts";
const LEASE_SECS: i64 = 30;

fn settings() -> WorkflowSettings {
    WorkflowSettings::default()
}

/// A title whose job has been claimed.
fn claimed(app: &TestApp, worker: &FakeWorker, file_id: &str) -> (String, Claimed) {
    let job_id = app.queue(file_id, SOURCE, settings());
    let claimed = worker.claim(app).expect("a job");
    assert_eq!(claimed.id(), job_id);
    (job_id, claimed)
}

/// Lets a lease run out and waits until the server has noticed.
fn lapse(app: &TestApp, job_id: &str) {
    app.clock.advance(LEASE_SECS + 1);
    app.until("the lease runs out", || app.job(job_id)["state"] != "running");
}

fn files_below(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path.display().to_string()) }
    }
    files
}

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
fn a_source_becomes_a_title_that_plays() {
    let app = TestApp::start();
    let worker = app.worker();
    assert!(worker.claim(&app).is_none(), "there is nothing to do yet");
    let (job_id, claimed) = claimed(&app, &worker, "new");
    let job = &claimed.job;
    assert_eq!((job.attempt, job.version, job.lease_secs), (1, 1, 10));
    let JobWork::Package { file_name, source_len, settings } = &job.work else { panic!("a package job") };
    assert_eq!((file_name.as_str(), *source_len, settings), ("film.mp4", SOURCE.len() as u64, &self::settings()));
    assert_eq!(claimed.secret, Some(app.secret("new")));
    assert_eq!(app.title("new").state, TitleState::Transcoding);
    assert!(worker.claim(&app).is_none(), "a job is claimed once");

    let beat = claimed.heartbeat(&app, json!({ "stage": "encrypting" }));
    assert_eq!(beat.value(), json!({ "cancelled": false, "leaseSecs": 30 }));
    assert_eq!(app.title("new").state, TitleState::Encrypting);
    assert_eq!(app.job(&job_id)["percent"], 12.5);
    claimed.store_all(&app);
    let source = app.config.uploads_dir().join("upload-new");
    assert!(source.exists());
    let before = app.title("new").change_seq;
    let done = claimed.complete(&app);
    assert_eq!(done.value(), json!({ "fileId": "new", "version": 1 }));
    let title = app.title("new");
    assert_eq!((title.state, title.version, title.duration_ms), (TitleState::Published, Some(1), Some(6000)));
    let stored: usize = FILES.iter().map(|(_, content)| content.len()).sum();
    assert_eq!(title.stored_bytes, Some(stored as u64));
    assert!(title.change_seq > before);
    assert!(!source.exists(), "a source is removed when its version is committed");
    assert_eq!(app.job(&job_id)["state"], "done");
    let (play, _) = app.player().play_title("new");
    let playlist = app.get(play.playlist_url.split_once(app.address()).unwrap().1);
    assert_eq!(playlist.body, FILES[0].1);
    assert_eq!(claimed.heartbeat(&app, json!({})).code(), "lease_lost");
    assert!(app.block_on(app.installation().store().verify_audit()).unwrap().is_ok());
}

#[test]
fn a_workflow_may_leave_publishing_to_a_person() {
    let app = TestApp::start();
    app.queue("new", SOURCE, WorkflowSettings { publish: Publish::Manual, ..settings() });
    let claimed = app.worker().claim(&app).unwrap();
    claimed.store_all(&app);
    assert_eq!(claimed.complete(&app).status, 200);
    assert_eq!(app.title("new").state, TitleState::Ready);
}

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
fn a_version_with_a_missing_file_is_not_committed() {
    let app = TestApp::start();
    let (_, claimed) = claimed(&app, &app.worker(), "new");
    let (last, content) = FILES[5];
    for (path, content) in FILES.iter().filter(|(path, _)| *path != last) {
        assert_eq!(claimed.put(&app, path, content).status, 204);
    }
    let incomplete = claimed.complete(&app);
    assert_eq!(incomplete.code(), "media_incomplete");
    assert_eq!(incomplete.value()["error"]["detail"], format!("{last} is missing"));
    assert_eq!(app.title("new").version, None);
    assert_eq!(claimed.put(&app, last, b"").status, 204);
    assert_eq!(claimed.complete(&app).code(), "media_incomplete", "an empty file is none");
    assert_eq!(claimed.put(&app, last, content).status, 204, "a file may be stored again");
    assert_eq!(claimed.request(&app, "POST", "complete").json("{}").send().code(), "malformed_request");
    let complete = |media: &Value, cover: Value| {
        let body = json!({ "media": media, "cover": cover, "sprites": null }).to_string();
        claimed.request(&app, "POST", "complete").json(body).send()
    };
    assert_eq!(complete(&media(), json!("../cover.jpg")).code(), "malformed_request");
    assert_eq!(complete(&media(), json!("v720p/00000.m4s")).code(), "malformed_request");
    let mut clear = media();
    clear["cipher"] = Value::Null;
    assert_eq!(complete(&clear, Value::Null).code(), "malformed_request", "a private title is not committed clear");
    assert_eq!(claimed.complete(&app).status, 200);
    assert_eq!(claimed.complete(&app).status, 200, "harmless to repeat");
    let mut other = media();
    other["durationMs"] = json!(1);
    assert_eq!(complete(&other, Value::Null).code(), "lease_lost");
}

#[test]
fn a_playlist_that_leads_out_of_its_folder_is_not_followed() {
    let app = TestApp::start();
    let (_, claimed) = claimed(&app, &app.worker(), "new");
    claimed.store_all(&app);
    for line in ["../../film/v/init.mp4", "/etc/passwd", "https://example.com/a.ts", "a%2fb.ts"] {
        let playlist = format!("#EXTM3U\n#EXTINF:6,\n{line}\n");
        assert_eq!(claimed.put(&app, "audio/playlist.m3u8", playlist.as_bytes()).status, 204);
        assert_eq!(claimed.complete(&app).code(), "media_incomplete", "{line}");
    }
    for playlist in [&b""[..], b"no playlist\n", b"#EXTM3U\n\xff\n"] {
        assert_eq!(claimed.put(&app, "audio/playlist.m3u8", playlist).status, 204);
        assert_eq!(claimed.complete(&app).code(), "media_incomplete");
    }
    assert_eq!(claimed.put(&app, "audio/playlist.m3u8", FILES[4].1).status, 204);
    assert_eq!(claimed.complete(&app).status, 200);
}

#[test]
fn a_file_is_stored_whole_or_not_at_all() {
    let app = TestApp::start();
    let (_, claimed) = claimed(&app, &app.worker(), "new");
    let hash = |content: &[u8]| hex::encode(ring::digest::digest(&ring::digest::SHA256, content).as_ref());
    let put = |path: &str| claimed.request(&app, "PUT", &format!("media/{path}"));
    let (good, content) = ("v720p/00000.m4s", b"content");
    let hashed = || put(good).header("Keyveil-Sha256", &hash(content));
    assert_eq!(put(good).header("Keyveil-Sha256", &hash(b"other")).body(content).send().code(), "checksum_mismatch");
    assert_eq!(put(good).body(content).send().code(), "malformed_request", "no hash");
    let upper = hash(content).to_uppercase();
    assert_eq!(put(good).header("Keyveil-Sha256", &upper).body(content).send().code(), "malformed_request");
    let chunked = hashed().header("Transfer-Encoding", "chunked").raw_body("7\r\ncontent\r\n0\r\n\r\n");
    assert_eq!(chunked.send().code(), "malformed_request", "no length");
    let too_long = (512_u64 << 20) + 17;
    assert_eq!(hashed().header("Content-Length", &too_long.to_string()).send().code(), "body_too_large");
    assert_eq!(hashed().header("Content-Length", "100").raw_body("content").send().code(), "malformed_request");
    for path in ["../x.ts", "a/../../x.ts", ".hidden.ts", "a%2fb.ts", "%2e%2e/x.ts", "x.exe", "", "a//b.ts"] {
        assert_eq!(claimed.put(&app, path, content).code(), "not_found", "{path}");
    }
    let folder = app.media_dir().join("new");
    app.until("nothing is left behind", || files_below(&folder).is_empty());
    assert!(!app.media_dir().join("x.ts").exists());
    assert_eq!(claimed.put(&app, good, content).status, 204);
    assert_eq!(std::fs::read(folder.join(good)).unwrap(), content);
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

#[test]
fn a_jobs_log_is_kept_and_bounded() {
    let app = TestApp::start();
    let (job_id, claimed) = claimed(&app, &app.worker(), "new");
    assert_eq!(claimed.heartbeat(&app, json!({ "log": ["one", "two\u{7}"] })).status, 200);
    assert_eq!(claimed.heartbeat(&app, json!({ "log": vec!["line"; 50] })).status, 200);
    for more in [
        json!({ "log": vec!["line"; 51] }),
        json!({ "log": ["l".repeat(501)] }),
        json!({ "percent": 101 }),
        json!({ "percent": -1 }),
        json!({ "speed": -1 }),
        json!({ "stage": "dreaming" }),
    ] {
        assert_eq!(claimed.heartbeat(&app, more).code(), "malformed_request");
    }
    let log = |query: &str| app.authorized("GET", &format!("/v1/jobs/{job_id}/log{query}")).send();
    let first = log("?limit=2").value();
    let lines: Vec<_> = first["lines"].as_array().unwrap().iter().map(|line| line["line"].clone()).collect();
    assert_eq!(json!(lines), json!(["one", "two "]));
    assert_eq!(
        log(&format!("?after={}", first["next"].as_str().unwrap())).value()["lines"].as_array().unwrap().len(),
        50
    );
    assert_eq!(log("?limit=0").code(), "malformed_request");
    assert_eq!(app.replica().authorized("GET", &format!("/v1/jobs/{job_id}/log")).send().code(), "not_found");
}

#[test]
fn jobs_are_listed_in_pages_newest_first() {
    let app = TestApp::start();
    for file_id in ["a", "b", "c"] {
        app.queue(file_id, SOURCE, settings());
        app.clock.advance(1);
    }
    app.worker().claim(&app).unwrap();
    let list = |query: &str| app.authorized("GET", &format!("/v1/jobs{query}")).send();
    let ids = |value: &Value| -> Vec<String> {
        value["jobs"].as_array().unwrap().iter().map(|job| job["jobId"].as_str().unwrap().to_owned()).collect()
    };
    let first = list("?limit=2").value();
    assert_eq!(ids(&first), ["job-c", "job-b"]);
    let second = list(&format!("?limit=2&after={}", first["next"].as_str().unwrap())).value();
    assert_eq!((ids(&second), &second["next"]), (vec!["job-a".to_owned()], &Value::Null));
    assert_eq!(ids(&list("?state=running").value()), ["job-a"]);
    assert_eq!(ids(&list("?fileId=b").value()), ["job-b"]);
    for query in ["?limit=0", "?limit=201", "?state=bored", "?after=x", "?psign=x"] {
        assert_eq!(list(query).code(), "malformed_request", "{query}");
    }
    assert!(ids(&app.replica().authorized("GET", "/v1/jobs").send().value()).is_empty());
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

#[test]
fn the_database_holds_no_secret_in_the_clear() {
    let mut app = TestApp::start();
    let worker = app.worker();
    let (_, claimed) = claimed(&app, &worker, "new");
    assert_eq!(claimed.heartbeat(&app, json!({ "log": ["a line to be found"] })).status, 200);
    let secret = claimed.secret.as_ref().unwrap().expose_secret().to_vec();
    app.stop();
    let mut stored = Vec::new();
    for entry in std::fs::read_dir(&app.config.data.dir).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("keyveil.db") {
            stored.extend(std::fs::read(path).unwrap());
        }
    }
    let holds = |needle: &[u8]| stored.windows(needle.len()).any(|window| window == needle);
    assert!(holds(b"a line to be found"), "the search finds what is there");
    let token_mac = &claimed.job.token[claimed.job.token.len() - 43..];
    let worker_key = worker.key_text();
    let base64 = <base64ct::Base64UrlUnpadded as base64ct::Encoding>::encode_string(&secret);
    for needle in [
        secret.as_slice(),
        hex::encode(&secret).as_bytes(),
        base64.as_bytes(),
        token_mac.as_bytes(),
        &worker_key.as_bytes()[worker_key.len() - 43..],
        SOURCE,
    ] {
        assert!(!holds(needle));
    }
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

#[test]
fn the_server_keeps_a_worker_of_its_own_running() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let (script, told) = (dir.path().join("packager"), dir.path().join("told"));
    // Told in one go, so that nobody reads half of it.
    let lines = format!("#!/bin/sh\necho \"$$ $KEYVEIL_WORKER_TOKEN $*\" >> {}\nexec sleep 1000\n", told.display());
    std::fs::write(&script, lines).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut app = TestApp::builder().local_worker(script).start();
    let starts = || -> Vec<Vec<String>> {
        let text = std::fs::read_to_string(&told).unwrap_or_default();
        text.lines().map(|line| line.split(' ').map(str::to_owned).collect()).collect()
    };
    app.until("the worker is started", || starts().len() == 1);
    let first = starts().remove(0);
    let address = app.address().to_owned();
    assert_eq!(
        first[2..],
        [
            "worker",
            "--server",
            &format!("http://{address}"),
            "--exit-with-parent",
            "--insecure-http",
            "--name",
            "local"
        ]
    );
    let body = json!({ "publicKey": "CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "worker": "local", "waitSecs": 0 });
    let claim = app.request("POST", "/v1/jobs/claim").header("Authorization", &format!("Bearer {}", first[1]));
    assert_eq!(claim.json(body.to_string()).send().status, 204, "its key is one");

    let runs = |pid: &str| Path::new("/proc").join(pid).exists();
    assert!(runs(&first[0]));
    let killed = std::process::Command::new("kill").args(["-9", &first[0]]).status().unwrap();
    assert!(killed.success());
    app.until("the worker is started again", || starts().len() == 2);
    let second = starts().remove(1);
    assert_eq!(second[1], first[1], "with the same key");
    app.stop();
    assert!(!runs(&second[0]), "it ends with the server");
}
