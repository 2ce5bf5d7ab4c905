//! What is stored and committed.

use super::*;

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
fn the_database_holds_no_secret_in_the_clear() {
    let mut app = TestApp::start();
    let worker = app.worker();
    let (_, claimed) = claimed(&app, &worker, "new");
    assert_eq!(claimed.heartbeat(&app, json!({ "log": ["a line to be found"] })).status, 200);
    let secret = claimed.secret.as_ref().unwrap().expose_secret().to_vec();
    app.stop();
    let stored = app.database().stored();
    assert!(stored.holds("a line to be found"), "the search finds what is there");
    let token_mac = &claimed.job.token[claimed.job.token.len() - 43..];
    let worker_key = worker.key_text();
    let base64 = <base64ct::Base64UrlUnpadded as base64ct::Encoding>::encode_string(&secret);
    for needle in [
        secret.as_slice(),
        base64.as_bytes(),
        token_mac.as_bytes(),
        &worker_key.as_bytes()[worker_key.len() - 43..],
        SOURCE,
    ] {
        assert!(!stored.holds(needle));
    }
}
