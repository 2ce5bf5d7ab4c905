//! If the log can't be written, nothing happens: one act of each kind against a log that refuses its row.

use std::collections::BTreeSet;

use keyveil_key_server::actions::account::users;
use keyveil_key_server::actions::{builds, kms, server_keys, sessions, workers};
use keyveil_key_server::kms::{RootKeySource, open_local};
use keyveil_protocol::workflow::WorkflowSettings;
use serde_json::{Value, json};

use super::acts::{Acts, answered};
use crate::account::{PASSWORD, Person, password, sign_in};
use crate::standard::{self, PlainPlayer, SHOW};
use crate::support::{TITLE, TestApp, publication};

/// Rows of these are written by no request, or tell of the log itself: `ends.rs`, `pruning.rs` and the sweep of versions.
const ELSEWHERE: [&str; 5] = ["installation_created", "log_sealed", "log_broken", "log_pruned", "version_forgotten"];

#[test]
fn what_cannot_be_logged_does_not_happen() {
    let app = TestApp::builder().allow_private().start();
    let acts = Acts::of(&app);
    applications(&acts);
    people(&acts);
    titles(&acts);
    playback(&acts);
    jobs(&acts);
    hooks_and_origins(&acts);
    command_line(&acts);
    let source = include_str!("../../../src/store/audit.rs");
    let kinds = source.lines().filter_map(|line| line.split_once(" => \"")?.1.strip_suffix("\","));
    let mut kinds: BTreeSet<String> = kinds.map(str::to_owned).collect();
    for kind in ELSEWHERE {
        assert!(kinds.remove(kind), "{kind}");
    }
    assert_eq!(acts.seen(), kinds);
}

fn applications(acts: &Acts<'_>) {
    let app_path = format!("/v1/apps/{}", acts.app.app_id());
    acts.ask("app_changed", "PATCH", &app_path, &json!({ "name": "New" }));
    let kid = acts.ask("signing_key_created", "POST", "/v1/signing-keys", &json!({})).value()["kid"].clone();
    acts.ask("signing_key_retired", "DELETE", &format!("/v1/signing-keys/{}", kid.as_str().unwrap()), &json!({}));
    let new = json!({ "name": "reader", "scopes": ["read"] });
    let key = acts.ask("api_key_created", "POST", "/v1/api-keys", &new).value()["apiKeyId"].clone();
    acts.ask("api_key_retired", "DELETE", &format!("/v1/api-keys/{}", key.as_str().unwrap()), &json!({}));
    let mut body = json!({ "workflowId": "mine", "name": "Mine", "settings": WorkflowSettings::default() });
    acts.ask("workflow_created", "POST", "/v1/workflows", &body);
    body["name"] = "Ours".into();
    acts.ask("workflow_changed", "PUT", "/v1/workflows/mine", &body);
    acts.ask("workflow_deleted", "DELETE", "/v1/workflows/mine", &json!({}));
}

fn people(acts: &Acts<'_>) {
    let app = acts.app;
    let installation = app.installation();
    let add = || app.block_on(users::create(installation, "bob", &password(PASSWORD), 1));
    acts.act("user_created", add);
    acts.act("signed_in", || answered(sign_in(app, "bob", PASSWORD)));
    acts.act("sign_in_failed", || match sign_in(app, "bob", "wrong horse battery").code().as_str() {
        "sign_in_failed" => Ok(()),
        _ => Err(()),
    });
    let alice = Person::new(app);
    acts.send("app_created", || alice.request("POST", "/v1/apps").json(json!({ "name": "Shop" }).to_string()));
    let change = json!({ "current": PASSWORD, "next": "a longer password" }).to_string();
    acts.send("password_changed", || alice.request("POST", "/v1/me/password").json(change.as_str()));
    acts.send("signed_out", || alice.request("POST", "/v1/sign-out").json("{}"));
    acts.act("password_changed", || {
        app.block_on(users::set_password(installation, "bob", &password("a longer password"), 1))
    });
    acts.act("user_disabled", || app.block_on(users::disable(installation, "bob", 1)));
}

fn titles(acts: &Acts<'_>) {
    let app = acts.app;
    acts.act("title_registered", || answered(app.put_title("new", "private").0));
    let commit = publication(1, "private");
    acts.ask("title_published", "POST", "/v1/titles/new/commit", &commit);
    acts.ask("title_unpublished", "POST", "/v1/titles/new/unpublish", &json!({}));
    acts.ask("title_published", "POST", "/v1/titles/new/publish", &json!({}));
    acts.ask("title_described", "PATCH", "/v1/titles/new", &json!({ "name": "Newer" }));
    acts.ask("signature_made", "POST", "/v1/player-signatures", &json!({ "fileId": "new" }));
    standard::publish(app, SHOW);
    let keys = json!({ "mediaId": "media", "keys": [{ "ciphertext": "text", "key": "AAAAAAAAAAAAAAAAAAAAAA" }] });
    acts.ask("keys_imported", "PUT", &format!("/v1/titles/{SHOW}/imported-keys"), &keys);
    acts.ask("title_deleted", "DELETE", "/v1/titles/new", &json!({}));
}

fn playback(acts: &Acts<'_>) {
    let app = acts.app;
    let player = app.player();
    let psign = app.sign(&app.claims(TITLE));
    acts.act("session_started", || answered(player.try_play(&psign, json!({}))));
    let (_, grant) = player.play(&psign, json!({}));
    acts.act("keys_released", || answered(player.try_keys(&grant, json!({}))));
    // A counter that no player of ours reaches.
    acts.act("session_suspected", || answered(player.try_keys(&grant, json!({ "counter": 5000 }))));
    let psign = app.sign(&app.claims(SHOW));
    acts.act("session_started", || answered(standard::entry(app, SHOW, &psign).send()));
    let plain = PlainPlayer::open(app, SHOW);
    acts.act("keys_released", || answered(plain.key("HD", "0")));
    acts.ask("sessions_revoked", "DELETE", &format!("/v1/sessions/{}", grant.session_id), &json!({}));
    let kid = &app.app.signing_key.kid;
    acts.act("sessions_revoked", || app.block_on(sessions::revoke_signed_by(app.installation(), app.app_id(), kid, 1)));
}

fn jobs(acts: &Acts<'_>) {
    let app = acts.app;
    let worker = app.worker();
    let job = app.queue("job", b"a film", WorkflowSettings::default());
    acts.ask("job_changed", "PATCH", &format!("/v1/jobs/{job}"), &json!({ "priority": 5 }));
    acts.ask("job_ended", "POST", &format!("/v1/jobs/{job}/cancel"), &json!({}));
    acts.ask("job_queued", "POST", "/v1/titles/job/retry", &json!({}));
    let claimed: Value = acts.act("job_claimed", || answered(worker.try_claim(app, json!({})).0)).value();
    assert_eq!(claimed["fileId"], "job");
}

fn hooks_and_origins(acts: &Acts<'_>) {
    // Nobody listens there.
    let new = json!({ "url": "http://127.0.0.1:9/", "types": ["title.deleted"] });
    let hook = acts.ask("webhook_created", "POST", "/v1/webhooks", &new).value();
    let path = format!("/v1/webhooks/{}", hook["webhookId"].as_str().unwrap());
    acts.ask("webhook_changed", "PATCH", &path, &json!({ "url": "http://127.0.0.1:9/again" }));
    assert_eq!(acts.app.authorized("DELETE", "/v1/titles/job").send().status, 204);
    let listed = acts.app.authorized("GET", &format!("{path}/deliveries")).send().value();
    let delivery = listed["deliveries"][0]["deliveryId"].as_str().unwrap();
    let event = listed["deliveries"][0]["eventId"].as_str().unwrap();
    acts.ask("event_resent", "POST", &format!("{path}/deliveries/{delivery}/resend"), &json!({}));
    acts.ask("event_resent", "POST", &format!("/v1/events/{event}/resend"), &json!({}));
    acts.ask("webhook_deleted", "DELETE", &path, &json!({}));
    let origin =
        json!({ "originId": "cdn", "baseUrl": "https://cdn.example.com", "scheme": "a", "key": "aMainKey12345678" });
    acts.ask("media_origin_created", "POST", "/v1/media-origins", &origin);
    let change = json!({ "baseUrl": "https://cdn2.example.com" });
    acts.ask("media_origin_changed", "PATCH", "/v1/media-origins/cdn", &change);
    acts.ask("media_origin_deleted", "DELETE", "/v1/media-origins/cdn", &json!({}));
}

fn command_line(acts: &Acts<'_>) {
    let app = acts.app;
    let (installation, store) = (app.installation(), app.installation().store());
    assert_eq!(app.worker().register(app, "w1", json!({})).status, 200);
    let (id, by) = ("w1".parse().unwrap(), json!({}));
    acts.act("worker_drained", || app.block_on(workers::set_drain(installation, &id, true, by.clone(), 1)));
    acts.act("worker_undrained", || app.block_on(workers::set_drain(installation, &id, false, by.clone(), 1)));
    let key = acts.act("worker_created", || app.block_on(workers::create(installation, "rack", 1)));
    acts.act("worker_retired", || app.block_on(workers::retire(installation, key.id(), 1)));
    let build = acts.act("build_created", || app.block_on(builds::create(installation, 1)));
    acts.act("build_exported", || app.block_on(builds::open(installation, None, 1)));
    acts.act("build_retired", || app.block_on(builds::retire(installation, &build, 1)));
    acts.act("server_key_rotated", || app.block_on(server_keys::rotate(installation, true, 1)));

    let rotate = |new_key| app.block_on(kms::rotate(store, installation.kms(), new_key, 1, |_| {}));
    acts.act("kms_key_requested", || rotate(true));
    app.block_on(installation.kms().new_key()).unwrap();
    acts.act("kms_rotated", || rotate(false));
    let keyring = app.block_on(open_local(&app.config, store)).unwrap();
    let later = app.now() + 3600;
    acts.act("kms_key_retired", || app.block_on(kms::retire(store, &keyring, 1, later)));
    let root_key = RootKeySource::File(app.config.data.dir.join("another.key"));
    acts.act("root_key_changed", || app.block_on(kms::change_root_key(store, &keyring, &root_key, 1)));
}
