//! Applications: who sees which, and making one.

use serde_json::{Value, json};

use super::account::Person;
use crate::support::{Response, TITLE, TestApp};

fn create(person: &Person, key: &str, body: &Value) -> Response {
    person.request("POST", "/v1/apps").header("Idempotency-Key", key).json(body.to_string()).send()
}

fn ids(response: &Response) -> Vec<u64> {
    response.value()["apps"].as_array().unwrap().iter().map(|app| app["appId"].as_u64().unwrap()).collect()
}

#[test]
fn a_person_sees_every_application_and_a_key_its_own() {
    let app = TestApp::start();
    let other = app.replica();
    let (own, theirs) = (app.app_id().value(), other.app_id().value());
    assert_eq!(ids(&app.authorized("GET", "/v1/apps").send()), [own]);
    assert_eq!(ids(&other.authorized("GET", "/v1/apps").send()), [theirs]);
    let person = Person::new(&app);
    assert_eq!(ids(&person.request("GET", "/v1/apps").send()), [own, theirs]);
    let first = person.request("GET", "/v1/apps?limit=1").send();
    assert_eq!(ids(&first), [own]);
    let next = first.value()["next"].as_str().unwrap().to_owned();
    let second = person.request("GET", &format!("/v1/apps?limit=1&after={next}")).send();
    assert_eq!((ids(&second), &second.value()["next"]), (vec![theirs], &Value::Null));
    assert_eq!(person.request("GET", "/v1/apps?limit=0").send().code(), "malformed_request");
    assert_eq!(person.request("GET", "/v1/apps?name=x").send().code(), "malformed_request");
    let body = json!({ "name": "signer", "scopes": ["sign"] }).to_string();
    let key = app.authorized("POST", "/v1/api-keys").json(body).send().value();
    let bearer = format!("Bearer {}", key["text"].as_str().unwrap());
    assert_eq!(app.get_with("/v1/apps", &[("Authorization", &bearer)]).code(), "scope_missing");
    assert_eq!(app.get("/v1/apps").code(), "api_key_invalid");
    assert_eq!(app.get_with("/v1/apps", &[("Keyveil-Console", "1")]).code(), "sign_in_required");
}

#[test]
fn a_person_makes_an_application_that_works_at_once() {
    let app = TestApp::start();
    let person = Person::new(&app);
    let body = json!({ "name": "Shop", "domains": ["*.Shop.example.com"], "maxAgeSecs": 60 });
    let made = create(&person, "make-1", &body);
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.value();
    assert_eq!((&made["name"], &made["maxAgeSecs"]), (&json!("Shop"), &json!(60)));
    assert_eq!(made["domains"], json!(["*.shop.example.com"]));
    let bearer = format!("Bearer {}", made["apiKey"]["text"].as_str().unwrap());
    let get = |path: &str| app.get_with(path, &[("Authorization", &bearer)]);
    assert_eq!(get(&format!("/v1/apps/{}", made["appId"])).value()["name"], "Shop");
    assert_eq!(get("/v1/api-keys").value()["apiKeys"][0]["apiKeyId"], made["apiKey"]["apiKeyId"]);
    assert_eq!(get("/v1/signing-keys").value()["signingKeys"][0]["kid"], made["signingKey"]["kid"]);
    assert_eq!(get(&format!("/v1/titles/{TITLE}")).code(), "title_not_found", "nothing of another application");
    let audit = get("/v1/audit").value();
    assert_eq!(audit["audit"][0]["kind"], "app_created");
    assert!(audit["audit"][0]["detail"]["by"]["userId"].is_string());
    let again = create(&person, "make-1", &body).value();
    assert_eq!(again, made, "the same answer, secrets too");
    assert_eq!(create(&person, "make-1", &json!({ "name": "Else" })).code(), "idempotency_conflict");
    assert_eq!(ids(&person.request("GET", "/v1/apps").send()).len(), 2, "made once");
    let plain = create(&person, "make-2", &json!({ "name": "Plain" })).value();
    assert_eq!((&plain["domains"], &plain["maxAgeSecs"]), (&json!([]), &json!(86_400)));
}

#[test]
fn nobody_else_makes_an_application_and_nobody_a_wrong_one() {
    let app = TestApp::start();
    let person = Person::new(&app);
    let body = json!({ "name": "Shop" }).to_string();
    assert_eq!(app.authorized("POST", "/v1/apps").json(body.as_str()).send().code(), "sign_in_required");
    let foreign = app.request("POST", "/v1/apps").header("Cookie", &person.cookie).header("Keyveil-Console", "1");
    let foreign = foreign.header("Origin", "https://elsewhere.example.com").json(body.as_str()).send();
    assert_eq!(foreign.code(), "origin_not_allowed");
    for body in [
        json!({}),
        json!({ "name": "" }),
        json!({ "name": "a\nb" }),
        json!({ "name": "x".repeat(257) }),
        json!({ "name": "Shop", "domains": ["https://x.com"] }),
        json!({ "name": "Shop", "domains": vec!["a.example.com"; 65] }),
        json!({ "name": "Shop", "maxAgeSecs": 0 }),
        json!({ "name": "Shop", "appId": 5 }),
    ] {
        let refused = person.request("POST", "/v1/apps").json(body.to_string()).send();
        assert_eq!(refused.code(), "malformed_request", "{body}");
    }
    assert_eq!(ids(&person.request("GET", "/v1/apps").send()).len(), 1);
    assert_eq!(person.request("POST", "/v1/apps").json(body).send().status, 201);
}
