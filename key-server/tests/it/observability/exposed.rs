//! Where metrics are told, in what form, and that it stays small.

use std::collections::BTreeSet;
use std::thread;

use super::scrape::{Scrape, start};
use crate::standard::{PlainPlayer, SHOW, with_show};
use crate::support::{Request, TITLE, TestApp, command};

#[test]
fn the_public_listener_has_no_metrics_and_the_other_one_nothing_else() {
    let app = start();
    assert_eq!(app.get("/metrics").code(), "not_found");
    assert_eq!(app.authorized("GET", "/metrics").send().code(), "not_found");
    let other = app.metrics_address().unwrap();
    assert_ne!(other, app.address());
    for path in ["/", "/healthz", "/v1/server-keys", "/v1/titles", "/metrics/", "//metrics", "/media/x/y/z"] {
        let answer = Request::new(other, "GET", path).send();
        assert_eq!((answer.status, answer.body.len()), (404, 0), "{path}");
    }
    let posted = Request::new(other, "POST", "/metrics").json("{}").send();
    assert_eq!(posted.status, 405);
    assert_eq!(Request::new(other, "HEAD", "/metrics").send().status, 200);
}

#[test]
fn nobody_listens_unless_it_is_asked_for() {
    assert_eq!(TestApp::start().metrics_address(), None);
}

#[test]
fn a_place_that_is_taken_ends_the_start_with_its_name() {
    let app = start();
    let taken = app.metrics_address().unwrap();
    let other = tempfile::tempdir().unwrap();
    let output = command(&other.path().join("data"), &["serve"]).env("KEYVEIL_METRICS_LISTEN", taken).output().unwrap();
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains(&format!("can't listen on {taken}")), "{told}");
}

#[test]
fn a_scrape_goes_on_without_the_database() {
    let app = start();
    app.block_on(app.installation().store().close());
    let scrape = Scrape::of(&app);
    assert_eq!(scrape.value("keyveil_queue_readable").to_string(), "0");
    assert!(scrape.text.contains("keyveil_grants_total{kind=\"play\"} 0"));
}

/// Also what a dashboard is made by: the documentation names each metric, with its type.
#[test]
fn each_metric_has_a_type_and_stands_in_the_documentation() {
    let app = with_show(start());
    app.player().play_title(TITLE);
    assert_eq!(PlainPlayer::open(&app, SHOW).key("HD", "0").status, 200);
    assert_eq!((app.get("/readyz").status, app.get("/none").status), (200, 404));
    let scrape = Scrape::of(&app);
    let typed: Vec<(&str, &str)> =
        scrape.text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let names: BTreeSet<&str> = typed.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), typed.len(), "each once");
    for series in scrape.series() {
        let name = series.split('{').next().unwrap();
        let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let is_typed = names.contains(name) || of_histogram.is_some_and(|base| names.contains(base));
        assert!(is_typed && name.starts_with("keyveil_"), "{series}");
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/OPERATION.md");
    let documentation = std::fs::read_to_string(file).unwrap();
    let documented = documentation.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("| `keyveil_")?.split_once("` | ")?;
        Some((format!("keyveil_{name}"), rest.split(' ').next().unwrap().to_owned()))
    });
    let told: BTreeSet<(String, String)> = typed.iter().map(|(name, kind)| ((*name).into(), (*kind).into())).collect();
    assert_eq!(documented.collect::<BTreeSet<_>>(), told);
}

#[test]
fn what_clients_send_makes_no_series() {
    let app = start();
    let app_id = app.app_id().to_string();
    let ask = |n: usize| {
        let (method, path) = ([&format!("M{n}"), "GET", "POST"][n % 3].to_owned(), format!("/v1/titles/t{n}"));
        app.request(&method, &path).header("X-Request-Id", &format!("id-{n}")).send();
        app.request("GET", &format!("/n{n}/m{n}")).send();
        app.request("GET", &format!("/media/tok{n}/film{n}/v/0.ts")).send();
        app.authorized("GET", &format!("/v1/jobs/job{n}")).send();
    };
    (0..3).for_each(ask);
    let before = Scrape::of(&app).series().len();
    (3..60).for_each(ask);
    let after = Scrape::of(&app);
    assert_eq!(after.series().len(), before, "{}", after.text);
    for private in [app_id.as_str(), TITLE, "id-1", "tok1", "127.0.0.1", "M0"] {
        assert!(!after.text.contains(private), "{private}");
    }
    assert!(after.text.len() < 64 << 10);
}

#[test]
fn scrapes_and_silent_scrapers_leave_playback_alone() {
    let app = start();
    let address = app.metrics_address().unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..5).for_each(|_| drop(Scrape::at(address))));
        }
    });
    // More than it takes: they hold its places, and nobody else's.
    let silent: Vec<_> = (0..24).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
    app.player().play_title(TITLE);
    drop(silent);
    app.until("there is room again", || Request::new(address, "GET", "/metrics").send().status == 200);
}
