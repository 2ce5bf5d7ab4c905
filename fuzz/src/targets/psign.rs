use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use keyveil_protocol::psign::{
    CLOCK_SKEW_SECS, PSIGN_LEN_MAX, PlayerSignatureClaims, SigningKey, UnverifiedPlayerSignature, sign,
};
use keyveil_protocol::{ErrorCode, Mode};
use sha2::Sha256;

use crate::Outcome;
use crate::input::Input;

const KEY: &str = "a-signing-key-shared-with-the-customer";
const NOW: u64 = 1_800_000_000;
const MAX_AGE_SECS: u64 = 86_400;
/// What `sign` writes and a signer may leave out: `typ`.
const GROWTH_MAX: usize = 100;

/// A player signature as it comes, or (the first byte says so) a header and claims that are signed here: no fuzzer guesses HMACs.
pub fn psign(data: &[u8]) -> Outcome {
    let mut input = Input(data);
    let own;
    let text = if input.byte() & 1 == 0 {
        let Some(text) = input.rest_text() else { return Outcome::Refused("not text") };
        text
    } else {
        own = signed(input.until_zero(), input.0);
        &own
    };
    match UnverifiedPlayerSignature::parse(text) {
        Ok(parsed) => accepted(text, parsed),
        Err(refusal) => {
            assert!(matches!(refusal.code(), ErrorCode::PsignMalformed | ErrorCode::PsignAlgorithm), "{refusal}");
            Outcome::Refused(refusal.code().as_str())
        }
    }
}

fn mac(input: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
    mac.update(input.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn signed(header: &[u8], claims: &[u8]) -> String {
    let input = format!("{}.{}", Base64UrlUnpadded::encode_string(header), Base64UrlUnpadded::encode_string(claims));
    let mac = Base64UrlUnpadded::encode_string(&mac(&input));
    format!("{input}.{mac}")
}

fn accepted(text: &str, parsed: UnverifiedPlayerSignature<'_>) -> Outcome {
    assert!(text.len() <= PSIGN_LEN_MAX && text.matches('.').count() == 2);
    let (claims, kid) = (parsed.claims().clone(), parsed.kid().cloned());
    check_bounds(&claims);
    let parts: Vec<Vec<u8>> = text.split('.').map(|part| Base64UrlUnpadded::decode_vec(part).unwrap()).collect();
    let header: serde_json::Value = serde_json::from_slice(&parts[0]).unwrap();
    assert!(header.is_object() && header["alg"] == "HS256" && header.get("crit").is_none());
    rewritten(text, &claims, kid);

    // Only the HMAC of exactly this text, under exactly this key, is one.
    let (input, _) = text.rsplit_once('.').unwrap();
    let is_signed = mac(input) == parts[2];
    let Err(parsed) = parsed.verify_by(&SigningKey::new(format!("{KEY}."))) else { panic!("another key verified it") };
    let Err(parsed) = parsed.verify_by(&SigningKey::new(String::new())) else { panic!("an empty key verified it") };
    let verified = match parsed.verify([&SigningKey::new(KEY.into())]) {
        Ok(verified) => verified,
        Err(refusal) => {
            assert!(!is_signed && refusal.code() == ErrorCode::PsignSignature);
            return Outcome::Refused(refusal.code().as_str());
        }
    };
    assert!(is_signed);
    let refused = |code: ErrorCode| Outcome::Refused(code.as_str());
    match verified.check_times(NOW, MAX_AGE_SECS) {
        Err(refusal) => refused(refusal.code()),
        Ok(timely) => {
            let made_at = claims.current_time_stamp;
            assert!(
                made_at <= NOW + CLOCK_SKEW_SECS && (NOW + 1..=made_at + MAX_AGE_SECS).contains(&timely.expires_at())
            );
            assert!(claims.expire_time_stamp.is_none_or(|end| timely.expires_at() <= end));
            match timely.authorize(Some(&claims.file_id), Mode::Private) {
                Ok(_) => Outcome::Accepted,
                Err(refusal) => refused(refusal.code()),
            }
        }
    }
}

fn check_bounds(claims: &PlayerSignatureClaims) {
    assert!((1..1 << 53).contains(&claims.app_id.value()) && (1..=64).contains(&claims.file_id.as_str().len()));
    assert!(claims.uid().is_none_or(|uid| uid.len() <= 128));
    assert!(claims.domain_lists().iter().all(|list| (1..=32).contains(&list.len())));
    assert!(claims.preview_secs().is_none_or(|secs| (1..=1 << 31).contains(&secs)));
    assert!(claims.address_limit().is_none_or(|count| (1..=9).contains(&count)));
    assert!(claims.us().is_none_or(|us| (1..=64).contains(&us.len())));
    assert!(claims.address_ranges().len() <= 16);
    assert!(claims.session_limit().is_none_or(|count| (1..=100).contains(&count) && claims.uid().is_some()));
}

/// Signed again, the claims are the same claims.
fn rewritten(text: &str, claims: &PlayerSignatureClaims, kid: Option<keyveil_protocol::KeyId>) {
    match sign(claims, kid.as_ref(), &SigningKey::new(KEY.into())) {
        Ok(again) => {
            let parsed = UnverifiedPlayerSignature::parse(&again).unwrap();
            assert_eq!((parsed.claims(), parsed.kid()), (claims, kid.as_ref()));
        }
        Err(refusal) => assert!(text.len() + GROWTH_MAX > PSIGN_LEN_MAX, "{refusal}"),
    }
}
