use keyveil_protocol::workflow::WorkflowSettings;
use serde_json::{Value, json};

use crate::support::{Response, TestApp};

fn settings() -> Value {
    serde_json::to_value(WorkflowSettings::default()).unwrap()
}

fn post(app: &TestApp, body: &Value) -> Response {
    app.authorized("POST", "/v1/workflows").json(body.to_string()).send()
}

#[test]
fn the_built_in_workflows_are_listed_and_not_changed() {
    let app = TestApp::start();
    let listed = app.authorized("GET", "/v1/workflows").send().value();
    let ids: Vec<_> = listed["workflows"].as_array().unwrap().iter().map(|one| one["workflowId"].clone()).collect();
    assert_eq!(json!(ids), json!(["adaptive", "adaptive-1080p", "vod-compact", "original", "adaptive-ts", "clear"]));
    for workflow in listed["workflows"].as_array().unwrap() {
        assert_eq!(workflow["builtIn"], true);
        let parsed: WorkflowSettings = serde_json::from_value(workflow["settings"].clone()).unwrap();
        assert!(parsed.check().is_ok());
        let path = format!("/v1/workflows/{}", workflow["workflowId"].as_str().unwrap());
        assert_eq!(app.authorized("GET", &path).send().value(), *workflow);
        let body = json!({ "name": "Mine", "settings": settings() }).to_string();
        assert_eq!(app.authorized("PUT", &path).json(body).send().code(), "workflow_invalid");
        assert_eq!(app.authorized("DELETE", &path).send().code(), "workflow_invalid");
    }
    let taken = json!({ "workflowId": "adaptive", "name": "Mine", "settings": settings() });
    assert_eq!(post(&app, &taken).code(), "workflow_invalid");
}

#[test]
fn a_workflow_is_made_changed_and_removed_by_its_own_application() {
    let app = TestApp::start();
    let made = post(&app, &json!({ "workflowId": "mine", "name": "Mine", "settings": settings() }));
    assert_eq!(made.status, 201);
    assert_eq!(made.value(), json!({ "workflowId": "mine", "name": "Mine", "settings": settings(), "builtIn": false }));
    assert_eq!(
        post(&app, &json!({ "workflowId": "mine", "name": "x", "settings": settings() })).code(),
        "workflow_invalid"
    );
    let unnamed = post(&app, &json!({ "name": "No id", "settings": settings() })).value();
    assert_eq!(unnamed["workflowId"].as_str().unwrap().len(), 16);

    let mut authenticated = settings();
    authenticated["cipher"] = json!("chacha20-poly1305");
    let made = post(&app, &json!({ "workflowId": "authenticated", "name": "A", "settings": authenticated }));
    assert_eq!((made.status, &made.value()["settings"]), (201, &authenticated));

    let mut changed = settings();
    changed["segmentSecs"] = json!(4);
    let put = |app: &TestApp, id: &str| {
        let body = json!({ "name": "Changed", "settings": changed }).to_string();
        app.authorized("PUT", &format!("/v1/workflows/{id}")).json(body).send()
    };
    let stranger = app.replica();
    assert_eq!(put(&stranger, "mine").code(), "workflow_not_found");
    assert_eq!(stranger.authorized("GET", "/v1/workflows/mine").send().code(), "workflow_not_found");
    assert_eq!(stranger.authorized("DELETE", "/v1/workflows/mine").send().code(), "workflow_not_found");
    assert_eq!(put(&app, "mine").status, 200);
    assert_eq!(app.authorized("GET", "/v1/workflows/mine").send().value()["settings"]["segmentSecs"], 4);
    assert_eq!(put(&app, "other").code(), "workflow_not_found");
    assert_eq!(app.authorized("DELETE", "/v1/workflows/mine").send().status, 204);
    assert_eq!(app.authorized("GET", "/v1/workflows/mine").send().code(), "workflow_not_found");
}

#[test]
fn nonsense_is_refused_and_the_answer_names_the_field() {
    let app = TestApp::start();
    for (place, value, named) in [
        ("/segmentSecs", json!(0), "segmentSecs"),
        ("/segmentSecs", json!("six"), "settings"),
        ("/cipher", Value::Null, "cipher"),
        ("/cipher", json!("rot13"), "rot13"),
        ("/audioBitRate", json!(1), "audioBitRate"),
        ("/preset", json!("placebo"), "placebo"),
        ("/ladder", json!({ "kind": "auto", "maxEgde": 720 }), "maxEgde"),
        ("/ladder", json!({ "kind": "rungs", "rungs": [] }), "ladder.rungs"),
        (
            "/ladder",
            json!({ "kind": "rungs", "rungs": [{ "edge": 721, "videoBitRate": 1_000_000 }] }),
            "ladder.rungs.edge",
        ),
        ("/sprites/everySecs", json!(0), "sprites.everySecs"),
        ("/sprites/width", json!(4), "sprites.width"),
        ("/cover", json!({ "kind": "at", "positionMs": -1 }), "settings"),
    ] {
        let mut settings = settings();
        *settings.pointer_mut(place).unwrap() = value;
        let response = post(&app, &json!({ "workflowId": "mine", "name": "Mine", "settings": settings }));
        assert_eq!(response.code(), "workflow_invalid", "{place}");
        let detail = response.value()["error"]["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(named), "{place}: {detail}");
    }
    let mut standard = settings();
    (standard["mode"], standard["cipher"]) = (json!("standard"), json!("chacha20-poly1305"));
    let response = post(&app, &json!({ "workflowId": "mine", "name": "Mine", "settings": standard }));
    assert_eq!(response.code(), "workflow_invalid", "standard players know AES only");
    assert!(response.value()["error"]["detail"].as_str().unwrap().contains("cipher"));
    for body in
        [json!({ "name": "", "settings": settings() }), json!({ "name": "n".repeat(257), "settings": settings() })]
    {
        assert_eq!(post(&app, &body).code(), "workflow_invalid");
    }
    for body in [
        json!({ "settings": settings() }),
        json!({ "name": "x" }),
        json!({ "workflowId": "a b", "name": "x", "settings": settings() }),
    ] {
        assert_eq!(post(&app, &body).code(), "malformed_request");
    }
    let good = json!({ "workflowId": "mine", "name": "Mine", "settings": settings() });
    assert_eq!(post(&app, &good).status, 201, "no refusal left anything behind");
}

#[test]
fn there_are_at_most_a_hundred() {
    let app = TestApp::start();
    app.block_on(async {
        let mut write = app.installation().store().write().await.unwrap();
        for n in 0..99 {
            let workflow = keyveil_key_server::store::Workflow {
                workflow_id: format!("w{n}").parse().unwrap(),
                name: "x".to_owned(),
                settings: WorkflowSettings::default(),
            };
            assert!(write.insert_workflow(app.app_id(), &workflow, 1).await.unwrap());
        }
        write.commit().await.unwrap();
    });
    let body = json!({ "name": "x", "settings": settings() });
    assert_eq!(post(&app, &body).status, 201);
    assert_eq!(post(&app, &body).code(), "limit_reached");
}
