//! tests/vectors/malformations.json against this crate, natively and in WebAssembly: each well-formed original is accepted, and
//! each malformation of it is refused with its code.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::convert::Infallible;

use keyveil_protocol::api::{KeysRequest, PlayRequest};
use keyveil_protocol::psign::{SigningKey, UnverifiedPlayerSignature};
use keyveil_protocol::{
    ApiKey, AppId, Cipher, Envelope, ErrorCode, Exchange, FileId, KeyTag, Mode, ProtocolError, Psk, PskSecret,
    RecipientPublicKey, SegmentKey, SegmentRef, ServerKey, SessionMacKey, from_json_object,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// One group: what its inputs need besides themselves, and the inputs.
struct Group(Value);

impl Group {
    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_else(|| panic!("{name} is no text"))
    }

    fn number(&self, name: &str) -> u64 {
        self.0[name].as_u64().unwrap()
    }

    fn bytes(&self, name: &str) -> [u8; 32] {
        hex::decode(self.text(name)).unwrap().try_into().unwrap()
    }
}

/// The original is accepted, and every malformation is refused with its code; at least so many there are.
fn check(name: &str, least: usize, read: impl Fn(&Group, &str) -> Result<(), ErrorCode>) {
    let mut groups: Value = serde_json::from_str(include_str!("../../tests/vectors/malformations.json")).unwrap();
    let group = Group(groups[name].take());
    assert_eq!(read(&group, group.text("original")), Ok(()), "{name}: the original");
    let malformations = group.0["malformations"].as_array().unwrap();
    assert!(malformations.len() >= least, "{name}: {} malformations", malformations.len());
    for case in malformations {
        let refused = read(&group, case["input"].as_str().unwrap()).err().map(ErrorCode::as_str);
        assert_eq!(refused, case["code"].as_str(), "{name}: {} ({})", case["name"], case["what"]);
    }
}

fn code<T>(result: Result<T, ProtocolError>) -> Result<(), ErrorCode> {
    result.map(drop).map_err(|refusal| refusal.code())
}

fn object<T: DeserializeOwned>(json: &str) -> Result<T, ErrorCode> {
    from_json_object(json.as_bytes()).map_err(|_| ErrorCode::MalformedRequest)
}

#[test]
fn malformed_player_signatures_are_refused() {
    check("psign", 60, |group, psign| {
        let key = SigningKey::new(group.text("signingKey").into());
        let checked = UnverifiedPlayerSignature::parse(psign)
            .and_then(|parsed| parsed.verify([&key]))
            .and_then(|verified| verified.check_times(group.number("now"), group.number("maxAgeSecs")))
            .and_then(|timely| timely.authorize(Some(&group.text("fileId").parse().unwrap()), Mode::Private));
        code(checked)
    });
}

#[test]
fn malformed_key_tags_and_fragments_are_refused() {
    check("keyTag", 20, |_, line| code(line.parse::<KeyTag>()));
    check("segmentRef", 8, |_, fragment| code(fragment.parse::<SegmentRef>()));
}

#[test]
fn malformed_requests_are_refused() {
    check("play", 20, |_, body| {
        let request: PlayRequest = object(body)?;
        code(RecipientPublicKey::parse(&request.public_key))
    });
    check("keys", 20, |_, body| {
        let request: KeysRequest = object(body)?;
        code(RecipientPublicKey::parse(&request.public_key))
    });
}

/// A random source that repeats one seed.
struct Seed([u8; 32]);

impl rand_core::TryRng for Seed {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("asked for an integer")
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("asked for an integer")
    }
    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), Infallible> {
        destination.copy_from_slice(&self.0);
        Ok(())
    }
}
impl rand_core::TryCryptoRng for Seed {}

#[test]
fn malformed_envelopes_and_grants_are_refused() {
    check("envelope", 30, |group, json| {
        let envelope: Envelope = object(json)?;
        let server_key = ServerKey::from_bytes("server-1".parse().unwrap(), &group.bytes("serverPrivateKey")).unwrap();
        let psk = Psk::new(group.text("pskId"), PskSecret::from_bytes(group.bytes("psk")));
        let exchange = Exchange::generate(&mut Seed(group.bytes("recipientSeed")));
        let body = group.text("body").as_bytes();
        code(exchange.open_play(body, &envelope, &server_key.public_key(), &psk))
    });
}

#[test]
fn malformed_segments_are_refused() {
    for (name, cipher) in [("segment", Cipher::Aes128Cbc), ("chunkedSegment", Cipher::ChaCha20Poly1305)] {
        check(name, 10, |group, ciphertext| {
            let key = SegmentKey::from_bytes(cipher, group.bytes("segmentKey"));
            code(key.decrypt(&mut hex::decode(ciphertext).unwrap()))
        });
    }
}

#[test]
fn malformed_macs_keys_and_identifiers_are_refused() {
    check("mac", 5, |group, mac| {
        let key = SessionMacKey::from_bytes(group.bytes("macKey"));
        let is_own = key.verify(group.text("body").as_bytes(), mac);
        is_own.then_some(()).ok_or(ErrorCode::SessionInvalid)
    });
    check("apiKey", 5, |_, text| code(text.parse::<ApiKey>()));
    check("fileId", 5, |_, text| code(text.parse::<FileId>()));
    check("appId", 5, |_, text| code(text.parse::<AppId>()));
}
