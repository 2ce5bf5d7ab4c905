//! The OpenAPI document, and that the server answers as it says.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::TestApp;

const METHODS: [&str; 7] = ["get", "put", "post", "patch", "delete", "head", "options"];

fn document(app: &TestApp) -> Value {
    app.get("/v1/openapi.json").value()
}

/// Every operation with its path and method.
fn operations(document: &Value) -> Vec<(&String, &String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| (path, method, operation))
    });
    operations.collect()
}

fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(members) => members.iter().for_each(|member| references(member, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document(&TestApp::start());
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.contains(&"#/components/schemas/Title") && found.contains(&"#/components/schemas/ErrorResponse"));
    for reference in found {
        assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
    }
    for (path, method, operation) in operations(&document) {
        for requirement in operation["security"].as_array().into_iter().flatten() {
            for scheme in requirement.as_object().unwrap().keys() {
                assert!(document["components"]["securitySchemes"][scheme].is_object(), "{method} {path}: {scheme}");
            }
        }
    }
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_how_it_ends() {
    let document = document(&TestApp::start());
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let place = format!("{method} {path}");
        assert!(METHODS.contains(&method.as_str()), "{place}");
        assert!(ids.insert(operation["operationId"].as_str().expect(&place)), "{place}");
        assert!(!operation["summary"].as_str().expect(&place).is_empty(), "{place}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{place}");
        let refusal = &responses["default"]["content"]["application/json"]["schema"]["$ref"];
        assert_eq!(refusal, "#/components/schemas/ErrorResponse", "{place}");
        let named: BTreeSet<&str> = path.split(['{', '}']).skip(1).step_by(2).collect();
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let of_path = parameters.filter(|parameter| parameter["in"] == "path");
        let described: BTreeSet<&str> = of_path.map(|parameter| parameter["name"].as_str().unwrap()).collect();
        assert_eq!(described, named, "{place}");
    }
    assert!(ids.contains("listTitles") && ids.len() > 50, "{ids:?}");
}

#[test]
fn the_server_takes_the_methods_that_are_described_and_no_other() {
    let app = TestApp::start();
    let document = document(&app);
    for (path, item) in document["paths"].as_object().unwrap() {
        let described: BTreeSet<String> = item.as_object().unwrap().keys().cloned().collect();
        let concrete: String =
            path.split(['{', '}']).enumerate().map(|(at, part)| if at % 2 == 1 { "x" } else { part }).collect();
        let ask = |method: &str| app.request(method, &concrete).header("Tus-Resumable", "1.0.0").send();
        for method in &described {
            assert_ne!(ask(&method.to_uppercase()).status, 405, "{method} {path}");
        }
        let refused = ask("TRACE");
        assert_eq!(refused.code(), "method_not_allowed", "{path}");
        let allowed = refused.header("allow").unwrap().split(", ").map(str::to_ascii_lowercase);
        // HEAD goes with GET and is not described beside it.
        let allowed: BTreeSet<String> =
            allowed.filter(|method| method != "head" || !described.contains("get")).collect();
        assert_eq!(allowed, described, "{path}");
    }
}
