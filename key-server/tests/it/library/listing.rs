//! Lists and searches.

use super::*;

fn title(app: &TestApp, file_id: &str, name: &str, at: i64) -> Title {
    Title {
        workflow_id: Some("adaptive".parse().unwrap()),
        size_bytes: (at % 3 != 0).then(|| u64::try_from(at % 100).unwrap()),
        updated_at: at / 2,
        ..Title::new(
            app.app_id(),
            file_id.parse().unwrap(),
            name.to_owned(),
            (Mode::Private, TitleState::Uploading),
            at,
        )
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
