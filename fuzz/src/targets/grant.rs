use base64ct::{Base64UrlUnpadded, Encoding};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeS, PskBundle, Serializable};
use keyveil_protocol::{
    ENVELOPE_LEN_MAX, Envelope, ErrorCode, Exchange, GRANT_KEYS_MAX, KeysGrant, PeriodKeyEntry, PlayGrant,
    ProtocolError, Psk, PskSecret, Sealing, SegmentKeyEntry, ServerKey, ServerPublicKey,
};
use sha2::{Digest, Sha256};

use crate::Outcome;
use crate::input::{Input, Seed};

const BODY: &[u8] = b"{}";
const SERVER: [u8; 32] = [3; 32];
const PSK: [u8; 32] = [4; 32];

/// The plaintext of a grant, sealed here as a server that is not ours would: the layout is read behind authentication, where no
/// fuzzer gets by itself.
pub fn grant(data: &[u8]) -> Outcome {
    let mut input = Input(data);
    let kind = input.byte() % 3;
    let plaintext = input.0;
    let exchange = || Exchange::generate(&mut Seed([6; 32]));
    let server = ServerKey::from_bytes("server-1".parse().unwrap(), &SERVER).unwrap().public_key();
    let psk = Psk::new("build-1", PskSecret::from_bytes(PSK));
    let label = ["keyveil/v1/grant/play", "keyveil/v1/grant/keys", "keyveil/v1/grant/title"][usize::from(kind)];
    let envelope = seal(label, &exchange(), plaintext);
    let written = match kind {
        0 => exchange().open_play(BODY, &envelope, &server, &psk).map(|grant| play_bytes(&grant, &server, &psk)),
        1 => exchange().open_keys(BODY, &envelope, &server, &psk).map(|grant| keys_bytes(&grant)),
        _ => exchange()
            .open_title(BODY, &envelope, &server, &psk)
            .map(|secret| [&[1], &secret.expose_secret()[..]].concat()),
    };
    outcome(plaintext, written)
}

fn outcome(plaintext: &[u8], written: Result<Vec<u8>, ProtocolError>) -> Outcome {
    match written {
        // One grant has one layout: what is read is all of what was sealed.
        Ok(written) => {
            assert_eq!(written, plaintext);
            Outcome::Accepted
        }
        Err(refusal) => {
            assert_eq!(refusal.code(), ErrorCode::EnvelopeRejected);
            Outcome::Refused(refusal.code().as_str())
        }
    }
}

fn seal(label: &str, exchange: &Exchange, plaintext: &[u8]) -> Envelope {
    let key = |bytes: &[u8]| <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(bytes).unwrap();
    let recipient = Base64UrlUnpadded::decode_vec(&exchange.public_key().to_string()).unwrap();
    let recipient = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&recipient).unwrap();
    let sender = key(&SERVER);
    let public = X25519HkdfSha256::sk_to_pk(&sender);
    let mode = OpModeS::AuthPsk((sender, public), PskBundle::new(&PSK, b"build-1").unwrap());
    let info = [label.as_bytes(), &[0], Sha256::digest(BODY).as_slice()].concat();
    let (enc, ciphertext) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &mode,
        &recipient,
        &info,
        plaintext,
        b"",
        &mut Seed([5; 32]),
    )
    .unwrap();
    Envelope {
        server_key_id: "server-1".parse().unwrap(),
        enc: Base64UrlUnpadded::encode_string(&enc.to_bytes()),
        ciphertext: Base64UrlUnpadded::encode_string(&ciphertext),
    }
}

/// docs/PROTOCOL.md, "Grant envelope", a second time.
fn entries(keys: &[PeriodKeyEntry], segment_keys: &[SegmentKeyEntry]) -> Vec<u8> {
    assert!(keys.len() <= GRANT_KEYS_MAX && segment_keys.len() <= GRANT_KEYS_MAX);
    let mut bytes = (keys.len() as u16).to_be_bytes().to_vec();
    for entry in keys {
        bytes.push(entry.track_class.number());
        bytes.extend(entry.period.0.to_be_bytes());
        bytes.extend(entry.key.expose_secret());
    }
    bytes.extend((segment_keys.len() as u16).to_be_bytes());
    for entry in segment_keys {
        bytes.extend(entry.rendition.0.to_be_bytes());
        bytes.extend(entry.segment.0.to_be_bytes());
        bytes.push(entry.key.cipher().number());
        bytes.extend(entry.key.expose_secret());
    }
    bytes
}

fn keys_bytes(grant: &KeysGrant) -> Vec<u8> {
    [&[3], &grant.expires_at.to_be_bytes()[..], &entries(&grant.keys, &grant.segment_keys)].concat()
}

fn play_bytes(grant: &PlayGrant, server: &ServerPublicKey, psk: &Psk) -> Vec<u8> {
    let server_key = ServerKey::from_bytes(server.id().clone(), &SERVER).unwrap();
    let exchange = Exchange::generate(&mut Seed([8; 32]));
    let sealing = Sealing { request_body: BODY, recipient: &exchange.public_key(), server_key: &server_key, psk };
    let envelope = grant.seal(&sealing, &mut Seed([7; 32])).unwrap();
    assert!(envelope.ciphertext.len() <= (ENVELOPE_LEN_MAX * 4).div_ceil(3));
    assert_eq!(exchange.open_play(BODY, &envelope, server, psk).as_ref(), Ok(grant));
    let fixed =
        [&[3], &grant.session_id.as_bytes()[..], grant.mac_key.expose_secret(), &grant.expires_at.to_be_bytes()];
    [fixed.concat(), entries(&grant.keys, &grant.segment_keys)].concat()
}
