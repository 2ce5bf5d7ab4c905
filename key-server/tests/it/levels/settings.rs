//! Where the rules come from: settings of an application, and signatures that the server makes.

use serde_json::{Value, json};

use super::{allow, change, guarded, sealed};
use crate::support::{Response, TITLE, TestApp, jwt};

fn shown(app: &TestApp) -> (Value, Value) {
    let shown = app.authorized("GET", &format!("/v1/apps/{}", app.app_id())).send().value();
    (shown["minLevel"].clone(), shown["belowMinLevel"].clone())
}

fn sign(app: &TestApp, rule: &Value) -> Response {
    let mut body = json!({ "fileId": TITLE });
    body.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
    app.authorized("POST", "/v1/player-signatures").json(body.to_string()).send()
}

#[test]
fn an_application_says_the_least_level_and_what_a_lower_one_gets() {
    let app = TestApp::start();
    assert_eq!(shown(&app), (json!("standard"), json!("refuse")), "everything is allowed at first");
    let changed = change(&app, &json!({ "minLevel": "sealed", "belowMinLevel": "SD" }));
    assert_eq!((&changed.value()["minLevel"], &changed.value()["belowMinLevel"]), (&json!("sealed"), &json!("SD")));
    change(&app, &json!({ "belowMinLevel": "AUDIO" }));
    assert_eq!(shown(&app), (json!("sealed"), json!("AUDIO")), "what is not named stays");
    change(&app, &json!({ "minLevel": "guarded" }));
    change(&app, &json!({ "name": "Other" }));
    assert_eq!(shown(&app), (json!("guarded"), json!("AUDIO")));
    for body in [
        json!({ "minLevel": "hardware" }),
        json!({ "minLevel": "SEALED" }),
        json!({ "minLevel": 2 }),
        json!({ "belowMinLevel": "8K" }),
        json!({ "belowMinLevel": "Refuse" }),
        json!({ "belowMinLevel": true }),
    ] {
        assert_eq!(change(&app, &body).code(), "malformed_request", "{body}");
    }
    assert_eq!(shown(&app), (json!("guarded"), json!("AUDIO")), "nothing of a refused change stays");
    let audit = app.authorized("GET", "/v1/audit?kind=app_changed").send().value()["audit"].clone();
    let details: Vec<_> = audit.as_array().unwrap().iter().map(|row| row["detail"]["minLevel"].clone()).collect();
    assert_eq!(details, [Value::Null, json!("guarded"), Value::Null, json!("sealed")], "newest first");
}

#[test]
fn another_applications_rule_is_its_own() {
    let app = TestApp::start();
    let other = app.replica();
    allow(&app, ("sealed", "refuse"));
    assert_eq!(shown(&other), (json!("standard"), json!("refuse")));
    let path = format!("/v1/apps/{}", app.app_id());
    let body = json!({ "minLevel": "standard" }).to_string();
    assert_eq!(other.authorized("PATCH", &path).json(body).send().code(), "not_found");
    assert_eq!(shown(&app), (json!("sealed"), json!("refuse")));
}

#[test]
fn the_server_makes_signatures_with_a_rule() {
    let app = TestApp::start();
    let made = sign(&app, &json!({ "minLevel": "sealed" })).value()["psign"].as_str().unwrap().to_owned();
    assert_eq!(app.player().try_play(&made, guarded()).code(), "level_not_allowed");
    assert_eq!(app.player().try_play(&made, sealed()).status, 200);
    let made = sign(&app, &json!({ "minLevel": "sealed", "belowMinLevel": "SD" })).value()["psign"].clone();
    let decode = app.authorized("POST", "/v1/player-signatures/decode").json(json!({ "psign": made }).to_string());
    let decoded = decode.send().value();
    assert_eq!(decoded["claims"]["keyveil"], json!({ "minLevel": "sealed", "belowMinLevel": "SD" }));
    assert_eq!(decoded["valid"], json!(true));
    let (_, grant) = app.player().play(made.as_str().unwrap(), guarded());
    assert_eq!(super::highest(&grant), "SD");

    let lone = sign(&app, &json!({ "belowMinLevel": "SD" }));
    assert_eq!(lone.code(), "malformed_request");
    assert_eq!(lone.value()["error"]["detail"], json!("keyveil.belowMinLevel without minLevel"));
    for rule in [json!({ "minLevel": "hardware" }), json!({ "minLevel": "sealed", "belowMinLevel": "8K" })] {
        assert_eq!(sign(&app, &rule).code(), "malformed_request", "{rule}");
    }
}

#[test]
fn a_signature_with_an_outcome_and_no_level_is_malformed() {
    let app = TestApp::start();
    let play = |keyveil: Value| {
        let mut claims = json!(app.claims(TITLE));
        claims["keyveil"] = keyveil;
        let key = app.signing_key();
        let psign = jwt(&json!({ "alg": "HS256", "typ": "JWT" }), &claims, key.expose_secret().as_bytes());
        app.player().try_play(&psign, sealed())
    };
    assert_eq!(play(json!({ "belowMinLevel": "SD" })).code(), "psign_malformed");
    assert_eq!(play(json!({ "minLevel": "hardware" })).code(), "psign_malformed");
    assert_eq!(play(json!({ "minLevel": "guarded", "belowMinLevel": "SD" })).status, 200);
}
