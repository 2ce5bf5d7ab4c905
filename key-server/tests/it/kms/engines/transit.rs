//! A stand-in for the transit engine: it answers in the shapes that Vault and OpenBao document, with a key that is derived
//! for each context. The real ones are not in Debian and don't run in these tests.

use std::sync::{Arc, Mutex};

use actix_web::HttpRequest;
use base64ct::{Base64, Encoding};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;
use serde_json::{Value, json};

use super::stand_in::{Reply, StandIn};

const TAMPERED: &str = "cipher: message authentication failed";

/// What a test may change while it runs.
pub(crate) struct State {
    pub(crate) token: String,
    pub(crate) derived: bool,
    pub(crate) latest_version: u32,
    /// Instead of everything.
    pub(crate) instead: Option<fn() -> Reply>,
}

pub(crate) struct Transit {
    pub(crate) server: StandIn,
    state: Arc<Mutex<State>>,
}

impl Transit {
    /// With the key `keyveil` under the mount `teams/transit` in the namespace `a`.
    pub(crate) fn start() -> Self {
        let state = State { token: "first".to_owned(), derived: true, latest_version: 1, instead: None };
        let state = Arc::new(Mutex::new(state));
        let answering = Arc::clone(&state);
        let server = StandIn::start(move |request, body| answer(&answering.lock().unwrap(), request, body));
        Self { server, state }
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }
}

fn answer(state: &State, request: &HttpRequest, body: &[u8]) -> Reply {
    if let Some(instead) = state.instead {
        return instead();
    }
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap());
    if header("x-vault-token") != Some(&state.token) || header("x-vault-namespace") != Some("a") {
        return refusal(403, "permission denied");
    }
    assert_eq!(header("x-vault-request"), Some("true"));
    let path = request.path().strip_prefix("/v1/teams/transit/").and_then(|path| path.strip_suffix("/keyveil"));
    if (request.method().as_str(), path) == ("GET", Some("keys")) {
        let versions: Value = (1..=state.latest_version).map(|version| (version.to_string(), json!(1))).collect();
        return data(&json!({
            "name": "keyveil", "type": "aes256-gcm96", "derived": state.derived, "kdf": "hkdf_sha256", "exportable": false,
            "latest_version": state.latest_version, "min_decryption_version": 1, "min_encryption_version": 0, "keys": versions,
        }));
    }
    let body: Value = serde_json::from_slice(body).unwrap();
    let field = |name: &str| body[name].as_str().unwrap_or_default();
    let context = field("context");
    let wrapped = |plaintext: &[u8]| seal(state.latest_version, context, plaintext);
    let opened = || open(state.latest_version, context, field("ciphertext"));
    match path {
        Some("encrypt") => data(&json!({
            "ciphertext": wrapped(&Base64::decode_vec(field("plaintext")).unwrap()), "key_version": state.latest_version,
        })),
        Some("datakey/plaintext") => {
            let mut secret = [0; 32];
            getrandom::fill(&mut secret).unwrap();
            data(&json!({
                "ciphertext": wrapped(&secret), "plaintext": Base64::encode_string(&secret), "key_version": state.latest_version,
            }))
        }
        Some("decrypt") => match opened() {
            Ok(plaintext) => data(&json!({ "plaintext": Base64::encode_string(&plaintext) })),
            Err(error) => refusal(400, error),
        },
        Some("rewrap") => match opened() {
            Ok(plaintext) => data(&json!({ "ciphertext": wrapped(&plaintext), "key_version": state.latest_version })),
            // As the real one does, which takes this one failure for one of its own.
            Err(TAMPERED) => refusal(500, "1 error occurred:\n\t* cipher: message authentication failed\n\n"),
            Err(error) => refusal(400, error),
        },
        _ => refusal(404, "no handler for route \"teams/transit\". route entry not found."),
    }
}

fn data(data: &Value) -> Reply {
    let body = json!({
        "request_id": "00000000-0000-0000-0000-000000000000", "lease_id": "", "renewable": false, "lease_duration": 0,
        "data": data, "wrap_info": null, "warnings": null, "auth": null, "mount_type": "transit",
    });
    Reply::Now(200, body.to_string())
}

fn refusal(status: u16, error: &str) -> Reply {
    Reply::Now(status, json!({ "errors": [error] }).to_string())
}

fn derived_key(version: u32, context: &str) -> LessSafeKey {
    let key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &version.to_be_bytes()), context.as_bytes());
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_ref()).unwrap())
}

fn seal(version: u32, context: &str, plaintext: &[u8]) -> String {
    let mut nonce = [0; 12];
    getrandom::fill(&mut nonce).unwrap();
    let mut sealed = plaintext.to_vec();
    let key = derived_key(version, context);
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed).unwrap();
    format!("vault:v{version}:{}", Base64::encode_string(&[nonce.as_slice(), &sealed].concat()))
}

fn open(latest_version: u32, context: &str, text: &str) -> Result<Vec<u8>, &'static str> {
    let (version, base64) =
        text.strip_prefix("vault:v").and_then(|text| text.split_once(':')).ok_or("invalid ciphertext: no prefix")?;
    let version = version.parse().map_err(|_| "invalid ciphertext: version number could not be decoded")?;
    if version > latest_version {
        return Err("invalid ciphertext: version is too new");
    }
    let sealed = Base64::decode_vec(base64).map_err(|_| "invalid ciphertext: could not decode base64")?;
    let (nonce, sealed) = sealed.split_first_chunk().ok_or("invalid ciphertext length")?;
    let (mut sealed, key) = (sealed.to_vec(), derived_key(version, context));
    let opened = key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut sealed);
    opened.map(|plaintext| plaintext.to_vec()).map_err(|_| TAMPERED)
}
