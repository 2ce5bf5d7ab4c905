//! What signatures limit: client addresses, pages, uses, sessions. Each refusal beside the request that is not refused.

mod addresses;
mod uses;

use keyveil_protocol::psign::{KeyveilClaims, UrlAccessInfo};
use serde_json::json;

use crate::support::{Player, Response, TestApp};

pub(super) fn own(app: &TestApp, file_id: &str, keyveil: KeyveilClaims) -> String {
    let mut claims = app.claims(file_id);
    claims.keyveil = Some(keyveil);
    app.sign(&claims)
}

pub(super) fn vendor(app: &TestApp, file_id: &str, info: UrlAccessInfo) -> String {
    let mut claims = app.claims(file_id);
    claims.url_access_info = Some(info);
    app.sign(&claims)
}

pub(super) fn once(app: &TestApp, file_id: &str) -> String {
    own(app, file_id, KeyveilClaims { once: true, ..KeyveilClaims::default() })
}

pub(super) fn rlimit(app: &TestApp, file_id: &str, count: u64) -> String {
    vendor(app, file_id, UrlAccessInfo { rlimit: Some(count), ..UrlAccessInfo::default() })
}

/// A server that believes what the tests say of where they are.
pub(super) fn behind_proxy() -> TestApp {
    TestApp::builder().trusted_proxies(&["127.0.0.1", "2001:db8:ff::/48"]).start()
}

/// Every player at the same moment.
pub(super) fn at_once(players: &[Player<'_>], psign: &str) -> Vec<Response> {
    let play = |player| move || Player::try_play(player, psign, json!({}));
    std::thread::scope(|scope| {
        let threads: Vec<_> = players.iter().map(|player| scope.spawn(play(player))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[track_caller]
pub(super) fn count_and_refusals(answers: &[Response], code: &str) -> usize {
    let (opened, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert!(refused.iter().all(|answer| answer.code() == code));
    opened.len()
}
