//! Releases of keys.

use super::*;

#[test]
fn releases_are_counted_by_class_and_period() {
    let app = TestApp::start();
    let player = app.player();
    let (_, grant) = player.play_title(TITLE);
    player.keys(&grant, json!({ "counter": 1, "period": 1 }));
    let periods = || app.authorized("GET", "/v1/titles/film/periods").send().value();
    let body = periods();
    assert_eq!(body["complete"], true);
    let of = |period: u32, class: &str| {
        let all = body["periods"].as_array().unwrap();
        all.iter().find(|entry| entry["period"] == period && entry["trackClass"] == class).cloned()
    };
    assert_eq!(of(0, "HD").unwrap()["count"], 1);
    assert_eq!(of(1, "HD").unwrap()["count"], 2, "once ahead, once asked for");
    assert_eq!(of(2, "AUDIO").unwrap()["count"], 1);
    assert_eq!(of(3, "HD"), None);
    assert!(of(1, "HD").unwrap()["firstAt"].as_u64() <= of(1, "HD").unwrap()["lastAt"].as_u64());
    app.put_title("new", "private");
    assert_eq!(app.authorized("GET", "/v1/titles/new/periods").send().value()["periods"], json!([]));
    assert_eq!(app.authorized("GET", "/v1/titles/unknown/periods").send().code(), "title_not_found");
}

#[test]
fn the_first_release_and_every_hundredth_after_it_are_told() {
    let app = TestApp::start();
    let player = app.player();
    let (_, grant) = player.play_title(TITLE);
    for n in 1..=101 {
        // Counters may jump; releases are counted.
        player.keys(&grant, json!({ "counter": n * 7 }));
    }
    let told: Vec<Value> =
        events(&app).into_iter().filter(|(kind, _)| kind == "key.released").map(|(_, data)| data).collect();
    assert_eq!(told.iter().map(|data| data["releases"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 101]);
    assert_eq!(told[0]["released"]["periods"], json!([0, 1]));
}
