//! What is counted is what happened, each thing once.

use serde_json::json;

use super::scrape::{Scrape, start};
use crate::kms::fake::{FakeKms, Mood};
use crate::standard::{PlainPlayer, SHOW, with_show};
use crate::support::{TITLE, TestApp};

const OPERATIONS: &str = "keyveil_storage_operations_total";

#[track_caller]
fn assert_grown(after: &Scrape, before: &Scrape, prefixes: &[&str], expected: &[(&str, f64)]) {
    let expected: Vec<_> = expected.iter().map(|(sample, by)| ((*sample).to_owned(), *by)).collect();
    assert_eq!(after.growth_since(before, prefixes), expected);
}

#[test]
fn plays_releases_and_refusals_are_counted_once_each() {
    let app = with_show(start());
    let before = Scrape::of(&app);
    let player = app.player();
    let (_, grant) = player.play_title(TITLE);
    player.keys(&grant, json!({ "counter": 1, "period": 1 }));
    assert_eq!(player.try_keys(&grant, json!({ "counter": 1 })).code(), "counter_replayed");
    let psign = app.sign(&app.claims(TITLE));
    assert_eq!(player.try_play(&format!("{psign}A"), json!({})).code(), "psign_signature");
    let plain = PlainPlayer::open(&app, SHOW);
    assert_eq!(plain.key("HD", "0").status, 200);
    let after = Scrape::of(&app);

    let grants = ["keyveil_grants_total", "keyveil_plays_total"];
    let grown = [
        ("keyveil_grants_total{kind=\"keys\"}", 1.0),
        ("keyveil_grants_total{kind=\"play\"}", 1.0),
        ("keyveil_grants_total{kind=\"standard\"}", 1.0),
        ("keyveil_plays_total{mode=\"private\"}", 1.0),
        ("keyveil_plays_total{mode=\"standard\"}", 1.0),
    ];
    assert_grown(&after, &before, &grants, &grown);
    let refusals = [
        ("keyveil_refusals_total{route=\"keys\",code=\"counter_replayed\"}", 1.0),
        ("keyveil_refusals_total{route=\"play\",code=\"psign_signature\"}", 1.0),
    ];
    assert_grown(&after, &before, &["keyveil_refusals_total"], &refusals);
    let requests = [
        ("keyveil_requests_total{route=\"keys\",status=\"2xx\"}", 1.0),
        ("keyveil_requests_total{route=\"keys\",status=\"4xx\"}", 1.0),
        ("keyveil_requests_total{route=\"play\",status=\"2xx\"}", 1.0),
        ("keyveil_requests_total{route=\"play\",status=\"4xx\"}", 1.0),
        ("keyveil_requests_total{route=\"standard\",status=\"2xx\"}", 2.0),
    ];
    assert_grown(&after, &before, &["keyveil_requests_total"], &requests);
    // The replayed counter is found out before the database is asked to write.
    let durations = [("keyveil_release_database_duration_seconds_count", 4.0)];
    assert_grown(&after, &before, &["keyveil_release_database_duration_seconds_count"], &durations);
    let plays = after.value("keyveil_request_duration_seconds_count{route=\"play\"}");
    assert!((plays - 2.0).abs() < f64::EPSILON, "{plays}");
    assert!(after.value("keyveil_request_duration_seconds_sum{route=\"play\"}") > 0.0);
    let kms = "keyveil_kms_calls_total{engine=\"local\",outcome=\"ok\"}";
    assert!(after.value(kms) > before.value(kms));
    assert!(after.value("keyveil_process_resident_memory_bytes") > 1e6);
    assert!(after.value("keyveil_process_start_time_seconds") > 1.7e9);
}

#[test]
fn a_release_that_the_database_refuses_is_timed_and_not_counted_as_one() {
    let app = TestApp::builder().key_uses(1);
    let app = with_show(app.configure(|config| config.metrics.listen = Some(([127, 0, 0, 1], 0).into())).start());
    let plain = PlainPlayer::open(&app, SHOW);
    let before = Scrape::of(&app);
    let answers: Vec<u16> = (0..100).map(|_| plain.key("HD", "0").status).collect();
    let after = Scrape::of(&app);
    let released = answers.iter().filter(|status| **status == 200).count();
    assert!((1..100).contains(&released), "{answers:?}");
    let growth = |sample: &str| (after.value(sample) - before.value(sample)).to_string();
    assert_eq!(growth("keyveil_grants_total{kind=\"standard\"}"), released.to_string());
    assert_eq!(growth("keyveil_release_database_duration_seconds_count"), "100");
    let refused = growth("keyveil_refusals_total{route=\"standard\",code=\"key_uses_exhausted\"}");
    assert_eq!(refused, (100 - released).to_string());
}

#[test]
fn another_server_in_the_process_counts_apart() {
    let (busy, idle) = (start(), start());
    busy.player().play_title(TITLE);
    let play = "keyveil_grants_total{kind=\"play\"}";
    assert_eq!([&busy, &idle].map(|app| Scrape::of(app).value(play).to_string()), ["1", "0"]);
}

#[test]
fn jobs_and_deliveries_are_told_as_they_were_a_few_seconds_ago() {
    let app = TestApp::builder().allow_private();
    let app = app.configure(|config| config.metrics.listen = Some(([127, 0, 0, 1], 0).into())).start();
    // Nobody listens there: what is delivered stays to be done.
    let webhook =
        app.authorized("POST", "/v1/webhooks").json(json!({ "url": "http://127.0.0.1:9/" }).to_string()).send();
    assert_eq!(webhook.status, 201, "{}", webhook.text());
    let published = format!("/v1/titles/{TITLE}/unpublish");
    assert_eq!(app.authorized("POST", &published).json("{}").send().status, 200);
    app.queue("next", b"a source", keyveil_protocol::workflow::WorkflowSettings::default());
    let [queued, running] = ["queued", "running"].map(|state| format!("keyveil_jobs{{state=\"{state}\"}}"));
    let first = Scrape::of(&app);
    assert_eq!([&queued, &running].map(|sample| first.value(sample).to_string()), ["1", "0"], "{}", first.text);
    assert!(first.value("keyveil_webhook_deliveries_pending") >= 1.0);
    assert!(first.value("keyveil_queue_readable") > 0.0);

    assert!(app.worker().claim(&app).is_some());
    let cached = Scrape::of(&app);
    assert_eq!(
        [&queued, &running].map(|sample| cached.value(sample).to_string()),
        ["1", "0"],
        "not asked again at once"
    );
    app.until("the job is told as running", || Scrape::of(&app).value(&running) > 0.0);
    let later = Scrape::of(&app);
    assert_eq!(later.value(&queued).to_string(), "0");
    assert_eq!(later.value("keyveil_jobs_oldest_queued_age_seconds").to_string(), "0");
}

#[test]
fn an_engine_that_is_down_is_told_with_its_breaker() {
    let (kms, whims) = FakeKms::new();
    let app = TestApp::builder().kms(kms);
    let app = app.configure(|config| config.metrics.listen = Some(([127, 0, 0, 1], 0).into())).start();
    let open = "keyveil_kms_breaker_open{engine=\"local\",side=\"wrap\"}";
    assert_eq!(Scrape::of(&app).value(open).to_string(), "0");
    whims.set(Mood::Down);
    for n in 0..7 {
        assert_eq!(app.put_title(&format!("new-{n}"), "private").0.code(), "kms_unavailable");
    }
    let after = Scrape::of(&app);
    assert_eq!(after.value(open).to_string(), "1");
    let calls =
        |outcome: &str| after.value(&format!("keyveil_kms_calls_total{{engine=\"local\",outcome=\"{outcome}\"}}"));
    assert_eq!((calls("unavailable").to_string(), calls("breaker").to_string()), ("5".to_owned(), "2".to_owned()));
    let refused = "keyveil_refusals_total{route=\"titles\",code=\"kms_unavailable\"}";
    assert_eq!(after.value(refused).to_string(), "7");
    whims.set(Mood::Well);
    app.until("it is asked again", || app.put_title("new", "private").0.status == 201);
    assert_eq!(Scrape::of(&app).value(open).to_string(), "0");
}

#[test]
fn open_streams_of_changes_and_operations_on_media_are_told() {
    let app = start();
    let open = |app: &TestApp| Scrape::of(app).value("keyveil_change_streams_open");
    assert_eq!(open(&app).to_string(), "0");
    let stream = app.authorized("GET", "/v1/changes").begin();
    app.until("a stream is open", || open(&app) > 0.0);
    drop(stream);
    assert_eq!(app.get("/readyz").status, 200);
    let before = Scrape::of(&app);
    let checks = |outcome: &str| format!("{OPERATIONS}{{kind=\"folder\",operation=\"check\",outcome=\"{outcome}\"}}");
    assert_eq!(before.value(&checks("ok")).to_string(), "1");
    std::fs::remove_dir_all(app.media_dir()).unwrap();
    assert_eq!(app.get("/readyz").status, 503);
    assert_grown(&Scrape::of(&app), &before, &[OPERATIONS], &[(&checks("not_found"), 1.0)]);
}
