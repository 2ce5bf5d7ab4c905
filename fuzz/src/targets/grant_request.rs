use keyveil_key_server::Refusal;
use keyveil_key_server::fuzzing::{keys_request, play_request};
use keyveil_protocol::psign::UnverifiedPlayerSignature;
use keyveil_protocol::{
    Envelope, ErrorCode, Exchange, KeysGrant, Psk, PskSecret, RecipientPublicKey, Sealing, ServerKey, SessionMacKey,
};
use serde_json::Value;

use crate::Outcome;
use crate::input::{Input, Seed};

/// What a player sends and gets: bodies of `/v1/play` and `/v1/keys`, and the JSON form of an envelope.
pub fn grant_request(data: &[u8]) -> Outcome {
    let mut input = Input(data);
    let kind = input.byte();
    let body = input.0;
    match kind % 3 {
        0 => outcome(body, play_request(body), |request| {
            drop(UnverifiedPlayerSignature::parse(&request.psign));
            check_key(body, &request.public_key);
            (serde_json::to_vec(&request).unwrap(), |again| {
                play_request(again).map(|request| serde_json::to_value(request).unwrap())
            })
        }),
        1 => outcome(body, keys_request(body), |request| {
            assert_eq!(request.session_id.to_string().parse(), Ok(request.session_id));
            assert!(!SessionMacKey::from_bytes([1; 32]).verify(body, &request.public_key));
            check_key(body, &request.public_key);
            (serde_json::to_vec(&request).unwrap(), |again| {
                keys_request(again).map(|request| serde_json::to_value(request).unwrap())
            })
        }),
        _ => envelope(body),
    }
}

type Reread = fn(&[u8]) -> Result<Value, Refusal>;

/// What is accepted is a JSON object, and written again it is read as the same.
fn outcome<T>(body: &[u8], read: Result<T, Refusal>, rules: impl FnOnce(T) -> (Vec<u8>, Reread)) -> Outcome {
    match read {
        Ok(request) => {
            assert!(serde_json::from_slice::<Value>(body).map_or(true, |value| value.is_object()));
            let (written, reread) = rules(request);
            let value: Value = serde_json::from_slice(&written).unwrap();
            assert_eq!(reread(&written).unwrap(), value);
            Outcome::Accepted
        }
        Err(refusal) => {
            assert_eq!(refusal.code(), ErrorCode::MalformedRequest);
            Outcome::Refused(refusal.code().as_str())
        }
    }
}

/// A key that is taken has one spelling, and a grant sealed to it is none for anybody else.
fn check_key(body: &[u8], text: &str) {
    let Ok(recipient) = RecipientPublicKey::parse(text) else { return };
    assert_eq!(recipient.to_string(), text);
    let (server_key, psk) = parties();
    let sealing = Sealing { request_body: body, recipient: &recipient, server_key: &server_key, psk: &psk };
    let grant = KeysGrant { expires_at: 1, keys: Vec::new(), segment_keys: Vec::new() };
    match grant.seal(&sealing, &mut Seed([5; 32])) {
        Ok(envelope) => {
            let other = Exchange::generate(&mut Seed([9; 32]));
            assert!(other.open_keys(body, &envelope, &server_key.public_key(), &psk).is_err());
        }
        Err(refusal) => assert_eq!(refusal.code(), ErrorCode::PublicKeyInvalid),
    }
}

fn parties() -> (ServerKey, Psk) {
    let server_key = ServerKey::from_bytes("server-1".parse().unwrap(), &[3; 32]).unwrap();
    (server_key, Psk::new("build-1", PskSecret::from_bytes([4; 32])))
}

fn envelope(json: &[u8]) -> Outcome {
    let Ok(envelope) = serde_json::from_slice::<Envelope>(json) else { return Outcome::Refused("malformed_request") };
    let again: Envelope = serde_json::from_slice(&serde_json::to_vec(&envelope).unwrap()).unwrap();
    assert_eq!(again, envelope);
    let (server_key, psk) = parties();
    let exchange = Exchange::generate(&mut Seed([6; 32]));
    match exchange.open_keys(b"{}", &envelope, &server_key.public_key(), &psk) {
        Ok(_) => Outcome::Accepted,
        Err(refusal) => {
            assert!(matches!(refusal.code(), ErrorCode::EnvelopeRejected | ErrorCode::ServerKeyUnknown));
            Outcome::Refused(refusal.code().as_str())
        }
    }
}
