//! Playback levels: what application and signature allow, what a player says, what is kept of it (docs/LEVELS.md).

mod private;
mod settings;
mod statements;

use keyveil_protocol::psign::KeyveilClaims;
use keyveil_protocol::{PlayGrant, TrackClass};
use serde_json::{Value, json};

use crate::support::{Response, TestApp};

/// What a rule says: the least level, and what a lower one gets.
pub(crate) type Rule = (&'static str, &'static str);

/// Every level is allowed.
pub(crate) const ANY: Rule = ("standard", "refuse");

pub(crate) fn change(app: &TestApp, body: &Value) -> Response {
    app.authorized("PATCH", &format!("/v1/apps/{}", app.app_id())).json(body.to_string()).send()
}

/// The application's rule.
#[track_caller]
pub(crate) fn allow(app: &TestApp, (min_level, below): Rule) {
    let changed = change(app, &json!({ "minLevel": min_level, "belowMinLevel": below }));
    assert_eq!(changed.status, 200, "{}", changed.text());
}

pub(crate) fn claims((min_level, below): Rule) -> KeyveilClaims {
    KeyveilClaims {
        min_level: Some(min_level.parse().unwrap()),
        below_min_level: Some(below.parse().unwrap()),
        ..KeyveilClaims::default()
    }
}

pub(crate) fn signed(app: &TestApp, file_id: &str, own: KeyveilClaims) -> String {
    let mut claims = app.claims(file_id);
    claims.keyveil = Some(own);
    app.sign(&claims)
}

fn sealed() -> Value {
    json!({ "level": "sealed", "downgrade": null })
}

fn guarded() -> Value {
    json!({ "level": "guarded", "downgrade": "browser" })
}

/// The highest track class of which there is a key.
fn highest(grant: &PlayGrant) -> &'static str {
    grant.keys.iter().map(|entry| entry.track_class).max().map_or("none", TrackClass::name)
}
