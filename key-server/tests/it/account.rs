//! People: signing in and out, what a foreign page can't do, and where passwords never show.

use keyveil_key_server::actions::account::{Password, users};
use keyveil_key_server::store::UserRow;
use serde_json::{Value, json};

use crate::support::{Request, Response, TITLE, TestApp, publication};

pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) fn password(text: &str) -> Password {
    text.to_owned().try_into().unwrap()
}

/// Someone who has signed in.
pub(crate) struct Person<'a> {
    app: &'a TestApp,
    pub(crate) cookie: String,
}

impl<'a> Person<'a> {
    pub(crate) fn new(app: &'a TestApp) -> Self {
        add(app, "alice");
        Self::sign_in(app, "alice", PASSWORD)
    }

    /// Another sign-in of the same person.
    pub(crate) fn again(app: &'a TestApp) -> Self {
        Self::sign_in(app, "alice", PASSWORD)
    }

    fn sign_in(app: &'a TestApp, name: &str, password: &str) -> Self {
        let response = sign_in(app, name, password);
        assert_eq!(response.status, 200, "{}", response.text());
        Self { app, cookie: cookie_of(&response) }
    }

    /// As the console sends it.
    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        let app_id = self.app.app_id().to_string();
        self.bare(method, path).header("Origin", &origin(self.app)).header("Keyveil-App", &app_id)
    }

    /// For the application of another test app over the same data.
    pub(crate) fn request_for(&self, app: &TestApp, method: &str, path: &str) -> Request {
        let request = app.request(method, path).header("Cookie", &self.cookie).header("Origin", &origin(app));
        request.header("Keyveil-App", &app.app_id().to_string())
    }

    fn bare(&self, method: &str, path: &str) -> Request {
        self.app.request(method, path).header("Cookie", &self.cookie)
    }
}

fn origin(app: &TestApp) -> String {
    format!("http://{}", app.address())
}

fn add(app: &TestApp, name: &str) {
    app.block_on(users::create(app.installation(), name, &password(PASSWORD), 1)).unwrap();
}

pub(crate) fn sign_in(app: &TestApp, name: &str, password: &str) -> Response {
    let body = json!({ "name": name, "password": password }).to_string();
    app.request("POST", "/v1/sign-in").header("Origin", &origin(app)).json(body).send()
}

fn cookie_of(response: &Response) -> String {
    response.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

#[test]
fn a_person_signs_in_is_known_and_signs_out() {
    let app = TestApp::start();
    let alice = Person::new(&app);
    let me = alice.request("GET", "/v1/me").send();
    assert_eq!(me.value()["user"]["name"], "alice");
    assert_eq!(me.value()["apps"], json!([{ "appId": app.app_id(), "name": "Test" }]));
    assert_eq!(me.value(), sign_in(&app, "ALICE", PASSWORD).value(), "capitals don't count");
    let titles = alice.request("GET", "/v1/titles").send();
    assert_eq!(titles.value()["titles"][0]["fileId"], TITLE);

    let out = alice.request("POST", "/v1/sign-out").json("{}").send();
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(alice.request("GET", "/v1/me").send().code(), "sign_in_required");
    assert_eq!(alice.request("POST", "/v1/sign-out").json("{}").send().status, 204, "once more is harmless");
}

#[test]
fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
    let app = TestApp::start();
    add(&app, "alice");
    let response = sign_in(&app, "alice", PASSWORD);
    let cookie = response.header("set-cookie").unwrap();
    let parts: Vec<_> = cookie.split("; ").collect();
    assert!(parts[0].starts_with("keyveil_session=") && parts[0].len() == "keyveil_session=".len() + 43);
    for flag in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=604800"] {
        assert!(parts.contains(&flag), "{flag}: {cookie}");
    }
    assert!(!parts.contains(&"Secure"), "plain http would never send it back");

    let secure = TestApp::builder().public_url("https://video.example.com").start();
    add(&secure, "alice");
    let body = json!({ "name": "alice", "password": PASSWORD }).to_string();
    let request = secure.request("POST", "/v1/sign-in").header("Origin", "https://video.example.com");
    let response = request.json(body).send();
    let cookie = response.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-keyveil_session=") && cookie.contains("; Secure"), "{cookie}");
    let value = cookie_of(&response);
    let me = |cookie: &str| secure.get_with("/v1/me", &[("Cookie", cookie), ("Keyveil-Console", "1")]);
    assert_eq!(me(&value).status, 200);
    assert_eq!(me(value.strip_prefix("__Host-").unwrap()).code(), "sign_in_required", "the other name is not taken");
}

#[test]
fn wrong_name_wrong_password_and_disabled_people_are_answered_alike() {
    let app = TestApp::start();
    add(&app, "alice");
    add(&app, "carol");
    app.block_on(users::disable(app.installation(), "carol", 2)).unwrap();
    let answers = [
        sign_in(&app, "alice", "wrong horse battery"),
        sign_in(&app, "nobody", PASSWORD),
        sign_in(&app, "carol", PASSWORD),
    ];
    for answer in answers {
        assert_eq!(answer.code(), "sign_in_failed");
        assert_eq!(answer.header("set-cookie"), None);
    }
    assert_eq!(sign_in(&app, "alice", PASSWORD).status, 200);
    for body in ["{}", r#"{"name":"alice"}"#, r#"{"name":"","password":"x"}"#, r#"{"name":"a\u0000","password":"x"}"#] {
        let response = app.request("POST", "/v1/sign-in").json(body).send();
        assert_eq!(response.code(), "malformed_request", "{body}");
    }
}

#[test]
fn a_foreign_page_can_do_nothing_with_the_cookie() {
    let app = TestApp::builder().domain("player.example.com").start();
    let alice = Person::new(&app);
    let own = origin(&app);
    let app_id = app.app_id().to_string();
    let delete = |origin: Option<&str>, header: Option<(&str, &str)>| {
        let mut request = alice.bare("DELETE", "/v1/titles/unknown");
        if let Some(origin) = origin {
            request = request.header("Origin", origin);
        }
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        request.send().code()
    };
    let named = Some(("Keyveil-App", app_id.as_str()));
    assert_eq!(delete(Some(&own), named), "title_not_found", "its own page gets through");
    for origin in [None, Some("https://player.example.com"), Some("null"), Some("http://localhost:1")] {
        assert_eq!(delete(origin, named), "origin_not_allowed", "{origin:?}");
    }
    assert_eq!(delete(Some(&own), None), "origin_not_allowed", "a form can't send the header");
    assert_eq!(delete(Some(&own), Some(("Keyveil-Console", "0"))), "origin_not_allowed");
    assert_eq!(delete(Some(&own), Some(("Keyveil-Console", "1"))), "malformed_request", "which application?");

    let foreign_sign_in = json!({ "name": "alice", "password": PASSWORD }).to_string();
    let request = app.request("POST", "/v1/sign-in").header("Origin", "https://player.example.com");
    assert_eq!(request.json(foreign_sign_in).send().code(), "origin_not_allowed");
    let out = alice.bare("POST", "/v1/sign-out").header("Origin", "https://player.example.com").json("{}").send();
    assert_eq!(out.code(), "origin_not_allowed");
    // A form's cross-site request carries no Strict cookie; an answer that clears it would sign out all the same.
    let form = app.request("POST", "/v1/sign-out").header("Origin", "https://player.example.com").send();
    assert_eq!((form.status, form.header("set-cookie")), (204, None));
    assert_eq!(alice.request("GET", "/v1/me").send().status, 200, "still signed in");
    let own = alice.request("POST", "/v1/sign-out").send();
    assert!(own.header("set-cookie").unwrap().contains("Max-Age=0"), "its own page's request clears it");
}

#[test]
fn the_application_is_named_by_header_or_when_reading_by_the_address() {
    let app = TestApp::start();
    let alice = Person::new(&app);
    let get = |app_id: &str| alice.bare("GET", "/v1/titles").header("Keyveil-App", app_id).send();
    assert_eq!(get(&app.app_id().to_string()).status, 200);
    assert_eq!(get("1999999").code(), "not_found");
    assert_eq!(get("x").code(), "malformed_request");
    assert_eq!(alice.bare("GET", "/v1/titles").send().code(), "malformed_request");
    // The list takes no such parameter itself: that it gets as far as being refused for it shows who was let in.
    let by_address = alice.bare("GET", &format!("/v1/titles?app={}", app.app_id())).send();
    assert_eq!(by_address.code(), "malformed_request");
    assert_eq!(alice.bare("GET", "/v1/titles?app=1999999").send().code(), "not_found");
}

#[test]
fn who_has_no_credential_is_told_which_is_missing() {
    let app = TestApp::start();
    assert_eq!(app.get("/v1/titles").code(), "api_key_invalid");
    assert_eq!(app.get_with("/v1/titles", &[("Keyveil-Console", "1")]).code(), "sign_in_required");
    assert_eq!(app.get_with("/v1/titles", &[("Cookie", "keyveil_session=stale")]).code(), "sign_in_required");
    assert_eq!(app.get_with("/v1/me", &[]).code(), "sign_in_required");
    let alice = Person::new(&app);
    let both = alice.request("GET", "/v1/titles").header("Authorization", "Bearer kv_wrong").send();
    assert_eq!(both.code(), "api_key_invalid", "the API key counts where both are sent");
    assert_eq!(app.authorized("GET", "/v1/titles").header("Cookie", "keyveil_session=stale").send().status, 200);
    let public_key = publication(1, "private")["publicKey"].clone();
    let put = json!({ "fileId": "x", "publicKey": public_key, "name": "n", "mode": "private" }).to_string();
    assert_eq!(alice.request("PUT", "/v1/titles/x").json(put).send().code(), "api_key_invalid", "nothing to seal to");
}

#[test]
fn a_sign_in_ends_unused_after_12_hours_and_used_after_7_days() {
    let app = TestApp::start();
    let idle = Person::new(&app);
    app.clock.advance(12 * 3600 - 60);
    assert_eq!(idle.request("GET", "/v1/me").send().status, 200);
    app.clock.advance(12 * 3600 - 60);
    assert_eq!(idle.request("GET", "/v1/me").send().status, 200, "the use before prolonged it");
    app.clock.advance(12 * 3600 + 1);
    assert_eq!(idle.request("GET", "/v1/me").send().code(), "sign_in_required");

    let busy = Person::sign_in(&app, "alice", PASSWORD);
    for _ in 0..15 {
        app.clock.advance(11 * 3600);
        assert_eq!(busy.request("GET", "/v1/me").send().status, 200);
    }
    app.clock.advance(3 * 3600 + 1);
    assert_eq!(busy.request("GET", "/v1/me").send().code(), "sign_in_required", "168 hours are over");
}

#[test]
fn another_password_ends_the_other_sign_ins() {
    let app = TestApp::start();
    let here = Person::new(&app);
    let there = Person::sign_in(&app, "alice", PASSWORD);
    let change = |current: &str, next: &str| {
        let body = json!({ "current": current, "next": next }).to_string();
        here.request("POST", "/v1/me/password").json(body).send()
    };
    assert_eq!(change("wrong horse battery", "a longer password").code(), "sign_in_failed");
    assert_eq!(change(PASSWORD, "short").code(), "malformed_request");
    assert_eq!(there.request("GET", "/v1/me").send().status, 200);
    assert_eq!(change(PASSWORD, "a longer password").status, 204);
    assert_eq!(there.request("GET", "/v1/me").send().code(), "sign_in_required");
    assert_eq!(here.request("GET", "/v1/me").send().status, 200);
    assert_eq!(sign_in(&app, "alice", PASSWORD).code(), "sign_in_failed");
    assert_eq!(sign_in(&app, "alice", "a longer password").status, 200);
    app.block_on(users::disable(app.installation(), "alice", 2)).unwrap();
    assert_eq!(here.request("GET", "/v1/me").send().code(), "sign_in_required");
}

#[test]
fn a_password_that_was_checked_replaces_no_later_one() {
    let app = TestApp::start();
    add(&app, "alice");
    let store = app.installation().store();
    let row = || app.block_on(store.user_by_name("alice")).unwrap().unwrap();
    let replace = |checked: &UserRow, hash: &str| {
        app.block_on(async {
            let mut write = store.write().await.unwrap();
            let replaced = write.replace_password_hash(checked, hash).await.unwrap();
            write.commit().await.unwrap();
            replaced
        })
    };
    let checked = row();
    app.block_on(users::set_password(app.installation(), "alice", &password("an administrator's"), 2)).unwrap();
    assert!(!replace(&checked, "late"));
    assert_eq!(sign_in(&app, "alice", "an administrator's").status, 200);
    assert!(replace(&row(), "in time"), "what is still the present one is replaced");
    assert_eq!(row().password_hash, "in time");
    let checked = row();
    app.block_on(users::disable(app.installation(), "alice", 3)).unwrap();
    assert!(!replace(&checked, "late"));
    assert_eq!(row().password_hash, "in time");
}

#[test]
fn guessing_is_slowed_down_per_name_and_told_when_to_come_back() {
    let app = TestApp::start();
    add(&app, "alice");
    add(&app, "bob");
    for _ in 0..10 {
        assert_eq!(sign_in(&app, "alice", "wrong horse battery").code(), "sign_in_failed");
    }
    let refused = sign_in(&app, "alice", PASSWORD);
    assert_eq!(refused.code(), "rate_limited", "also with the right password");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=31).contains(&wait), "{wait}");
    assert_eq!(sign_in(&app, "bob", PASSWORD).status, 200, "another name is not concerned");
    app.clock.advance(i64::try_from(wait).unwrap());
    assert_eq!(sign_in(&app, "alice", PASSWORD).status, 200);
}

#[test]
fn behind_a_proxy_each_client_has_its_own_attempts() {
    let attempt = |app: &TestApp, forwarded_for: &str, n: u32| {
        let body = json!({ "name": format!("nobody {n}"), "password": PASSWORD }).to_string();
        app.request("POST", "/v1/sign-in").header("X-Forwarded-For", forwarded_for).json(body).send()
    };
    let app = TestApp::builder().trusted_proxies(&["127.0.0.1"]).start();
    for n in 0..30 {
        assert_eq!(attempt(&app, &format!("198.51.100.{n}, 203.0.113.1"), n).code(), "sign_in_failed");
    }
    // On a slow machine one more is granted every 10 s.
    let limited_soon = |app: &TestApp, client: &str| (30..40).any(|n| attempt(app, client, n).code() == "rate_limited");
    assert!(limited_soon(&app, "203.0.113.1"));
    assert_eq!(attempt(&app, "203.0.113.2", 41).code(), "sign_in_failed");
    assert_eq!(attempt(&app, "203.0.113.2, who knows", 42).code(), "malformed_request");

    let app = TestApp::start();
    for n in 0..30 {
        assert_eq!(attempt(&app, &format!("203.0.113.{n}"), n).code(), "sign_in_failed");
    }
    assert!(limited_soon(&app, "203.0.113.99"), "nobody else's header is read");
}

#[test]
fn every_step_is_in_the_audit_log_and_a_password_nowhere() {
    let app = TestApp::start();
    let alice = Person::new(&app);
    assert_eq!(sign_in(&app, "my-secret-as-a-name", PASSWORD).code(), "sign_in_failed");
    assert_eq!(sign_in(&app, "alice", "wrong horse battery").code(), "sign_in_failed");
    let body = json!({ "current": PASSWORD, "next": "a longer password" }).to_string();
    assert_eq!(alice.request("POST", "/v1/me/password").json(body).send().status, 204);
    assert_eq!(alice.request("POST", "/v1/sign-out").json("{}").send().status, 204);
    app.block_on(app.installation().store().verify_audit()).unwrap().unwrap();

    let stored = app.database().stored();
    for kind in ["user_created", "signed_in", "sign_in_failed", "password_changed", "signed_out", "$argon2id$v=19$"] {
        assert!(stored.holds(kind), "the search finds {kind}");
    }
    let token = alice.cookie.split_once('=').unwrap().1;
    for secret in [PASSWORD, "a longer password", "wrong horse battery", "my-secret-as-a-name", token] {
        assert!(!stored.holds(secret), "{secret}");
    }
}

#[test]
fn answers_are_json_that_no_cache_keeps() {
    let app = TestApp::start();
    add(&app, "alice");
    let response = sign_in(&app, "alice", PASSWORD);
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert!(matches!(response.value(), Value::Object(_)));
}
