//! The library: lists, descriptions, publishing, deleting, releases.

mod delete;
mod listing;
mod releases;
mod title;

use std::collections::BTreeSet;

use keyveil_key_server::store::{Title, TitleState};
use keyveil_protocol::Mode;
use serde_json::{Value, json};

use crate::support::{Response, TITLE, TestApp, publication};

fn list(app: &TestApp, query: &str) -> Response {
    app.authorized("GET", &format!("/v1/titles?{query}")).send()
}

fn ids(value: &Value) -> Vec<String> {
    let titles = value["titles"].as_array().unwrap_or_else(|| panic!("{value}"));
    titles.iter().map(|title| title["fileId"].as_str().unwrap().to_owned()).collect()
}

fn post(app: &TestApp, path: &str) -> Response {
    app.authorized("POST", &format!("/v1/titles/{path}")).json("{}").send()
}

fn patch(app: &TestApp, file_id: &str, body: &Value) -> Response {
    app.authorized("PATCH", &format!("/v1/titles/{file_id}")).json(body.to_string()).send()
}

fn kinds(app: &TestApp, query: &str) -> Vec<String> {
    let audit = app.authorized("GET", &format!("/v1/audit?{query}")).send().value();
    audit["audit"].as_array().unwrap().iter().map(|row| row["kind"].as_str().unwrap().to_owned()).collect()
}

fn events(app: &TestApp) -> Vec<(String, Value)> {
    let rows: Vec<(String, String)> = app.database().rows("SELECT type, data FROM events ORDER BY seq");
    rows.into_iter().map(|(kind, data)| (kind, serde_json::from_str(&data).unwrap())).collect()
}
