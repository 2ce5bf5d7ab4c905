//! tests/vectors/*.json against this crate, natively and in WebAssembly (`cargo test --target wasm32-unknown-unknown`).
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::convert::Infallible;

use keyveil_protocol::api::PlayRequest;
use keyveil_protocol::psign::{PlayerSignatureClaims, SigningKey, UnverifiedPlayerSignature};
use keyveil_protocol::{
    ApiKey, Cipher, Downgrade, Envelope, Exchange, KeyTag, KeysGrant, LevelRule, Mode, Period, PeriodKey,
    PeriodKeyEntry, PlayGrant, ProtocolError, Psk, PskSecret, RecipientPublicKey, Rendition, Sealing, Segment,
    SegmentDecryptor, SegmentKey, SegmentKeyEntry, SegmentRef, ServerKey, SessionId, SessionMacKey, TitleSecret,
    TrackClass, seal_title,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

macro_rules! vectors {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../../tests/vectors/", $name, ".json"))).unwrap()
    };
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} is no text in {value}"))
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    let list = value[name].as_array().unwrap();
    assert!(!list.is_empty(), "{name} is empty");
    list
}

fn bytes<const N: usize>(value: &Value, name: &str) -> [u8; N] {
    hex::decode(text(value, name)).unwrap().try_into().unwrap()
}

fn number<T: TryFrom<u64>>(value: &Value, name: &str) -> T {
    T::try_from(value[name].as_u64().unwrap()).ok().unwrap()
}

/// The first there was where none is named.
fn cipher(value: &Value) -> Cipher {
    value["cipher"].as_str().map_or(Cipher::Aes128Cbc, |name| Cipher::from_name(name).unwrap())
}

fn class(value: &Value) -> TrackClass {
    text(value, "trackClass").parse().unwrap()
}

#[test]
fn keys_derive_as_written_down() {
    for v in vectors!("key-hierarchy").as_array().unwrap() {
        let period_key =
            TitleSecret::from_bytes(bytes(v, "titleSecret")).period_key(class(v), Period(number(v, "period")));
        assert_eq!(*period_key.expose_secret(), bytes::<32>(v, "periodKey"));
        let key =
            period_key.segment_key(Cipher::Aes128Cbc, Rendition(number(v, "rendition")), Segment(number(v, "segment")));
        assert_eq!(key.expose_secret()[..16], bytes::<16>(v, "segmentKey"));
        assert_eq!(key.expose_secret()[16..], bytes::<16>(v, "iv"));
        let place = (Rendition(number(v, "rendition")), Segment(number(v, "segment")));
        let key = period_key.segment_key(Cipher::ChaCha20Poly1305, place.0, place.1);
        assert_eq!(*key.expose_secret(), bytes::<32>(v, "chachaKey"));
        let key = period_key.standard_segment_key(Rendition(number(v, "rendition")), Segment(number(v, "segment")));
        assert_eq!(key.halves(), (&bytes::<16>(v, "standardKey"), &bytes::<16>(v, "standardIv")));
    }
}

#[test]
fn segments_encrypt_and_decrypt_as_written_down() {
    let v = vectors!("segment-cipher");
    check_cipher(&v, Cipher::Aes128Cbc);
    check_cipher(&v["chunked"], Cipher::ChaCha20Poly1305);
}

#[test]
fn long_segments_in_chunks_have_the_digests_written_down() {
    let v = &vectors!("segment-cipher")["chunked"];
    for case in list(v, "long") {
        let len = number::<usize>(case, "length");
        let clear: Vec<u8> = (0..len).map(|at| ((len & 255) + at * 7) as u8).collect();
        let mut buffer = clear.clone();
        let key = || SegmentKey::from_bytes(Cipher::ChaCha20Poly1305, bytes(v, "segmentKey"));
        key().encrypt(&mut buffer).unwrap();
        assert_eq!(buffer.len(), number::<usize>(case, "sealedLength"));
        assert_eq!(Sha256::digest(&buffer)[..], bytes::<32>(case, "sha256"), "{len}");
        let clear_len = decrypted_by_the_player(key(), &mut buffer).unwrap();
        assert!(buffer[..clear_len] == clear);
    }
}

/// As the player has it, in one piece.
fn decrypted_by_the_player(key: SegmentKey, buffer: &mut [u8]) -> Result<usize, ProtocolError> {
    SegmentDecryptor::new(key.cipher()).push(key, &[7; 16], buffer, true)
}

fn check_cipher(v: &Value, cipher: Cipher) {
    let key = || SegmentKey::from_bytes(cipher, bytes(v, "segmentKey"));
    for case in list(v, "valid") {
        let clear = hex::decode(text(case, "clear")).unwrap();
        let mut buffer = clear.clone();
        key().encrypt(&mut buffer).unwrap();
        assert_eq!(hex::encode(&buffer), text(case, "ciphertext"));
        let clear_len = key().decrypt(&mut buffer).unwrap();
        assert_eq!(buffer[..clear_len], clear);
        let mut buffer = hex::decode(text(case, "ciphertext")).unwrap();
        let clear_len = decrypted_by_the_player(key(), &mut buffer).unwrap();
        assert_eq!(buffer[..clear_len], clear);
    }
    for case in list(v, "malformed") {
        let ciphertext = hex::decode(text(case, "ciphertext")).unwrap();
        let by_the_player = decrypted_by_the_player(key(), &mut ciphertext.clone());
        for refusal in [key().decrypt(&mut ciphertext.clone()), by_the_player] {
            assert_eq!(refusal.unwrap_err().code().as_str(), text(case, "code"), "{}", text(case, "name"));
        }
    }
}

#[test]
fn key_tags_are_read_and_written_as_written_down() {
    let v = vectors!("key-tag");
    for case in list(&v, "valid") {
        let tag: KeyTag = text(case, "line").parse().unwrap();
        assert_eq!((tag.file_id.as_str(), tag.track_class), (text(case, "fileId"), class(case)));
        assert_eq!(tag.cipher, cipher(case));
        assert_eq!((tag.period.0, tag.rendition.0), (number(case, "period"), number(case, "rendition")));
        assert_eq!(tag.to_string() == text(case, "line"), case["canonical"] == true);
    }
    for case in list(&v, "malformed") {
        let refusal = text(case, "line").parse::<KeyTag>();
        assert_eq!(refusal.unwrap_err().code().as_str(), text(case, "code"), "{}", text(case, "name"));
    }
    for case in list(&v["fragments"], "valid") {
        let place: SegmentRef = text(case, "fragment").parse().unwrap();
        assert_eq!(place.to_string(), text(case, "fragment"));
        assert_eq!((place.track_class, place.segment), (class(case), Segment(number(case, "segment"))));
        assert_eq!(place.cipher, cipher(case));
    }
    for case in list(&v["fragments"], "malformed") {
        let refusal = case.as_str().unwrap().parse::<SegmentRef>();
        assert_eq!(refusal.unwrap_err().code().as_str(), "key_tag_malformed", "{case}");
    }
}

fn check_psign(v: &Value, psign: &str) -> Result<(u64, PlayerSignatureClaims), ProtocolError> {
    let authorization = UnverifiedPlayerSignature::parse(psign)?
        .verify([&SigningKey::new("an older key".into()), &SigningKey::new(text(v, "signingKey").into())])?
        .check_times(number(v, "now"), number(v, "maxAgeSecs"))?
        .authorize(Some(&text(v, "fileId").parse().unwrap()), Mode::Private)?;
    let claims = authorization.claims();
    assert_eq!(claims.app_id.value(), number::<u64>(v, "appId"));
    Ok((authorization.expires_at(), claims.clone()))
}

/// Those that are set, as the vectors write them.
fn limits(claims: &PlayerSignatureClaims) -> Value {
    let mut limits = serde_json::Map::new();
    let mut set = |name: &str, value: Option<Value>| value.map(|value| limits.insert(name.to_owned(), value));
    set("previewSecs", claims.preview_secs().map(Value::from));
    set("addressLimit", claims.address_limit().map(Value::from));
    set("us", claims.us().map(Value::from));
    set("sessions", claims.session_limit().map(Value::from));
    set("once", claims.is_for_one_use().then_some(Value::Bool(true)));
    let rule = claims.level_rule();
    if rule != LevelRule::NONE {
        set("minLevel", Some(rule.min_level.as_str().into()));
        set("belowMinLevel", Some(rule.below_min_level.to_string().into()));
    }
    let ip: Vec<Value> = claims.address_ranges().iter().map(|range| range.to_string().into()).collect();
    set("ip", (!ip.is_empty()).then_some(Value::Array(ip)));
    Value::Object(limits)
}

#[test]
fn player_signatures_are_accepted_and_refused_as_written_down() {
    let v = vectors!("psign");
    for case in list(&v, "valid") {
        let (expires_at, claims) = check_psign(&v, text(case, "psign")).unwrap();
        assert_eq!(expires_at, number::<u64>(case, "expiresAt"), "{}", text(case, "name"));
        assert_eq!(claims.uid(), case["uid"].as_str());
        assert_eq!(claims.max_track().name(), case["maxTrack"].as_str().unwrap_or("UHD"));
        if let Some(expected) = case.get("limits") {
            assert_eq!(limits(&claims), *expected, "{}", text(case, "name"));
        }
        let kid = UnverifiedPlayerSignature::parse(text(case, "psign")).unwrap().kid().map(ToString::to_string);
        assert_eq!(kid.as_deref(), case["kid"].as_str());
    }
    for case in list(&v, "refused") {
        let refusal = check_psign(&v, text(case, "psign"));
        assert_eq!(refusal.unwrap_err().code().as_str(), text(case, "code"), "{}", text(case, "name"));
    }
}

#[test]
fn levels_are_stated_as_written_down() {
    let v = vectors!("levels");
    for case in list(&v, "requests") {
        let body = text(case, "body");
        let request: PlayRequest = serde_json::from_str(body).unwrap();
        assert_eq!(request.stated.level().as_str(), text(case, "level"), "{body}");
        assert_eq!(request.stated.downgrade().map(Downgrade::as_str), case["downgrade"].as_str(), "{body}");
        let fields = |value: &Value| (value.get("level").cloned(), value.get("downgrade").cloned());
        if case["written"] == true {
            let written = serde_json::to_value(&request).unwrap();
            assert_eq!(fields(&written), fields(&serde_json::from_str(body).unwrap()));
        }
    }
    for case in list(&v, "malformed") {
        serde_json::from_str::<PlayRequest>(text(case, "body")).expect_err(text(case, "name"));
    }
}

#[test]
fn an_old_players_statement_is_written_as_it_says_it() {
    let old: PlayRequest = serde_json::from_str(r#"{"psign":"a.b.c"}"#).unwrap();
    let written = serde_json::to_value(&old).unwrap();
    assert!(written.get("psign").is_some() && written.get("level").is_none() && written.get("downgrade").is_none());
}

#[test]
fn rules_allow_and_refuse_levels_as_written_down() {
    let rule = |v: &Value| LevelRule {
        min_level: text(v, "minLevel").parse().unwrap(),
        below_min_level: text(v, "belowMinLevel").parse().unwrap(),
    };
    for case in list(&vectors!("levels"), "rules") {
        let level = text(case, "level").parse().unwrap();
        let outcome = [&case["app"], &case["signature"]].map(|v| rule(v).highest_track(level)).into_iter().min();
        assert_eq!(outcome.flatten().map_or("refuse", TrackClass::name), text(case, "highestTrack"), "{case}");
    }
}

/// A random source that gives the vector's seed once; asked for more, it fails the test.
struct Seed(Option<[u8; 32]>);

impl rand_core::TryRng for Seed {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("asked for an integer")
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("asked for an integer")
    }
    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), Infallible> {
        destination.copy_from_slice(&self.0.take().unwrap());
        Ok(())
    }
}
impl rand_core::TryCryptoRng for Seed {}

fn entries(grant: &Value) -> Vec<PeriodKeyEntry> {
    let entry = |v: &Value| PeriodKeyEntry {
        track_class: class(v),
        period: Period(number(v, "period")),
        key: PeriodKey::from_bytes(bytes(v, "key")),
    };
    list(grant, "keys").iter().map(entry).collect()
}

fn segment_entries(grant: &Value) -> Vec<SegmentKeyEntry> {
    let entry = |v: &Value| SegmentKeyEntry {
        rendition: Rendition(number(v, "rendition")),
        segment: Segment(number(v, "segment")),
        key: SegmentKey::from_bytes(cipher(v), bytes(v, "key")),
    };
    grant["segmentKeys"].as_array().unwrap().iter().map(entry).collect()
}

fn grants(v: &Value) -> (PlayGrant, KeysGrant, TitleSecret) {
    let (play, keys) = (&v["grants"]["play"], &v["grants"]["keys"]);
    let play = PlayGrant {
        session_id: SessionId::from_bytes(bytes(play, "sessionId")),
        mac_key: SessionMacKey::from_bytes(bytes(play, "macKey")),
        expires_at: number(play, "expiresAt"),
        keys: entries(play),
        segment_keys: segment_entries(play),
    };
    let keys =
        KeysGrant { expires_at: number(keys, "expiresAt"), keys: entries(keys), segment_keys: segment_entries(keys) };
    (play, keys, TitleSecret::from_bytes(bytes(&v["grants"]["title"], "titleSecret")))
}

#[test]
fn envelopes_seal_and_open_as_written_down() {
    let v = vectors!("envelope");
    let body = text(&v, "body").as_bytes();
    let server_key =
        ServerKey::from_bytes(text(&v, "serverKeyId").parse().unwrap(), &bytes(&v, "serverPrivateKey")).unwrap();
    let public = server_key.public_key();
    assert_eq!(public.to_bytes(), bytes::<32>(&v, "serverPublicKey"));
    let psk = Psk::new(text(&v, "pskId"), PskSecret::from_bytes(bytes(&v, "psk")));
    let exchange = || Exchange::generate(&mut Seed(Some(bytes(&v, "recipientSeed"))));
    assert_eq!(exchange().public_key().to_string(), text(&v, "recipientPublicKey"));
    let recipient = RecipientPublicKey::parse(text(&v, "recipientPublicKey")).unwrap();
    let sealing = Sealing { request_body: body, recipient: &recipient, server_key: &server_key, psk: &psk };
    let rng = || Seed(Some(bytes(&v, "ephemeralSeed")));
    let (play, keys, title_secret) = grants(&v);
    let sealed = [
        play.seal(&sealing, &mut rng()).unwrap(),
        keys.seal(&sealing, &mut rng()).unwrap(),
        seal_title(&title_secret, &sealing, &mut rng()).unwrap(),
    ];
    for (envelope, case) in sealed.iter().zip(list(&v, "valid")) {
        assert_eq!(serde_json::to_value(envelope).unwrap(), case["envelope"], "{}", text(case, "label"));
    }
    assert_eq!(exchange().open_play(body, &sealed[0], &public, &psk).unwrap(), play);
    assert_eq!(exchange().open_keys(body, &sealed[1], &public, &psk).unwrap(), keys);
    assert_eq!(exchange().open_title(body, &sealed[2], &public, &psk).unwrap(), title_secret);
    exchange().open_title(body, &sealed[0], &public, &psk).unwrap_err();
    for case in list(&v, "malformed") {
        let envelope: Envelope = serde_json::from_value(case["envelope"].clone()).unwrap();
        let refusal = exchange().open_play(body, &envelope, &public, &psk);
        assert_eq!(refusal.unwrap_err().code().as_str(), text(case, "code"), "{}", text(case, "name"));
    }
}

#[test]
fn recipient_keys_of_small_order_are_refused() {
    let v = vectors!("envelope");
    let server_key = ServerKey::from_bytes("s".parse().unwrap(), &bytes(&v, "serverPrivateKey")).unwrap();
    let psk = Psk::new("b", PskSecret::from_bytes([1; 32]));
    for point in list(&v, "smallOrderPublicKeys") {
        let recipient = RecipientPublicKey::parse(point.as_str().unwrap()).unwrap();
        let sealing = Sealing { request_body: b"{}", recipient: &recipient, server_key: &server_key, psk: &psk };
        let refusal = seal_title(&TitleSecret::from_bytes([2; 32]), &sealing, &mut Seed(Some([3; 32])));
        assert_eq!(refusal.unwrap_err().code().as_str(), "public_key_invalid", "{point}");
    }
    RecipientPublicKey::parse(&"A".repeat(42)).unwrap_err();
}

#[test]
fn macs_and_api_keys_are_as_written_down() {
    let v = vectors!("mac");
    let case = &v["keysMac"];
    let key = SessionMacKey::from_bytes(bytes(case, "macKey"));
    let (body, mac) = (text(case, "body"), text(case, "mac"));
    assert_eq!(key.mac(body.as_bytes()), mac);
    assert!(key.verify(body.as_bytes(), mac));
    assert!(!key.verify(format!("{body} ").as_bytes(), mac));
    for malformed in list(case, "malformed") {
        assert!(!key.verify(body.as_bytes(), malformed.as_str().unwrap()), "{malformed}");
    }
    let case = &v["apiKey"];
    let api_key: ApiKey = text(case, "text").parse().unwrap();
    assert_eq!((api_key.id().as_str(), api_key.expose_text().as_str()), (text(case, "id"), text(case, "text")));
    assert_eq!(*api_key.psk_secret().expose_secret(), bytes::<32>(case, "psk"));
    for malformed in list(case, "malformed") {
        let refusal = malformed.as_str().unwrap().parse::<ApiKey>();
        assert_eq!(refusal.unwrap_err().code().as_str(), "api_key_invalid", "{malformed}");
    }
}

#[test]
fn secrets_print_redacted() {
    let secret = TitleSecret::from_bytes([0xab; 32]);
    let period_key = secret.period_key(TrackClass::Hd, Period(0));
    let segment_key = period_key.segment_key(Cipher::Aes128Cbc, Rendition(0), Segment(0));
    let chacha_key = period_key.segment_key(Cipher::ChaCha20Poly1305, Rendition(0), Segment(0));
    let printed =
        format!("{secret:?} {period_key:?} {segment_key:?} {chacha_key:?} {:?}", SigningKey::new("tell-nobody".into()));
    assert_eq!(
        printed,
        "TitleSecret([redacted]) PeriodKey([redacted]) Aes128Cbc(Aes128CbcKey([redacted])) \
         ChaCha20Poly1305(ChaCha20Poly1305Key([redacted])) SigningKey([redacted])"
    );
}
