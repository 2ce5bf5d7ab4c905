//! What events say.

use keyveil_protocol::workflow::WorkflowSettings;
use serde_json::{Value, json};

use crate::support::{TITLE, TestApp};

/// A title's events, oldest first.
fn told(app: &TestApp, file_id: &str) -> Vec<(String, Value)> {
    let page = app.authorized("GET", &format!("/v1/events?limit=200&fileId={file_id}")).send().value();
    let events = page["events"].as_array().unwrap().iter().rev();
    events.map(|event| (event["type"].as_str().unwrap().to_owned(), event["data"].clone())).collect()
}

fn post(app: &TestApp, path: &str) {
    let response = app.authorized("POST", &format!("/v1/titles/{path}")).json("{}").send();
    assert_eq!(response.status, 200, "{}", response.text());
}

#[test]
fn every_event_of_a_title_says_the_same_things_whoever_caused_it() {
    let app = TestApp::start();
    let worker = app.worker();
    let job_id = app.queue("new", b"a source", WorkflowSettings::default());
    let claimed = worker.claim(&app).expect("a job");
    claimed.store_all(&app);
    assert_eq!(claimed.complete(&app).status, 200);
    let described = app.authorized("PATCH", "/v1/titles/new").json(r#"{"name":"Another name"}"#).send();
    assert_eq!(described.status, 200, "{}", described.text());
    for action in ["unpublish", "unpublish", "publish"] {
        post(&app, &format!("new/{action}"));
    }
    assert_eq!(app.authorized("DELETE", "/v1/titles/new").send().status, 204);
    let data = |state: &str, name: &str, version: Value, job_id: Value| json!({ "state": state, "name": name, "version": version, "failure": null, "jobId": job_id });
    let by_job = |state: &str, version: Value| data(state, "A film", version, json!(job_id));
    let by_request = |state: &str| data(state, "Another name", json!(1), Value::Null);
    let expected = [
        ("title.processing", by_job("transcoding", Value::Null)),
        ("title.processing", by_job("published", json!(1))),
        ("title.published", by_job("published", json!(1))),
        ("title.processing", by_request("ready")),
        ("title.unpublished", by_request("ready")),
        ("title.processing", by_request("published")),
        ("title.published", by_request("published")),
        ("title.deleted", by_request("deleted")),
    ];
    assert_eq!(told(&app, "new"), expected.map(|(kind, data)| (kind.to_owned(), data)));
    let packed = data("published", "A film", json!(1), Value::Null);
    let expected = ["title.processing", "title.published"].map(|kind| (kind.to_owned(), packed.clone()));
    assert_eq!(told(&app, TITLE), expected, "what was packed by hand is published alike");
}

#[test]
fn a_failure_is_told_with_the_title() {
    let app = TestApp::start();
    let worker = app.worker();
    let job_id = app.queue("new", b"a source", WorkflowSettings::default());
    assert_eq!(worker.claim(&app).expect("a job").fail(&app, "ffmpeg_failed", false).status, 204);
    let (kind, data) = told(&app, "new").pop().unwrap();
    assert_eq!((kind.as_str(), &data["state"], &data["jobId"]), ("title.processing", &json!("failed"), &json!(job_id)));
    assert_eq!(data["failure"], json!({ "code": "ffmpeg_failed", "message": "It did not work." }));
}
