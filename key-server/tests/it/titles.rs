use keyveil_protocol::ApiKey;
use keyveil_protocol::psign::UnverifiedPlayerSignature;
use serde_json::{Value, json};

use crate::support::{TITLE, TestApp, publication};

const PUBLIC_KEY: &str = "CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[test]
fn the_packager_receives_the_secret_that_the_kms_keeps() {
    let app = TestApp::start();
    let (response, secret) = app.put_title("new", "private");
    assert_eq!(response.status, 201);
    assert_eq!(secret.unwrap(), app.secret("new"));
    let (again, same) = app.put_title("new", "private");
    assert_eq!(again.status, 200);
    assert_eq!(same.unwrap(), app.secret("new"), "the same secret, sealed anew");
    assert_ne!(again.value()["titleSecret"], response.value()["titleSecret"]);
    let (clear, none) = app.put_title("clear", "clear");
    assert_eq!(clear.status, 201);
    assert!(none.is_none());
    assert_eq!(clear.value()["titleSecret"], Value::Null);
}

#[test]
fn another_run_of_the_packager_gets_a_fresh_secret_and_only_it_may_publish() {
    let app = TestApp::start();
    let (_, first) = app.put_title_in_run(1, "new", "private");
    let (response, second) = app.put_title_in_run(2, "new", "private");
    assert_eq!(response.status, 200);
    assert_ne!(first, second, "no key and IV may encrypt two different files");
    assert_eq!(second.unwrap(), app.secret("new"));
    let publish = |run| {
        let body = publication(run, "private").to_string();
        app.authorized("POST", "/v1/titles/new/commit").json(body).send()
    };
    assert_eq!(publish(1).code(), "title_exists", "its media is encrypted under a secret that is gone");
    assert_eq!(publish(2).status, 200);
    assert_eq!(publish(1).code(), "title_exists");
    assert_eq!(app.put_title_in_run(3, "new", "private").0.code(), "title_exists");
}

#[test]
fn a_taken_file_id_is_refused() {
    let app = TestApp::start();
    assert_eq!(app.put_title(TITLE, "private").0.code(), "title_exists");
    app.put_title("mine", "private");
    assert_eq!(app.put_title("mine", "clear").0.code(), "title_exists", "a title does not change its mode");
    let other = app.replica();
    assert_eq!(other.put_title("mine", "private").0.code(), "title_exists");
    assert_eq!(app.authorized("DELETE", "/v1/titles/mine").send().status, 204);
    assert_eq!(app.put_title("mine", "private").0.code(), "title_exists", "a deleted title's id is not reused");
}

#[test]
fn an_unfit_registration_is_refused() {
    let app = TestApp::start();
    let put = |file_id: &str, body: Value| {
        app.authorized("PUT", &format!("/v1/titles/{file_id}")).json(body.to_string()).send().code()
    };
    let body = |name: &str, mode: &str, public_key: &str| json!({ "fileId": "x", "publicKey": public_key, "name": name, "mode": mode });
    assert_eq!(put("x", body("", "private", PUBLIC_KEY)), "malformed_request");
    assert_eq!(put("x", body(&"n".repeat(257), "private", PUBLIC_KEY)), "malformed_request");
    assert_eq!(put("x", body("n", "drm", PUBLIC_KEY)), "malformed_request");
    assert_eq!(put("x", body("n", "private", "AAAA")), "public_key_invalid");
    assert_eq!(put("x", body("n", "private", &"A".repeat(43))), "public_key_invalid");
    assert_eq!(put("a%20b", body("n", "private", PUBLIC_KEY)), "malformed_request");
    assert_eq!(put(&"x".repeat(65), body("n", "private", PUBLIC_KEY)), "malformed_request");
    assert_eq!(put("x", json!({ "fileId": "x", "name": "n", "mode": "private" })), "malformed_request");
    assert_eq!(put("y", body("n", "private", PUBLIC_KEY)), "malformed_request", "path and body name one title");
    assert_eq!(app.put_title("x", "private").0.status, 201, "no refusal left anything behind");
}

#[test]
fn publishing_is_harmless_to_repeat_and_changes_nothing_later() {
    let app = TestApp::start();
    let publish = |file_id: &str, body: &Value| {
        app.authorized("POST", &format!("/v1/titles/{file_id}/commit")).json(body.to_string()).send()
    };
    let again = publish(TITLE, &publication(1, "private"));
    assert_eq!(again.status, 200);
    assert_eq!(again.value()["fileId"], TITLE);
    assert_eq!(again.value()["renditions"].as_array().unwrap().len(), 3);
    let mut other = publication(1, "private");
    other["durationMs"] = json!(1);
    assert_eq!(publish(TITLE, &other).code(), "title_exists");
    assert_eq!(publish("unknown", &publication(1, "private")).code(), "title_not_found");
    let stranger = app.replica();
    let theirs = stranger.authorized("POST", &format!("/v1/titles/{TITLE}/commit"));
    assert_eq!(theirs.json(publication(1, "private").to_string()).send().code(), "title_not_found");
}

#[test]
fn an_unfit_publication_is_refused() {
    let app = TestApp::start();
    app.put_title("new", "private");
    let changes: [(&str, Value); 16] = [
        ("/durationMs", json!(0)),
        ("/durationMs", json!(-1)),
        ("/cipher", Value::Null),
        ("/cipher", json!("rot13")),
        ("/container", json!("avi")),
        ("/segmentMs", json!(0)),
        ("/periodSegments", json!(0)),
        ("/periodSegments", json!(10_001)),
        ("/segmentCount", json!(0)),
        ("/segmentCount", json!(26)),
        ("/renditions", json!([])),
        ("/renditions/1/rendition", json!(0)),
        ("/renditions/0/segmentCount", json!(0)),
        ("/renditions/0/playlist", json!("../other/playlist.m3u8")),
        ("/renditions/0/playlist", json!("playlist.m4s")),
        ("/renditions/0/trackClass", json!("8K")),
    ];
    for (place, value) in changes {
        let mut body = publication(1, "private");
        *body.pointer_mut(place).unwrap() = value.clone();
        let response = app.authorized("POST", "/v1/titles/new/commit").json(body.to_string()).send();
        assert_eq!(response.code(), "malformed_request", "{place} {value}");
    }
    let mut body = publication(1, "private");
    body["cipher"] = json!("chacha20-poly1305");
    let commit =
        |file_id: &str| app.authorized("POST", &format!("/v1/titles/{file_id}/commit")).json(body.to_string()).send();
    assert_eq!(commit("new").status, 200);
    app.put_title("standard", "standard");
    assert_eq!(commit("standard").code(), "malformed_request", "standard players know AES only");
}

#[test]
fn a_deleted_title_is_gone() {
    let app = TestApp::start();
    let delete = |file_id: &str| app.authorized("DELETE", &format!("/v1/titles/{file_id}")).send();
    let (play, _) = app.player().play_title(TITLE);
    let path = play.playlist_url.split_once(app.address()).unwrap().1.to_owned();
    assert_eq!(app.get(&path).status, 200);
    assert_eq!(delete("unknown").code(), "title_not_found");
    assert_eq!(delete(TITLE).status, 204);
    assert_eq!(delete(TITLE).code(), "title_not_found");
    assert_eq!(app.get(&path).code(), "not_found");
    assert_eq!(app.player().try_play(&app.sign(&app.claims(TITLE)), json!({})).code(), "title_not_found");
    assert!(app.block_on(app.installation().title_secret(&TITLE.parse().unwrap())).unwrap().is_none());
}

#[test]
fn the_server_signs_for_an_api_key() {
    let app = TestApp::start();
    let sign = |body: Value| app.authorized("POST", "/v1/player-signatures").json(body.to_string()).send();
    let made = sign(json!({ "fileId": TITLE, "expiresInSecs": 60, "uid": "alice", "maxTrack": "SD" })).value();
    let psign = made["psign"].as_str().unwrap();
    assert!(UnverifiedPlayerSignature::parse(psign).is_ok());
    let (response, grant) = app.player().play(psign, json!({}));
    assert_eq!(json!(response.session.expires_at), made["expiresAt"]);
    assert!(grant.keys.iter().all(|entry| entry.track_class.number() <= 1));
    assert_eq!(sign(json!({ "fileId": "unknown" })).code(), "title_not_found");
    for body in [
        json!({}),
        json!({ "fileId": TITLE, "expiresInSecs": 0 }),
        json!({ "fileId": TITLE, "uid": "" }),
        json!({ "fileId": TITLE, "uid": "u".repeat(129) }),
        json!({ "fileId": TITLE, "maxTrack": "8K" }),
        json!({ "fileId": TITLE, "twice": true }),
    ] {
        assert_eq!(sign(body).code(), "malformed_request");
    }
}

#[test]
fn a_wrong_api_key_is_refused_everywhere() {
    let app = TestApp::start();
    let genuine = app.app.api_key.expose_text();
    let id = app.app.api_key.id();
    let wrong_secret = format!("kv_{id}_{PUBLIC_KEY}");
    assert!(wrong_secret.parse::<ApiKey>().is_ok());
    let unknown_id = format!("kv_nobody_{}", &genuine[genuine.len() - 43..]);
    let headers = [
        None,
        Some(String::new()),
        Some("Bearer".to_owned()),
        Some("Bearer ".to_owned()),
        Some(format!("Basic {genuine}")),
        Some(genuine.clone()),
        Some(format!("Bearer {wrong_secret}")),
        Some(format!("Bearer {unknown_id}")),
        Some(format!("Bearer {genuine}x")),
    ];
    for header in &headers {
        for (method, path) in [
            ("GET", "/v1/titles"),
            ("PUT", "/v1/titles/x"),
            ("POST", "/v1/titles/x/commit"),
            ("DELETE", "/v1/titles/film"),
            ("POST", "/v1/player-signatures"),
        ] {
            let request = app.request(method, path);
            let request = match header {
                Some(value) => request.header("Authorization", value),
                None => request,
            };
            assert_eq!(request.json("{}").send().code(), "api_key_invalid", "{method} {path} {header:?}");
        }
    }
    assert_eq!(app.authorized("GET", "/v1/titles").send().status, 200);
}
