//! A server with a one-hour title in virtual time, and clients that keep what they are given.

use std::collections::BTreeSet;
use std::sync::Barrier;

use keyveil_key_server::Config;
use keyveil_protocol::psign::KeyveilClaims;
use keyveil_protocol::{Exchange, PlayGrant};
use serde_json::{Value, json};

use crate::support::{Player, Response, TestApp, publication};

pub(super) const HOUR: &str = "hour";
pub(super) const PERIODS: u32 = 60;
pub(super) const PERIOD_SECS: f64 = 60.0;
pub(super) const TITLE_SECS: f64 = 3600.0;
/// A thread for so many.
const ACTORS_PER_THREAD: usize = 250;

/// Paced as it is by default, and behind proxies on this machine, so that a client is where it says. Its clock stands.
pub(super) fn start(configure: fn(&mut Config)) -> TestApp {
    let app = TestApp::builder().trusted_proxies(&["127.0.0.1"]).configure(configure).start();
    publish(&app, HOUR, "private");
    app.clock.stand();
    app
}

/// One hour in 60 periods.
pub(super) fn publish(app: &TestApp, file_id: &str, mode: &str) {
    assert_eq!(app.put_title(file_id, mode).0.status, 201);
    let mut body = publication(1, mode);
    body["durationMs"] = json!(3_600_000);
    body["segmentCount"] = json!(600);
    body["periodSegments"] = json!(10);
    for rendition in body["renditions"].as_array_mut().unwrap() {
        rendition["segmentCount"] = json!(600);
    }
    let response = app.authorized("POST", &format!("/v1/titles/{file_id}/commit")).json(body.to_string()).send();
    assert_eq!(response.status, 200, "{}", response.text());
}

/// A small generator with a seed: SplitMix64.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From `low` to below `high`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "53 bits")]
        let part = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        low + part * (high - low)
    }

    pub(super) fn below(&mut self, end: u32) -> u32 {
        u32::try_from(self.next() % u64::from(end)).unwrap()
    }

    pub(super) fn is(&mut self, probability: f64) -> bool {
        self.between(0.0, 1.0) < probability
    }
}

/// One session as its client has it.
pub(super) struct Client {
    pub(super) grant: PlayGrant,
    counter: u64,
}

/// What came of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Keys(BTreeSet<u32>),
    /// 429, with the seconds to wait.
    Throttled(u64),
    Refused(String),
}

pub(super) fn psign(app: &TestApp, uid: &str) -> String {
    let mut claims = app.claims(HOUR);
    claims.keyveil = Some(KeyveilClaims { uid: Some(uid.to_owned()), ..KeyveilClaims::default() });
    app.sign(&claims)
}

impl Client {
    pub(super) fn open(
        player: &Player<'_>,
        app: &TestApp,
        uid: &str,
        at: f64,
        address: &str,
    ) -> (Option<Self>, Outcome) {
        let exchange = Exchange::generate(&mut Player::rng());
        let body = player.play_body(&exchange, &psign(app, uid), json!({ "positionMs": ms(at) })).to_string();
        let request = app.request("POST", "/v1/play").header("X-Forwarded-For", address);
        let response = request.json(body.as_str()).send();
        if response.status != 200 {
            return (None, refused(&response));
        }
        let grant = player.open_play(exchange, &body, &response.parsed());
        let periods = grant.keys.iter().map(|entry| entry.period.0).collect();
        (Some(Self { grant, counter: 0 }), Outcome::Keys(periods))
    }

    pub(super) fn keys(&mut self, player: &Player<'_>, period: u32, at: f64, address: &str) -> Outcome {
        self.counter += 1;
        let exchange = Exchange::generate(&mut Player::rng());
        let fields = json!({ "counter": self.counter, "period": period, "positionMs": ms(at) });
        let (request, body) = player.keys_request(&self.grant, &exchange, fields);
        let response = request.header("X-Forwarded-For", address).send();
        if response.status != 200 {
            return refused(&response);
        }
        let keys = player.open_keys(exchange, &body, &response.parsed());
        Outcome::Keys(keys.keys.iter().map(|entry| entry.period.0).collect())
    }

    /// A request that never arrives.
    pub(super) fn lose_request(&mut self) {
        self.counter += 1;
    }
}

fn refused(response: &Response) -> Outcome {
    let code = response.code();
    match response.header("retry-after") {
        Some(secs) if code == "rate_limited" => Outcome::Throttled(secs.parse().unwrap()),
        _ => Outcome::Refused(code),
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within a title")]
fn ms(secs: f64) -> u64 {
    (secs * 1000.0).max(0.0) as u64
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within a title")]
pub(super) fn period_at(secs: f64) -> u32 {
    ((secs / PERIOD_SECS) as u32).min(PERIODS - 1)
}

/// What the server says of a viewer's sessions: their highest score, and all their reasons.
pub(super) fn suspicion(app: &TestApp, uid: &str) -> (u64, BTreeSet<String>) {
    let page = app.authorized("GET", &format!("/v1/sessions?uid={uid}&limit=100")).send().value();
    let sessions = page["sessions"].as_array().unwrap();
    let reasons = sessions.iter().flat_map(|session| session["reasons"].as_array().unwrap());
    let reasons = reasons.map(|reason| reason.as_str().unwrap().to_owned()).collect();
    let score = |session: &Value| session["score"].as_u64().unwrap();
    (sessions.iter().map(score).max().unwrap_or(0), reasons)
}

/// Somebody who acts at most once a second.
pub(super) trait Actor: Send {
    /// `now`: seconds since the beginning.
    fn tick(&mut self, app: &TestApp, player: &Player<'_>, now: u32);
}

/// Lets so many seconds pass for all. They act at the same time, as clients do; what comes of it does not depend on their order.
pub(super) fn run<A: Actor>(app: &TestApp, actors: &mut [A], secs: u32) {
    let barrier = Barrier::new(actors.chunks(ACTORS_PER_THREAD).count());
    std::thread::scope(|scope| {
        for actors in actors.chunks_mut(ACTORS_PER_THREAD) {
            let barrier = &barrier;
            scope.spawn(move || {
                let player = app.player();
                for now in 0..secs {
                    if barrier.wait().is_leader() {
                        app.clock.advance(1);
                    }
                    barrier.wait();
                    actors.iter_mut().for_each(|actor| actor.tick(app, &player, now));
                }
            });
        }
    });
}
