//! What the server logs at its finest level while everything secret passes through it: none of it.

pub(crate) mod search;

use std::process::Command;

use keyveil_key_server::actions::account::users;
use keyveil_key_server::actions::builds;
use keyveil_protocol::job::ClaimedJob;
use keyveil_protocol::workflow::WorkflowSettings;
use keyveil_protocol::{Cipher, Period, Rendition, Segment, TrackClass};
use serde_json::{Value, json};

use crate::account::{PASSWORD, Person, password, sign_in};
use crate::standard::{PlainPlayer, SHOW, with_show};
use crate::support::{Response, TITLE, TestApp};
use search::{Captured, Secrets};

/// Tells the process that captures from the one that starts it: a log can be listened to once in a process.
const CAPTURING: &str = "KEYVEIL_TEST_CAPTURING";
const CDN_KEY: &str = "aMainKey12345678";

#[test]
fn no_secret_is_logged_at_any_level() {
    if std::env::var_os(CAPTURING).is_some() {
        return capture();
    }
    let name = "log_secrets::no_secret_is_logged_at_any_level";
    let output = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(CAPTURING, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "it ran");
}

fn capture() {
    let log = Captured::begin();
    let app = with_show(TestApp::builder().allow_private().start());
    let mut secrets = Secrets::default();
    of_installation(&app, &mut secrets);
    of_people(&app, &mut secrets);
    of_keys(&app, &mut secrets);
    of_private_playback(&app, &mut secrets);
    of_standard_playback(&app, &mut secrets);
    of_jobs(&app, &mut secrets);
    assert_eq!(app.authorized("GET", "/v1/audit?limit=100").send().status, 200);
    assert!(app.block_on(app.installation().store().verify_audit()).is_ok());
    assert!(secrets.len() > 40, "{}", secrets.len());

    let text = log.text();
    for route in
        ["/v1/play", "/v1/keys", "/v1/sign-in", "/v1/jobs/claim", "/v1/hls-keys", "/v1/webhooks", "url_invalid"]
    {
        assert!(text.contains(route), "{route}: the search looks at a log that is there");
    }
    assert_eq!(secrets.found_in(&text), Vec::<String>::new());
    // The same search finds each of them in each form once something does log it.
    for (name, form) in secrets.forms() {
        tracing::trace!("a leak: {form}");
        let leaked = log.text();
        assert!(secrets.found_in(&leaked[text.len()..]).contains(&name), "{name}: {form}");
        log.forget_from(text.len());
    }
}

fn of_installation(app: &TestApp, secrets: &mut Secrets) {
    secrets.bytes("root key", &std::fs::read(app.config.data.dir.join("root.key")).unwrap());
    let build = app.block_on(builds::open(app.installation(), None, 1)).unwrap();
    secrets.bytes("build secret", build.secret.expose_secret());
    for file_id in [TITLE, SHOW] {
        let title = app.secret(file_id);
        secrets.bytes("title secret", title.expose_secret());
        for period in (0..5).map(Period) {
            let key = title.period_key(TrackClass::Hd, period);
            secrets.bytes("period key", key.expose_secret());
            secrets.bytes(
                "segment key",
                key.segment_key(Cipher::Aes128Cbc, Rendition(0), Segment(period.0 * 5)).expose_secret(),
            );
        }
    }
}

fn of_people(app: &TestApp, secrets: &mut Secrets) {
    let alice = Person::new(app);
    secrets.text("password", PASSWORD);
    secrets.text("sign-in cookie", alice.cookie.split_once('=').unwrap().1);
    let wrong = "a wrong but telling password";
    assert_eq!(sign_in(app, "alice", wrong).status, 401);
    secrets.text("wrong password", wrong);
    assert!(app.block_on(users::create(app.installation(), "bob", &password("bob's own password"), 1)).is_ok());
    secrets.text("another password", "bob's own password");
    assert_eq!(alice.request("POST", "/v1/sign-out").json("{}").send().status, 204);
}

fn of_keys(app: &TestApp, secrets: &mut Secrets) {
    let post = |path: &str, body: Value| -> Value {
        let response = app.authorized("POST", path).json(body.to_string()).send();
        assert_eq!(response.status, 201, "{path}: {}", response.text());
        response.value()
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    secrets.text("API key", secret_of(&app.app.api_key.expose_text()));
    secrets.text("signing key", app.app.signing_key.expose_text());
    secrets.text("new signing key", &text(&post("/v1/signing-keys", json!({}))["text"]));
    let api_key = text(&post("/v1/api-keys", json!({ "name": "k", "scopes": ["read"] }))["text"]);
    secrets.text("new API key", secret_of(&api_key));
    let guessed = format!("{}{}", &api_key[..api_key.len() - 43], "A".repeat(43));
    let guess = app.get_with("/v1/titles", &[("Authorization", &format!("Bearer {guessed}"))]);
    assert_eq!(guess.code(), "api_key_invalid");
    let webhook = post("/v1/webhooks", json!({ "url": "http://127.0.0.1:9/" }));
    secrets.text("webhook secret", &text(&webhook["secret"]));
    let origin = json!({ "originId": "cdn", "baseUrl": "https://cdn.example.com", "scheme": "a", "key": CDN_KEY });
    post("/v1/media-origins", origin);
    secrets.text("CDN key", CDN_KEY);
}

/// The end of an API key's or a job token's text.
fn secret_of(api_key: &str) -> &str {
    &api_key[api_key.len() - 43..]
}

fn of_private_playback(app: &TestApp, secrets: &mut Secrets) {
    let player = app.player();
    let psign = app.sign(&app.claims(TITLE));
    secrets.text("psign", &psign);
    secrets.text("psign's HMAC", psign.rsplit_once('.').unwrap().1);
    let (play, grant) = player.play(&psign, json!({}));
    secrets.bytes("session MAC key", grant.mac_key.expose_secret());
    for key in &grant.keys {
        secrets.bytes("released period key", key.key.expose_secret());
    }
    secrets.text("envelope", &play.grant.as_ref().unwrap().ciphertext);
    let path = play.playlist_url.split_once(app.address()).unwrap().1.to_owned();
    secrets.text("url token", path.split('/').nth(2).unwrap().split_once('-').unwrap().1);
    assert_eq!(app.get(&path).status, 200);
    assert_eq!(app.get(&path.replacen("/media/", "/media/A", 1)).code(), "url_invalid");
    let (_, keys) = player.keys(&grant, json!({ "counter": 1, "period": 1 }));
    for key in &keys.keys {
        secrets.bytes("later period key", key.key.expose_secret());
    }
    assert!(player.try_play(&format!("{psign}A"), json!({ "fileId": [psign] })).status >= 400);
    let session = serde_json::to_value(grant.session_id).unwrap();
    let revoke = app.authorized("DELETE", &format!("/v1/sessions/{}", session.as_str().unwrap())).send();
    assert_eq!(revoke.status, 204, "{}", revoke.text());
    assert_eq!(player.try_keys(&grant, json!({ "counter": 2, "period": 2 })).code(), "session_invalid");
    let made = app.authorized("POST", "/v1/player-signatures").json(json!({ "fileId": TITLE }).to_string()).send();
    secrets.text("made psign", made.value()["psign"].as_str().unwrap());
}

fn of_standard_playback(app: &TestApp, secrets: &mut Secrets) {
    let plain = PlainPlayer::open(app, SHOW);
    let token = plain.token();
    secrets.text("session token", &token);
    assert_eq!(plain.playlist("v720p").status, 200);
    let key: Response = plain.key("HD", "0");
    assert_eq!(key.status, 200, "{}", key.text());
    secrets.bytes("standard key", &key.body);
}

fn of_jobs(app: &TestApp, secrets: &mut Secrets) {
    app.queue("next", b"a source that nobody else may read", WorkflowSettings::default());
    let worker = app.worker();
    secrets.text("worker key", secret_of(&worker.key_text()));
    let claimed = worker.claim(app).unwrap();
    let ClaimedJob { token, .. } = &claimed.job;
    secrets.text("job token", secret_of(token));
    secrets.bytes("job's title secret", claimed.secret.as_ref().unwrap().expose_secret());
    let source = claimed.request(app, "GET", "source").send();
    assert_eq!(source.body, b"a source that nobody else may read");
    secrets.text("a source", "a source that nobody else may read");
    assert_eq!(claimed.heartbeat(app, json!({})).status, 200);
    claimed.store_all(app);
    assert_eq!(claimed.complete(app).status, 200);
}
