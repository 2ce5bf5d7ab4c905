//! What passes through the server is in nothing that it tells its operator.

use keyveil_protocol::Exchange;
use serde_json::{Value, json};

use super::collector::{Collector, TOKEN};
use super::scrape::Scrape;
use super::traces::{PARENT, TRACE, serve};
use crate::log_secrets::search::Secrets;
use crate::support::{Player, Request, TITLE, TestApp};

/// Harmless, and from somebody whom the server does not trust to name requests.
const FOREIGN_ID: &str = "an-id-of-anybodys";

#[test]
fn no_secret_is_scraped_logged_or_traced() {
    let app = TestApp::start();
    let collector = Collector::start();
    let mut served = serve(&app, "log", &collector.url, ["1", "1"]);
    let traceparent = format!("00-{TRACE}-{PARENT}-01");
    let mut secrets = Secrets::default();
    secrets.bytes("title secret", app.secret(TITLE).expose_secret());
    secrets.bytes("root key", &std::fs::read(app.config.data.dir.join("root.key")).unwrap());
    let api_key = app.app.api_key.expose_text().to_owned();
    secrets.text("API key", &api_key[api_key.len() - 43..]);

    secrets.text("collector's token", TOKEN);

    let player = app.player();
    let psign = app.sign(&app.claims(TITLE));
    secrets.text("psign", &psign);
    let exchange = Exchange::generate(&mut Player::rng());
    let body = player.play_body(&exchange, &psign, json!({})).to_string();
    let request = |path: &str| Request::new(&served.address, "POST", path).header("traceparent", &traceparent);
    let answer = request("/v1/play").json(body.as_str()).send();
    let play = answer.parsed();
    let grant = player.open_play(exchange, &body, &play);
    secrets.bytes("session MAC key", grant.mac_key.expose_secret());
    for key in &grant.keys {
        secrets.bytes("period key", key.key.expose_secret());
    }
    let path = play.playlist_url.split('/').nth(4).unwrap().to_owned();
    secrets.text("url token", path.split_once('-').unwrap().1);
    let get = |path: &str| Request::new(&served.address, "GET", path).header("traceparent", &traceparent);
    let media = url::Url::parse(&play.playlist_url).unwrap().path().to_owned();
    assert_eq!(get(&media).send().status, 200);
    let bearer = format!("Bearer {api_key}");
    assert_eq!(get(&format!("/v1/titles/{TITLE}")).header("Authorization", &bearer).send().status, 200);
    assert_eq!(request("/v1/play").json(format!("{{\"psign\":\"{psign}A\"}}")).send().status, 401);

    let log = || std::fs::read_to_string(app.dir.path().join("log")).unwrap();
    let line = log().lines().find_map(|line| Some(line.split_once("metrics: http://")?.1.to_owned())).expect("told");
    let metrics = Scrape::at(line.split('/').next().unwrap()).text;
    let found = get("/none").header("X-Request-Id", FOREIGN_ID).send();
    assert_ne!(found.header("x-request-id"), Some(FOREIGN_ID));
    served.terminate();
    let traced = String::from_utf8_lossy(&collector.raw()).into_owned();

    let request_id = answer.header("x-request-id").unwrap();
    let told = log().lines().filter(|line| line.contains(request_id)).map(str::to_owned).collect::<Vec<_>>();
    let told: Value = serde_json::from_str(told.last().expect("the request's line")).unwrap();
    assert_eq!((told["route"].as_str(), told["family"].as_str()), (Some("/v1/play"), Some("play")));
    assert_eq!((told["status"].as_u64(), told["message"].as_str()), (Some(200), Some("answered")));
    assert!(told["latency_ms"].is_u64() && told["spans"].is_null(), "{told}");

    // What does go this way is found: the search looks at what is there.
    assert!(traced.contains(request_id) && traced.contains("/v1/play") && metrics.contains("route=\"play\""));

    let everything = [("metrics", metrics), ("log", log()), ("traces", traced)];
    for (what, text) in &everything {
        assert_eq!(secrets.found_in(text), Vec::<String>::new(), "{what}");
        assert!(!text.contains(FOREIGN_ID), "{what}");
    }
    // The same search finds each of them in each form once something does tell it.
    for (name, form) in secrets.forms() {
        for (what, text) in &everything {
            assert!(secrets.found_in(&format!("{text}{form}")).contains(&name), "{what}: {name}");
        }
    }
}
