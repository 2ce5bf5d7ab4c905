//! One title: its description, pictures and publication.

use super::*;

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
    app.database().run("UPDATE title_versions SET cover = 'cover.jpg'");
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
