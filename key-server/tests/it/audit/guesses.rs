//! Failed attempts to sign in are counted, and can't fill the disk.

use keyveil_key_server::actions::account::users;
use serde_json::{Value, json};

use super::database::Database;
use super::holds;
use crate::account::{PASSWORD, password, sign_in};
use crate::support::TestApp;

/// The limits let this through without a rest.
const ATTEMPTS: usize = 9;

fn failures(database: &Database<'_>) -> Vec<Value> {
    let rows = database.rows();
    let failed = rows.iter().filter(|row| row.kind == "sign_in_failed");
    failed.map(|row| serde_json::from_str(&row.detail).unwrap()).collect()
}

#[test]
fn guesses_are_logged_at_each_doubling_and_told_with_the_sign_in_that_follows() {
    let app = TestApp::start();
    let bob = app.block_on(users::create(app.installation(), "bob", &password(PASSWORD), 1)).unwrap();
    let database = Database::of(&app);
    for _ in 0..ATTEMPTS {
        assert_eq!(sign_in(&app, "bob", "wrong horse battery").code(), "sign_in_failed");
    }
    let of_bob = |count: u64| json!({ "userId": bob, "count": count });
    assert_eq!(failures(&database), [1, 2, 4, 8].map(of_bob));
    assert_eq!(sign_in(&app, "bob", PASSWORD).status, 200);
    let last = database.rows().pop().unwrap();
    assert_eq!((last.kind.as_str(), last.detail.contains(r#""failedBefore":9"#)), ("signed_in", true));

    // A sign-in and an hour begin anew.
    app.clock.advance(600);
    assert_eq!(sign_in(&app, "bob", "wrong horse battery").code(), "sign_in_failed");
    app.clock.advance(3600);
    assert_eq!(sign_in(&app, "bob", "wrong horse battery").code(), "sign_in_failed");
    assert_eq!(failures(&database)[4..], [1, 1].map(of_bob));
    holds(&app);
}

#[test]
fn names_that_nobody_has_are_counted_together() {
    let app = TestApp::start();
    let database = Database::of(&app);
    for n in 0..ATTEMPTS {
        assert_eq!(sign_in(&app, &format!("nobody {n}"), PASSWORD).code(), "sign_in_failed");
    }
    assert_eq!(failures(&database), [1, 2, 4, 8].map(|count| json!({ "userId": null, "count": count })));
}
