//! The library: lists, descriptions, publishing, deleting, releases.

use std::collections::BTreeSet;

use keyveil_key_server::store::{Title, TitleState};
use keyveil_protocol::Mode;
use serde_json::{Value, json};

use crate::support::{Response, TITLE, TestApp, publication};

fn title(app: &TestApp, file_id: &str, name: &str, at: i64) -> Title {
    Title {
        file_id: file_id.parse().unwrap(),
        app_id: app.app_id(),
        name: name.to_owned(),
        description: String::new(),
        mode: Mode::Private,
        state: TitleState::Uploading,
        failure: None,
        workflow_id: Some("adaptive".parse().unwrap()),
        version: None,
        last_version: 0,
        file_name: None,
        size_bytes: (at % 3 != 0).then(|| u64::try_from(at % 100).unwrap()),
        stored_bytes: None,
        duration_ms: None,
        created_at: at,
        updated_at: at / 2,
        published_at: None,
        change_seq: 0,
    }
}

fn insert(app: &TestApp, titles: &[Title]) {
    app.block_on(async {
        let mut write = app.installation().store().write().await.unwrap();
        for title in titles {
            write.insert_title(title).await.unwrap();
        }
        write.commit().await.unwrap();
    });
}

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

#[test]
fn ten_thousand_titles_are_listed_each_once_under_every_sort_also_while_titles_come_in() {
    let app = TestApp::start();
    // Few different times, names and lengths: pages end among equals.
    let titles: Vec<Title> =
        (0..10_000).map(|n| title(&app, &format!("t{n:05}"), &format!("Name {}", n % 37), n / 7)).collect();
    insert(&app, &titles);
    let expected: BTreeSet<String> =
        titles.iter().map(|title| title.file_id.to_string()).chain([TITLE.to_owned()]).collect();
    let mut extra = 0;
    for sort in ["createdAt", "updatedAt", "name", "durationMs", "sizeBytes"] {
        for direction in ["", "-"] {
            let mut seen = Vec::new();
            let mut after = String::new();
            loop {
                let page = list(&app, &format!("sort={direction}{sort}&limit=200{after}")).value();
                seen.extend(ids(&page).into_iter().filter(|id| !id.starts_with("extra")));
                let Some(next) = page["next"].as_str() else { break };
                after = format!("&after={next}");
                if seen.len() % 2000 < 200 {
                    extra += 1;
                    insert(&app, &[title(&app, &format!("extra{extra}"), "Name 5", extra * 100)]);
                }
            }
            assert_eq!(seen.len(), expected.len(), "{direction}{sort}: none twice");
            assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected, "{direction}{sort}");
        }
    }
    assert!(extra > 10, "titles came in meanwhile");
}

#[test]
fn a_sort_orders_and_its_cursor_serves_no_other() {
    let app = TestApp::start();
    insert(&app, &[title(&app, "a", "beta", 30), title(&app, "b", "Alpha", 10), title(&app, "c", "gamma", 20)]);
    let sorted = |sort: &str| ids(&list(&app, &format!("sort={sort}&state=uploading")).value());
    assert_eq!(sorted("createdAt"), ["b", "c", "a"]);
    assert_eq!(sorted("-createdAt"), ["a", "c", "b"]);
    assert_eq!(sorted("name"), ["b", "a", "c"], "case does not count");
    assert_eq!(sorted("sizeBytes"), ["a", "b", "c"], "an unknown length is the shortest");
    assert_eq!(ids(&list(&app, "").value())[0], TITLE, "the newest is first by default");
    let next = list(&app, "sort=name&limit=1").value()["next"].as_str().unwrap().to_owned();
    assert_eq!(list(&app, &format!("sort=name&after={next}")).status, 200);
    for query in [
        format!("sort=-name&after={next}"),
        format!("after={next}"),
        format!("sort=name&after={next}x"),
        "after=film".to_owned(),
        "sort=size".to_owned(),
        "sort=".to_owned(),
        "sort=--name".to_owned(),
        "limit=0".to_owned(),
        "limit=201".to_owned(),
        "limit=x".to_owned(),
        "state=deleted".to_owned(),
        "state=packaging".to_owned(),
        "label=".to_owned(),
        format!("label={}", "x".repeat(65)),
        "label=x&".repeat(21),
        format!("search={}", "x".repeat(257)),
        "search=%0a".to_owned(),
        "workflowId=a%20b".to_owned(),
        "search=a&search=b".to_owned(),
        "serach=a".to_owned(),
    ] {
        let response = list(&app, &query);
        assert_eq!(response.code(), "malformed_request", "{query}");
    }
}

#[test]
fn titles_are_found_by_text_state_label_and_workflow() {
    let app = TestApp::start();
    insert(&app, &[title(&app, "one", "100% Ärger_", 1), title(&app, "two", "Summer", 2), title(&app, "six", "x", 3)]);
    assert_eq!(
        patch(&app, "two", &json!({ "description": "Über den\nWolken", "labels": ["news", "kids"] })).status,
        200
    );
    assert_eq!(patch(&app, "one", &json!({ "labels": ["news"] })).status, 200);
    let found = |query: &str| ids(&list(&app, &format!("sort=createdAt&{query}")).value());
    assert_eq!(found("search=SUMMER"), ["two"]);
    assert_eq!(found("search=%C3%BCBER"), ["two"], "umlauts have a lower case too");
    assert_eq!(found("search=%C3%A4rg"), ["one"]);
    assert_eq!(found("search=TWO"), ["two"], "the file id");
    assert_eq!(found("search=0%25"), ["one"], "a percent sign is a percent sign");
    assert_eq!(found("search=r_"), ["one"]);
    assert_eq!(found("search=__"), Vec::<String>::new());
    assert_eq!(found("search="), ["one", "two", "six", TITLE], "nothing is searched for");
    assert_eq!(found("label=news"), ["one", "two"]);
    assert_eq!(found("label=news&label=kids"), ["two"], "every label");
    assert_eq!(found("state=published"), [TITLE]);
    assert_eq!(found("state=published&state=uploading"), ["one", "two", "six", TITLE], "any state");
    assert_eq!(found("workflowId=adaptive&search=x"), ["six"]);
    assert_eq!(found("workflowId=original"), Vec::<String>::new());
    assert_eq!(found("state=failed"), Vec::<String>::new());
}

#[test]
fn a_title_tells_everything_and_nothing_of_another_application() {
    let app = TestApp::start();
    let show = |file_id: &str| app.authorized("GET", &format!("/v1/titles/{file_id}")).send();
    let shown = show(TITLE).value();
    assert_eq!(
        (&shown["fileId"], &shown["state"], &shown["mode"]),
        (&json!(TITLE), &json!("published"), &json!("private"))
    );
    assert_eq!((&shown["version"], &shown["durationMs"], &shown["labels"]), (&json!(1), &json!(150_000), &json!([])));
    assert_eq!(shown["renditions"].as_array().unwrap().len(), 3);
    for absent in ["percent", "leftSecs", "failure", "workflowId", "coverUrl", "spritesUrl", "job", "fileName"] {
        assert_eq!(shown.get(absent), Some(&Value::Null), "{absent}");
    }
    let listed = list(&app, "").value()["titles"][0].clone();
    assert!(listed.get("renditions").is_none(), "lists are short");
    assert_eq!(listed["changeSeq"], shown["changeSeq"]);
    assert_eq!(show("unknown").code(), "title_not_found");
    assert_eq!(show("a%20b").code(), "malformed_request");
    let other = app.replica();
    let theirs = |method: &str, path: &str| {
        other.authorized(method, &format!("/v1/titles/{TITLE}{path}")).json("{}").send().code()
    };
    for (method, path) in
        [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/publish"), ("POST", "/unpublish"), ("GET", "/periods")]
    {
        assert_eq!(theirs(method, path), "title_not_found", "{method} {path}");
    }
    assert_eq!(ids(&list(&other, "").value()), Vec::<String>::new());
    assert_eq!(show(TITLE).value()["state"], "published", "nothing happened to it");
}

#[test]
fn pictures_of_a_complete_title_have_addresses_that_work() {
    let app = TestApp::start();
    std::fs::write(app.media_dir().join(TITLE).join("cover.jpg"), b"jpeg").unwrap();
    let database = app.config.data.dir.join("keyveil.db");
    app.block_on(async {
        let pool = sqlx::SqlitePool::connect(database.to_str().unwrap()).await.unwrap();
        sqlx::query("UPDATE title_versions SET cover = 'cover.jpg'").execute(&pool).await.unwrap();
        pool.close().await;
    });
    let cover = || app.authorized("GET", &format!("/v1/titles/{TITLE}")).send().value()["coverUrl"].clone();
    let url = cover().as_str().unwrap().to_owned();
    let path = url.split_once(app.address()).unwrap().1;
    assert_eq!(app.get(path).body, b"jpeg");
    let played = app.player().play_title(TITLE).0.playlist_url;
    let played = played.split_once(app.address()).unwrap().1;
    for file in ["master.m3u8", "v/00000.m4s"] {
        let response = app.get(&path.replace("cover.jpg", file));
        assert_eq!(response.code(), "url_invalid", "{file}: a picture's address plays nothing");
        assert_eq!(app.get(&played.replace("master.m3u8", file)).status, 200, "{file}");
    }
    assert_eq!(app.get(&played.replace("master.m3u8", "cover.jpg")).body, b"jpeg", "players show pictures, too");
    assert_eq!(post(&app, "film/unpublish").status, 200);
    assert_eq!(cover(), json!(url), "also before it is published");
    assert_eq!(app.get(path).status, 200);
    app.clock.advance(3599);
    assert_eq!(app.get(path).status, 200, "for an hour at least");
    app.clock.advance(3601);
    assert_eq!(app.get(path).code(), "url_expired");
}

#[test]
fn a_description_is_kept_and_an_unfit_one_changes_nothing() {
    let app = TestApp::start();
    let full = json!({ "name": "n".repeat(256), "description": "d\n\t".repeat(1333), "labels": ["b", "a", "a"] });
    let described = patch(&app, TITLE, &full).value();
    assert_eq!((&described["name"], &described["description"]), (&full["name"], &full["description"]));
    assert_eq!(described["labels"], json!(["a", "b"]));
    let labels: Vec<String> = (0..21).map(|n| format!("l{n}")).collect();
    for body in [
        json!({ "name": "" }),
        json!({ "name": "n".repeat(257) }),
        json!({ "name": "a\u{7}" }),
        json!({ "name": 5 }),
        json!({ "description": "d".repeat(4001) }),
        json!({ "description": "\u{0}" }),
        json!({ "labels": labels }),
        json!({ "labels": [""] }),
        json!({ "labels": ["l".repeat(65)] }),
        json!({ "labels": ["a\nb"] }),
        json!({ "labels": "a" }),
        json!({ "state": "ready" }),
        json!([]),
    ] {
        assert_eq!(patch(&app, TITLE, &body).code(), "malformed_request", "{body}");
    }
    let after = patch(&app, TITLE, &json!({})).value();
    assert_eq!(after, described, "a change of nothing is none");
    assert_eq!(patch(&app, TITLE, &json!({ "labels": [] })).value()["labels"], json!([]));
    let many = patch(&app, TITLE, &json!({ "labels": &labels[..20] }));
    assert_eq!(many.value()["labels"].as_array().unwrap().len(), 20);
    assert_eq!(patch(&app, "unknown", &json!({})).code(), "title_not_found");
    let response = app.authorized("PATCH", "/v1/titles/film").body("{}").send();
    assert_eq!(response.code(), "unsupported_media_type");
    let detail = patch(&app, TITLE, &json!({ "name": "" })).value()["error"]["detail"].clone();
    assert!(detail.as_str().unwrap().contains("name"), "{detail}");
}

#[test]
fn unpublishing_refuses_playback_media_and_keys_until_it_is_published_again() {
    let app = TestApp::start();
    let player = app.player();
    let (play, grant) = player.play_title(TITLE);
    let path = play.playlist_url.split_once(app.address()).unwrap().1;
    let psign = app.sign(&app.claims(TITLE));
    assert_eq!(app.get(path).status, 200);
    player.keys(&grant, json!({ "counter": 1 }));
    let unpublished = post(&app, "film/unpublish").value();
    assert_eq!(unpublished["state"], "ready");
    assert_eq!(post(&app, "film/unpublish").value()["changeSeq"], unpublished["changeSeq"], "harmless to repeat");
    assert_eq!(player.try_play(&psign, json!({})).code(), "title_not_found");
    assert_eq!(player.try_keys(&grant, json!({ "counter": 2 })).code(), "title_not_found");
    assert_eq!(app.get(path).code(), "not_found");
    let published = post(&app, "film/publish").value();
    assert_eq!(published["state"], "published");
    assert_eq!(post(&app, "film/publish").value()["changeSeq"], published["changeSeq"], "harmless to repeat");
    player.keys(&grant, json!({ "counter": 3 }));
    assert_eq!(app.get(path).status, 200);
    assert_eq!(player.try_play(&psign, json!({})).status, 200);
    app.put_title("new", "private");
    for action in ["publish", "unpublish"] {
        assert_eq!(post(&app, &format!("new/{action}")).code(), "title_state", "not complete yet");
        assert_eq!(post(&app, &format!("unknown/{action}")).code(), "title_not_found");
        let body = app.authorized("POST", &format!("/v1/titles/film/{action}")).json("{\"x\":1}").send();
        assert_eq!(body.code(), "malformed_request");
        assert_eq!(app.authorized("GET", &format!("/v1/titles/film/{action}")).send().code(), "method_not_allowed");
    }
    assert_eq!(kinds(&app, "fileId=film&limit=3"), ["session_started", "keys_released", "title_published"]);
}

fn kinds(app: &TestApp, query: &str) -> Vec<String> {
    let audit = app.authorized("GET", &format!("/v1/audit?{query}")).send().value();
    audit["audit"].as_array().unwrap().iter().map(|row| row["kind"].as_str().unwrap().to_owned()).collect()
}

fn events(app: &TestApp) -> Vec<(String, Value)> {
    let database = app.config.data.dir.join("keyveil.db");
    app.block_on(async {
        let pool = sqlx::SqlitePool::connect(database.to_str().unwrap()).await.unwrap();
        let rows: Vec<(String, String)> =
            sqlx::query_as("SELECT type, data FROM events ORDER BY seq").fetch_all(&pool).await.unwrap();
        pool.close().await;
        rows.into_iter().map(|(kind, data)| (kind, serde_json::from_str(&data).unwrap())).collect()
    })
}

#[test]
fn deleting_takes_the_secret_the_folders_the_jobs_and_the_sessions() {
    let mut app = TestApp::start();
    let store = app.config.data.dir.join("keyveil.db");
    let ciphertext = app.block_on(async {
        let version = app.installation().store().title_version(&TITLE.parse().unwrap(), 1).await.unwrap();
        version.unwrap().secret_ciphertext.unwrap()
    });
    app.block_on(async {
        let pool = sqlx::SqlitePool::connect(store.to_str().unwrap()).await.unwrap();
        for statement in [
            "UPDATE titles SET last_version = 3 WHERE file_id = 'film'",
            "INSERT INTO jobs (job_id, app_id, file_id, kind, state, run_after, created_at)
             SELECT 'j1', app_id, file_id, 'reencrypt', 'queued', 0, 0 FROM titles WHERE file_id = 'film'",
            "INSERT INTO job_log (job_id, seq, at, line) VALUES ('j1', 1, 0, 'x')",
        ] {
            sqlx::query(statement).execute(&pool).await.unwrap();
        }
        pool.close().await;
    });
    let folders = ["film", "film.2", "film.3"].map(|name| app.media_dir().join(name));
    std::fs::create_dir_all(folders[2].join("v")).unwrap();
    app.publish("film2", "private");
    let holds = |name: &str| {
        let bytes = std::fs::read(app.config.data.dir.join(name)).unwrap_or_default();
        bytes.windows(ciphertext.len()).any(|window| window == ciphertext)
    };
    assert!(holds("keyveil.db") || holds("keyveil.db-wal"), "the search finds what is there");
    let (_, grant) = app.player().play_title(TITLE);
    let (_, other) = app.player().play_title("film2");
    assert_eq!(patch(&app, TITLE, &json!({ "labels": ["a"] })).status, 200);
    let shown = app.authorized("GET", "/v1/titles/film").send().value();
    assert_eq!(shown["job"]["kind"], "reencrypt");
    assert_eq!(app.authorized("DELETE", "/v1/titles/film").send().status, 204);
    assert!(!folders[0].exists() && !folders[2].exists());
    assert!(app.media_dir().join("film2").exists(), "a name that begins alike is another title's");
    assert!(!holds("keyveil.db") && !holds("keyveil.db-wal"), "its secret is not in a free page or an old log");
    assert_eq!(app.player().try_keys(&grant, json!({})).code(), "title_not_found");
    app.player().keys(&other, json!({}));
    let session = app.block_on(app.installation().store().session(&grant.session_id)).unwrap().unwrap();
    assert!(session.revoked_at.is_some());
    let left: i64 = app.block_on(async {
        let pool = sqlx::SqlitePool::connect(store.to_str().unwrap()).await.unwrap();
        let sql =
            "SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM job_log) + (SELECT count(*) FROM title_labels)";
        let count = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
        pool.close().await;
        count
    });
    assert_eq!(left, 0);
    assert_eq!(kinds(&app, "fileId=film&limit=1"), ["title_deleted"], "its history stays");
    assert_eq!(events(&app).iter().filter(|(kind, _)| kind == "title.deleted").count(), 1);
    app.stop();
}

#[test]
fn a_run_takes_back_only_what_is_its_own() {
    let app = TestApp::start();
    let run_key = |run| publication(run, "private")["publicKey"].as_str().unwrap().to_owned();
    let delete = |run| app.authorized("DELETE", "/v1/titles/new").header("Keyveil-Public-Key", &run_key(run)).send();
    app.put_title_in_run(1, "new", "private");
    app.put_title_in_run(2, "new", "private");
    assert_eq!(delete(1).code(), "title_exists", "another run took it over");
    assert!(app.secret("new") == app.put_title_in_run(2, "new", "private").1.unwrap(), "nothing happened to it");
    assert_eq!(delete(2).status, 204);
    assert_eq!(delete(2).code(), "title_not_found");
}

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
