//! Jobs and their logs as people see them.

use super::*;

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
