//! The audit log: what happens stands in it or does not happen, and what is done to it shows.

mod acts;
mod copies;
mod database;
mod ends;
mod guesses;
mod operations;
mod pruning;
mod tampering;
mod unwritable;

use keyveil_key_server::store::{AuditFault, AuditTail};
use serde_json::json;

use crate::support::{TITLE, TestApp};

/// With a log of some length, of several kinds of rows.
fn busy_app() -> TestApp {
    let app = TestApp::start();
    for n in 0..12 {
        let grant = app.player().play_title(TITLE).1;
        app.player().keys(&grant, json!({}));
        let body = json!({ "fileId": TITLE, "uid": format!("viewer {n}") }).to_string();
        assert_eq!(app.authorized("POST", "/v1/player-signatures").json(body).send().status, 200);
        for step in ["unpublish", "publish"] {
            assert_eq!(app.authorized("POST", &format!("/v1/titles/{TITLE}/{step}")).json("{}").send().status, 200);
        }
    }
    app
}

fn verified(app: &TestApp) -> Result<AuditTail, Vec<AuditFault>> {
    let verified = app.block_on(app.installation().store().verify_audit()).unwrap();
    verified.map_err(|damage| damage.faults)
}

#[track_caller]
fn holds(app: &TestApp) -> AuditTail {
    verified(app).unwrap()
}

#[track_caller]
fn faults(app: &TestApp) -> Vec<AuditFault> {
    verified(app).err().unwrap_or_default()
}

/// The same numbers in each run (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(bound).unwrap()).unwrap()
    }
}
