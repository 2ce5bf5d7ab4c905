use base64ct::{Base64UrlUnpadded, Encoding};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use keyveil_key_server::actions::builds;
use keyveil_protocol::api::{KeysResponse, PlayResponse};
use keyveil_protocol::{Envelope, Exchange, KeysGrant, PlayGrant, Psk, ServerPublicKey};
use serde_json::{Value, json};

use super::{Request, Response, TestApp};

/// What a player with the newest SDK build does.
pub(crate) struct Player<'a> {
    test_app: &'a TestApp,
    pub(crate) build_id: String,
    psk: Psk,
    server_keys: Vec<ServerPublicKey>,
    origin: Option<&'static str>,
    forwarded_for: Option<String>,
}

impl<'a> Player<'a> {
    pub(crate) fn new(test_app: &'a TestApp) -> Self {
        let build = test_app.block_on(builds::open(test_app.installation(), None, 1)).unwrap();
        let psk = Psk::new(build.id.as_str(), build.secret);
        let (build_id, server_keys) = (build.id.to_string(), build.server_keys);
        Self { test_app, build_id, psk, server_keys, origin: None, forwarded_for: None }
    }

    /// The same player inside a page of this origin.
    pub(crate) fn on_page(mut self, origin: &'static str) -> Self {
        self.origin = Some(origin);
        self
    }

    /// The same player behind proxies that say this of where it is.
    pub(crate) fn at(mut self, forwarded_for: impl Into<String>) -> Self {
        self.forwarded_for = Some(forwarded_for.into());
        self
    }

    fn request(&self, path: &str) -> Request {
        let request = self.test_app.request("POST", path);
        match &self.forwarded_for {
            Some(value) => request.header("X-Forwarded-For", value),
            None => request,
        }
    }

    pub(crate) fn rng() -> UnwrapErr<SysRng> {
        UnwrapErr(SysRng)
    }

    /// The body of a play request; `more` overrides and adds fields.
    pub(crate) fn play_body(&self, exchange: &Exchange, psign: &str, more: Value) -> Value {
        let body = json!({ "psign": psign, "publicKey": exchange.public_key().to_string(), "buildId": self.build_id });
        merged(body, more)
    }

    /// Any play request; what comes back is for the test to judge.
    pub(crate) fn try_play(&self, psign: &str, more: Value) -> Response {
        let body = self.play_body(&Exchange::generate(&mut Self::rng()), psign, more);
        self.request("/v1/play").json(body.to_string()).send()
    }

    /// A play request that succeeds, with its grant opened.
    pub(crate) fn play(&self, psign: &str, more: Value) -> (PlayResponse, PlayGrant) {
        let exchange = Exchange::generate(&mut Self::rng());
        let body = self.play_body(&exchange, psign, more).to_string();
        let mut request = self.request("/v1/play").json(body.as_str());
        if let Some(origin) = self.origin {
            request = request.header("Origin", origin);
        }
        let response: PlayResponse = request.send().parsed();
        let grant = self.open_play(exchange, &body, &response);
        (response, grant)
    }

    pub(crate) fn open_play(&self, exchange: Exchange, body: &str, response: &PlayResponse) -> PlayGrant {
        let envelope = response.grant.as_ref().expect("a grant");
        exchange.open_play(body.as_bytes(), envelope, self.pinned(envelope), &self.psk).unwrap()
    }

    pub(crate) fn open_keys(&self, exchange: Exchange, body: &str, response: &KeysResponse) -> KeysGrant {
        exchange.open_keys(body.as_bytes(), &response.grant, self.pinned(&response.grant), &self.psk).unwrap()
    }

    fn pinned(&self, envelope: &Envelope) -> &ServerPublicKey {
        self.server_keys.iter().find(|key| *key.id() == envelope.server_key_id).expect("a pinned key")
    }

    pub(crate) fn play_title(&self, file_id: &str) -> (PlayResponse, PlayGrant) {
        self.play(&self.test_app.sign(&self.test_app.claims(file_id)), json!({}))
    }

    /// A MACed keys request, not yet sent.
    pub(crate) fn keys_request(&self, grant: &PlayGrant, exchange: &Exchange, more: Value) -> (Request, String) {
        let body = json!({
            "sessionId": grant.session_id, "counter": 1, "publicKey": exchange.public_key().to_string(), "period": 0,
            "positionMs": 0,
        });
        let body = merged(body, more).to_string();
        let mac = grant.mac_key.mac(body.as_bytes());
        (self.request("/v1/keys").header("Keyveil-Mac", &mac).json(body.as_str()), body)
    }

    pub(crate) fn try_keys(&self, grant: &PlayGrant, more: Value) -> Response {
        self.keys_request(grant, &Exchange::generate(&mut Self::rng()), more).0.send()
    }

    pub(crate) fn keys(&self, grant: &PlayGrant, more: Value) -> (KeysResponse, KeysGrant) {
        let exchange = Exchange::generate(&mut Self::rng());
        let (request, body) = self.keys_request(grant, &exchange, more);
        let response: KeysResponse = request.send().parsed();
        let keys = self.open_keys(exchange, &body, &response);
        (response, keys)
    }
}

pub(crate) fn bytes_32(text: &str) -> [u8; 32] {
    Base64UrlUnpadded::decode_vec(text).unwrap().try_into().unwrap()
}

/// A JWT with any header and claims, under any key.
pub(crate) fn jwt(header: &Value, claims: &Value, key: &[u8]) -> String {
    let part = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
    let input = format!("{}.{}", part(header), part(claims));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
    format!("{input}.{}", Base64UrlUnpadded::encode_string(ring::hmac::sign(&key, input.as_bytes()).as_ref()))
}

fn merged(mut body: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("fields") };
    for (name, value) in more {
        body[name] = value;
    }
    body
}
