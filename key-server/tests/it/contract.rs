//! The JSON of every resource: its fields by name, no more and no fewer (docs/WORKFLOW.md, "Resources").

use keyveil_protocol::psign::{self, SigningKey};
use keyveil_protocol::workflow::WorkflowSettings;
use serde_json::{Value, json};

use super::account::Person;
use crate::support::{TITLE, TestApp};

const APP: &str = "appId name domains maxAgeSecs defaultWorkflowId uploadBytesMax uploadTypes minLevel belowMinLevel \
    createdAt";
const SIGNING_KEY: &str = "kid createdAt retiredAt";
const API_KEY: &str = "apiKeyId name scopes createdAt lastUsedAt retiredAt";
const TITLE_IN_LISTS: &str = "fileId appId name description labels mode state percent leftSecs failure workflowId version \
    durationMs sizeBytes storedBytes fileName coverUrl spritesUrl job createdAt updatedAt publishedAt changeSeq";
const VERSION: &str = "version current container cipher segmentMs periodSegments storedBytes createdAt committedAt";
const RENDITION: &str = "rendition kind trackClass name language width height bandwidth codecs playlist segmentCount";
const JOB: &str = "jobId fileId kind state priority attempt version worker stage percent leftSecs speed failure settings \
    runAfter leaseExpiresAt createdAt startedAt finishedAt";
const SESSION: &str = "sessionId fileId version uid us kid buildId mode level downgrade maxTrack origin ipClass active \
    lastPositionMs releases createdAt lastSeenAt expiresAt revokedAt endedBy score reasons";
const AUDIT: &str = "seq at kind fileId sessionId detail hash";
const EVENT: &str = "eventId type at appId fileId data";
const WEBHOOK: &str = "webhookId url types enabled createdAt updatedAt";
const DELIVERY: &str =
    "deliveryId eventId webhookId type state attempt nextAt lastStatus lastError createdAt deliveredAt";
const WORKFLOW: &str = "workflowId name settings builtIn";
const DECODED: &str = "valid code message kid header claims expiresAt";

/// The object has exactly these fields.
#[track_caller]
fn pin(value: &Value, fields: &str) {
    let mut found: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    let mut wanted: Vec<&str> = fields.split_whitespace().collect();
    found.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
}

#[track_caller]
fn get(app: &TestApp, path: &str) -> Value {
    let response = app.authorized("GET", path).send();
    assert_eq!(response.status, 200, "{path} {}", response.text());
    response.value()
}

#[track_caller]
fn post(app: &TestApp, path: &str, body: &Value) -> Value {
    let response = app.authorized("POST", path).json(body.to_string()).send();
    assert!(response.status < 300, "{path} {}", response.text());
    response.value()
}

/// The first item of a list that is named so and has nothing else but `next`.
#[track_caller]
fn first(app: &TestApp, path: &str, name: &str) -> Value {
    let page = get(app, path);
    pin(&page, &format!("{name} next"));
    page[name][0].clone()
}

#[test]
fn person() {
    let app = TestApp::start();
    let me = Person::new(&app).request("GET", "/v1/me").send().value();
    pin(&me, "user apps");
    pin(&me["user"], "userId name");
    pin(&me["apps"][0], "appId name");
}

#[test]
fn application() {
    let app = TestApp::start();
    pin(&get(&app, &format!("/v1/apps/{}", app.app_id())), APP);
    pin(&first(&app, "/v1/apps", "apps"), APP);
    let made = Person::new(&app).request("POST", "/v1/apps").json(r#"{"name":"New"}"#).send().value();
    pin(&made, &format!("{APP} signingKey apiKey"));
    pin(&made["signingKey"], "kid text");
    pin(&made["apiKey"], "apiKeyId text");
}

#[test]
fn keys() {
    let app = TestApp::start();
    pin(&first(&app, "/v1/signing-keys", "signingKeys"), SIGNING_KEY);
    pin(&post(&app, "/v1/signing-keys", &json!({})), &format!("{SIGNING_KEY} text"));
    pin(&first(&app, "/v1/api-keys", "apiKeys"), API_KEY);
    let new = json!({ "name": "k", "scopes": ["sign", "read", "sign"] });
    let made = post(&app, "/v1/api-keys", &new);
    pin(&made, &format!("{API_KEY} text"));
    assert_eq!(made["scopes"], json!(["read", "sign"]), "as the list shows them");
}

#[test]
fn title() {
    let app = TestApp::start();
    pin(&first(&app, "/v1/titles", "titles"), TITLE_IN_LISTS);
    let title = get(&app, &format!("/v1/titles/{TITLE}"));
    pin(&title, &format!("{TITLE_IN_LISTS} renditions versions"));
    pin(&title["renditions"][0], RENDITION);
    pin(&title["versions"][0], VERSION);
    let version = &title["versions"][0];
    assert_eq!((&version["version"], &version["current"]), (&json!(1), &json!(true)));
    assert_eq!((&version["container"], &version["cipher"]), (&json!("fmp4"), &json!("aes-128-cbc")));
    assert_eq!((&version["segmentMs"], &version["periodSegments"]), (&json!(6000), &json!(5)));
    assert!(version["committedAt"].is_u64());
    app.player().play_title(TITLE);
    let periods = get(&app, &format!("/v1/titles/{TITLE}/periods"));
    pin(&periods, "periods complete");
    pin(&periods["periods"][0], "trackClass period count firstAt lastAt");
}

#[test]
fn job() {
    let app = TestApp::start();
    let job_id = app.queue("next", b"a source", WorkflowSettings::default());
    let title = get(&app, "/v1/titles/next");
    pin(&title["job"], "jobId kind state percent attempt");
    assert_eq!(title["versions"], json!([]));
    let claimed = app.worker().claim(&app).unwrap();
    let making = get(&app, "/v1/titles/next")["versions"][0].clone();
    pin(&making, VERSION);
    assert_eq!((&making["current"], &making["committedAt"]), (&json!(false), &Value::Null));
    pin(&first(&app, "/v1/jobs", "jobs"), JOB);
    let count = |query: &str| get(&app, &format!("/v1/jobs?{query}"))["jobs"].as_array().unwrap().len();
    assert_eq!((count("state=running&state=failed"), count("state=queued&state=failed")), (1, 0));
    assert_eq!(app.authorized("GET", "/v1/jobs?state=asleep").send().code(), "malformed_request");
    let log_path = format!("/v1/jobs/{job_id}/log");
    assert_eq!(get(&app, &log_path), json!({ "lines": [], "next": "0" }), "there may be more");
    assert_eq!(claimed.heartbeat(&app, json!({ "log": ["a line"] })).status, 200);
    let log = get(&app, &format!("{log_path}?after=0"));
    pin(&log, "lines next");
    pin(&log["lines"][0], "seq at line");
    assert_eq!(claimed.fail(&app, "source_unreadable", false).status, 204);
    assert_eq!(get(&app, &log_path)["next"], Value::Null, "it is over");
    let job = get(&app, &format!("/v1/jobs/{job_id}"));
    pin(&job, JOB);
    pin(&job["failure"], "code message");
    pin(&get(&app, "/v1/titles/next")["failure"], "code message");
}

#[test]
fn session_and_audit() {
    let app = TestApp::start();
    app.player().play_title(TITLE);
    pin(&first(&app, "/v1/sessions", "sessions"), SESSION);
    let entry = first(&app, "/v1/audit", "audit");
    pin(&entry, AUDIT);
    assert_eq!(entry["hash"].as_str().unwrap().len(), 64);
}

#[test]
fn event_and_webhook() {
    let app = TestApp::builder().allow_private().start();
    let made = post(&app, "/v1/webhooks", &json!({ "url": "http://127.0.0.1:9/" }));
    pin(&made, &format!("{WEBHOOK} secret"));
    pin(&first(&app, "/v1/webhooks", "webhooks"), WEBHOOK);
    post(&app, &format!("/v1/titles/{TITLE}/unpublish"), &json!({}));
    pin(&first(&app, "/v1/events", "events"), EVENT);
    let deliveries = format!("/v1/webhooks/{}/deliveries", made["webhookId"].as_str().unwrap());
    app.until("a delivery is due", || get(&app, &deliveries)["deliveries"][0].is_object());
    pin(&first(&app, &deliveries, "deliveries"), DELIVERY);
}

#[test]
fn workflow() {
    let app = TestApp::start();
    let built_in = first(&app, "/v1/workflows", "workflows");
    pin(&built_in, WORKFLOW);
    pin(&get(&app, "/v1/workflows/adaptive"), WORKFLOW);
    pin(&post(&app, "/v1/workflows", &json!({ "name": "Own", "settings": built_in["settings"] })), WORKFLOW);
}

#[test]
fn signature() {
    let app = TestApp::start();
    let made = post(&app, "/v1/player-signatures", &json!({ "fileId": TITLE }));
    pin(&made, "psign expiresAt");
    let decode = |psign: &Value| post(&app, "/v1/player-signatures/decode", &json!({ "psign": psign }));
    let decoded = decode(&made["psign"]);
    pin(&decoded, DECODED);
    assert_eq!(decoded["header"], json!({ "alg": "HS256", "typ": "JWT", "kid": decoded["kid"] }));
    let malformed = decode(&json!("a.b.c"));
    pin(&malformed, DECODED);
    assert_eq!(malformed["header"], Value::Null);
    let unsigned = decode(&json!("eyJhbGciOiJub25lIn0.e30.e30"));
    assert_eq!((&unsigned["header"], &unsigned["code"]), (&json!({ "alg": "none" }), &json!("psign_algorithm")));
    let key = SigningKey::new("guess".to_owned());
    let forged = psign::sign(&app.claims(TITLE), None, &key).unwrap();
    pin(&decode(&json!(forged)), DECODED);
}

#[test]
fn refusal() {
    let app = TestApp::start();
    let refused = app.authorized("GET", "/v1/titles?limit=0").send().value();
    pin(&refused, "error");
    pin(&refused["error"], "code message requestId detail");
    pin(&app.authorized("GET", "/v1/titles/none").send().value()["error"], "code message requestId");
}
