//! What must hold for every input, not for chosen ones: round trips, one spelling per value, and no panic on anything
//! received.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::convert::Infallible;
use std::str::FromStr;

use keyveil_protocol::psign::{PlayerSignatureClaims, SigningKey, UnverifiedPlayerSignature, sign};
use keyveil_protocol::{
    ApiKey, ApiKeySecret, AppId, Cipher, ENVELOPE_LEN_MAX, Envelope, ErrorCode, Exchange, FileId, KeyTag, KeysGrant,
    Mode, Period, PeriodKey, PeriodKeyEntry, Psk, PskSecret, RecipientPublicKey, Rendition, Sealing, Segment,
    SegmentKey, SegmentKeyEntry, SegmentRef, ServerKey, SessionId, SessionMacKey, TrackClass,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// A stream that repeats one seed: random enough to make keys differ between cases.
struct Repeated([u8; 32]);

impl rand_core::TryRng for Repeated {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from(self.0[0]))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from(self.0[0]))
    }
    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), Infallible> {
        destination.iter_mut().zip(self.0.iter().cycle()).for_each(|(to, from)| *to = *from);
        Ok(())
    }
}
impl rand_core::TryCryptoRng for Repeated {}

fn names() -> impl Strategy<Value = String> {
    "[A-Za-z0-9_-]{1,64}"
}

fn ciphers() -> impl Strategy<Value = Cipher> {
    prop::sample::select(Cipher::ALL.to_vec())
}

fn classes() -> impl Strategy<Value = TrackClass> {
    prop::sample::select(&TrackClass::ALL[..])
}

/// Text near the real thing gets deeper into a parser than noise does.
fn near(real: String) -> impl Strategy<Value = String> {
    let len = real.len();
    (0..=len, 0..=len, ".{0,8}").prop_map(move |(from, to, insert)| {
        let head = real.get(..from.min(to)).unwrap_or_default();
        format!("{head}{insert}{}", real.get(from.max(to)..).unwrap_or_default())
    })
}

fn claims(file_id: &str) -> PlayerSignatureClaims {
    PlayerSignatureClaims::new(AppId::try_from(7).unwrap(), file_id.parse().unwrap(), 1_800_000_000)
}

fn opened(body: &[u8], grant: &KeysGrant, seed: [u8; 32], tamper: impl FnOnce(&mut Envelope)) -> Option<KeysGrant> {
    let server_key = ServerKey::from_bytes("server-1".parse().unwrap(), &seed).unwrap();
    let psk = Psk::new("build-1", PskSecret::from_bytes(seed));
    let exchange = Exchange::generate(&mut Repeated(seed));
    let recipient = RecipientPublicKey::parse(&exchange.public_key().to_string()).unwrap();
    let sealing = Sealing { request_body: body, recipient: &recipient, server_key: &server_key, psk: &psk };
    let mut envelope = grant.seal(&sealing, &mut Repeated(seed.map(|byte| !byte))).unwrap();
    tamper(&mut envelope);
    exchange.open_keys(body, &envelope, &server_key.public_key(), &psk).ok()
}

/// Parsing gives `Some` only for the one text that writing gives.
fn one_spelling<T: FromStr + ToString>(text: &str) -> bool {
    text.parse::<T>().is_ok_and(|value| value.to_string() == text) || text.parse::<T>().is_err()
}

#[test]
fn identifiers_have_one_spelling() {
    for text in ["", "+1", "01", "0", " 1", "1 ", "1.0", "1e3", "9007199254740992", "-1"] {
        text.parse::<AppId>().unwrap_err();
    }
    assert_eq!("9007199254740991".parse::<AppId>().unwrap().value(), (1 << 53) - 1);
    for text in ["", ".", "..", "a/b", "a\0", "a\n", "ä", &"a".repeat(65)] {
        text.parse::<FileId>().unwrap_err();
    }
}

#[test]
fn an_empty_signing_key_neither_signs_nor_verifies() {
    let (empty, key) = (SigningKey::new(String::new()), SigningKey::new("a signing key".into()));
    assert_eq!(sign(&claims("film-1"), None, &empty).unwrap_err().code(), ErrorCode::PsignSignature);
    // HMAC pads keys with zeros: one zero byte is the same HMAC key as none, so this is what a forger would send.
    let forged = sign(&claims("film-1"), None, &SigningKey::new("\0".into())).unwrap();
    let parsed = || UnverifiedPlayerSignature::parse(&forged).unwrap();
    assert_eq!(parsed().verify([&empty, &key]).unwrap_err().code(), ErrorCode::PsignSignature);
    parsed().verify([&SigningKey::new("\0".into())]).unwrap();
    assert_eq!(parsed().verify([]).unwrap_err().code(), ErrorCode::PsignSignature);
}

#[test]
fn a_ciphertext_over_its_limit_is_refused_before_it_is_decoded() {
    let grant = KeysGrant { expires_at: 1, keys: Vec::new(), segment_keys: Vec::new() };
    let server_key = ServerKey::from_bytes("server-1".parse().unwrap(), &[3; 32]).unwrap();
    let psk = Psk::new("build-1", PskSecret::from_bytes([3; 32]));
    let exchange = || Exchange::generate(&mut Repeated([5; 32]));
    let recipient = exchange().public_key();
    let sealing = Sealing { request_body: b"{}", recipient: &recipient, server_key: &server_key, psk: &psk };
    let mut envelope = grant.seal(&sealing, &mut Repeated([6; 32])).unwrap();
    let longest = (ENVELOPE_LEN_MAX * 4).div_ceil(3);
    for (len, cause) in [(longest, "HPKE"), (longest + 1, "ciphertext over its limit")] {
        envelope.ciphertext = "A".repeat(len);
        let refusal = exchange().open_keys(b"{}", &envelope, &server_key.public_key(), &psk).unwrap_err();
        assert_eq!((refusal.code(), refusal.cause()), (ErrorCode::EnvelopeRejected, cause));
    }
}

#[test]
fn the_fullest_grant_fits_into_an_envelope_and_one_key_more_is_refused() {
    let key =
        |n: u32| PeriodKeyEntry { track_class: TrackClass::Hd, period: Period(n), key: PeriodKey::from_bytes([1; 32]) };
    let segment_key = |n: u32| SegmentKeyEntry {
        rendition: Rendition(1),
        segment: Segment(n),
        key: SegmentKey::from_bytes(Cipher::Aes128Cbc, [2; 32]),
    };
    let grant = |keys: u32, segment_keys: u32| KeysGrant {
        expires_at: 1,
        keys: (0..keys).map(key).collect(),
        segment_keys: (0..segment_keys).map(segment_key).collect(),
    };
    assert_eq!(opened(b"{}", &grant(256, 256), [3; 32], |_| ()), Some(grant(256, 256)));
    let server_key = ServerKey::from_bytes("server-1".parse().unwrap(), &[3; 32]).unwrap();
    let psk = Psk::new("build-1", PskSecret::from_bytes([3; 32]));
    let recipient = Exchange::generate(&mut Repeated([5; 32])).public_key();
    let sealing = Sealing { request_body: b"{}", recipient: &recipient, server_key: &server_key, psk: &psk };
    for (keys, segment_keys) in [(257, 0), (0, 257)] {
        let refusal = grant(keys, segment_keys).seal(&sealing, &mut Repeated([6; 32]));
        assert_eq!(refusal.unwrap_err().code(), ErrorCode::Internal);
    }
}

proptest! {
    #[test]
    fn key_tags_and_fragments_are_read_as_written(
        name in names(), track_class in classes(), period: u32, rendition: u16, segment: u32, cipher in ciphers(),
    ) {
        let (file_id, period, rendition): (FileId, _, _) = (name.parse().unwrap(), Period(period), Rendition(rendition));
        let tag = KeyTag { file_id: file_id.clone(), period, cipher, track_class, rendition };
        prop_assert_eq!(&tag.to_string().parse::<KeyTag>().unwrap(), &tag);
        let place = SegmentRef { file_id, track_class, period, rendition, segment: Segment(segment), cipher };
        prop_assert_eq!(&place.to_string().parse::<SegmentRef>().unwrap(), &place);
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in ".{0,300}") {
        drop(UnverifiedPlayerSignature::parse(&text));
        drop(text.parse::<KeyTag>());
        drop(RecipientPublicKey::parse(&text));
        drop(serde_json::from_str::<Envelope>(&text));
        prop_assert!(one_spelling::<SegmentRef>(&text) && one_spelling::<AppId>(&text));
        prop_assert!(one_spelling::<SessionId>(&text) && one_spelling::<FileId>(&text));
        prop_assert!(text.parse::<ApiKey>().is_err() && !SessionMacKey::from_bytes([1; 32]).verify(b"", &text));
    }

    #[test]
    fn no_text_near_a_fragment_or_key_tag_has_a_second_spelling(
        fragment in near("keyveil=film-1/2/3/2/31".into()),
        tag in near(r#"#EXT-X-KEY:METHOD=KEYVEIL,URI="keyveil:f/3",CIPHER="aes-128-cbc",TRACK-CLASS="HD",RENDITION=2,KEYFORMAT="com.keyveil",KEYFORMATVERSIONS="1""#.into()),
    ) {
        prop_assert!(one_spelling::<SegmentRef>(&fragment), "{}", fragment);
        if let Ok(read) = tag.parse::<KeyTag>() {
            prop_assert_eq!(read.to_string().parse::<KeyTag>().unwrap(), read);
        }
    }

    #[test]
    fn api_keys_are_read_as_written_and_nothing_near_them(
        name in names(), secret: [u8; 32], other in near(format!("kv_a_b_{}", "x-_A".repeat(10) + "abc")),
    ) {
        let key = ApiKey::new(name.parse().unwrap(), ApiKeySecret::from_bytes(secret));
        let read: ApiKey = key.expose_text().parse().unwrap();
        prop_assert_eq!((read.id(), read.secret_hash()), (key.id(), key.secret_hash()));
        prop_assert!(other.parse::<ApiKey>().is_ok_and(|read| read.expose_text() == other) || other.parse::<ApiKey>().is_err());
    }

    #[test]
    fn a_psign_verifies_unaltered_only(name in names(), key in "[ -~]{1,80}", at in 0..4096_usize, bit in 0..7_u32) {
        let signing_key = SigningKey::new(key);
        let psign = sign(&claims(&name), None, &signing_key).unwrap();
        let verified = |psign: &str| -> Result<FileId, ErrorCode> {
            let verified = UnverifiedPlayerSignature::parse(psign).and_then(|parsed| parsed.verify([&signing_key]));
            let timely = verified.and_then(|verified| verified.check_times(1_800_000_000, 60));
            timely.and_then(|timely| timely.authorize(None, Mode::Private))
                .map(|authorization| authorization.claims().file_id.clone()).map_err(|refusal| refusal.code())
        };
        prop_assert_eq!(verified(&psign).unwrap().to_string(), name);
        let mut altered = psign.into_bytes();
        let at = at % altered.len();
        altered[at] ^= 1 << bit;
        let refusal = verified(std::str::from_utf8(&altered).unwrap()).unwrap_err();
        prop_assert!(
            matches!(refusal, ErrorCode::PsignMalformed | ErrorCode::PsignAlgorithm | ErrorCode::PsignSignature),
            "{refusal}"
        );
    }

    #[test]
    fn envelopes_open_to_what_was_sealed_and_not_when_altered(
        body in vec(any::<u8>(), 0..100), seed: [u8; 32], expires_at: u64,
        keys in vec((classes(), any::<u32>(), any::<[u8; 32]>()), 0..=256),
        segment_keys in vec((any::<u16>(), any::<u32>(), any::<[u8; 32]>(), ciphers()), 0..=256), at: usize, bit in 0..7_u32,
    ) {
        let keys = keys.into_iter().map(|(track_class, period, key)| PeriodKeyEntry {
            track_class, period: Period(period), key: PeriodKey::from_bytes(key),
        }).collect();
        let segment_keys = segment_keys.into_iter().map(|(rendition, segment, key, cipher)| SegmentKeyEntry {
            rendition: Rendition(rendition), segment: Segment(segment), key: SegmentKey::from_bytes(cipher, key),
        }).collect();
        let grant = KeysGrant { expires_at, keys, segment_keys };
        prop_assert_eq!(opened(&body, &grant, seed, |_| ()), Some(grant.clone()));
        prop_assert_eq!(opened(&body, &grant, seed, |envelope| {
            let mut text = std::mem::take(&mut envelope.ciphertext).into_bytes();
            let at = at % text.len();
            text[at] ^= 1 << bit;
            envelope.ciphertext = String::from_utf8(text).unwrap();
        }), None);
    }
}
