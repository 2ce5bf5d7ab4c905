use keyveil_key_server::fuzzing::{AddressScheme, AddressTerms, check_url_token, is_plain_path, url_token};
use keyveil_protocol::ErrorCode;

use crate::Outcome;
use crate::input::Input;

const NOW: u64 = 1_700_000_000 - 1_700_000_000 % 60;
const FOLDER: &str = "film.2";

/// An address of a vendor's scheme, or this server's own token: one that was signed here, with a few of its bytes replaced, or any text.
pub fn url_schemes(data: &[u8]) -> Outcome {
    let mut input = Input(data);
    let kind = usize::from(input.byte());
    let schemes = AddressScheme::all();
    match schemes.get(kind % (schemes.len() + 1)) {
        Some(scheme) => vendor(scheme, input),
        None => token(input),
    }
}

/// So many bytes of a text, from one place on, become others.
fn altered(text: &str, input: &mut Input<'_>) -> Option<String> {
    let [at, len] = input.array().map(usize::from);
    let (from, to) = (at.min(text.len()), (at + len % 24).min(text.len()));
    let with = input.until_zero();
    let bytes = [&text.as_bytes()[..from], with, &text.as_bytes()[to..]].concat();
    String::from_utf8(bytes).ok()
}

fn vendor(scheme: &AddressScheme, mut input: Input<'_>) -> Outcome {
    let [limits, exper, rlimit] = input.array();
    let has = |bit: u8, set: bool| limits & bit != 0 && set && scheme.name == "tencent-key";
    let terms = AddressTerms {
        time: NOW + if scheme.name == "tencent-key" { AddressScheme::TTL_SECS } else { 0 },
        exper: has(1, exper > 0).then_some(exper.into()),
        rlimit: has(2, (1..=9).contains(&rlimit)).then_some(rlimit),
        us: has(4, true).then(|| "u1".to_owned()),
    };
    let file = std::str::from_utf8(input.until_zero()).ok().filter(|file| is_plain_path(file)).unwrap_or("v/seg-1.m4s");
    let uri = format!("/v/{FOLDER}/{file}");
    let address = scheme.sign(&uri, &terms);
    let now = NOW + 30;
    if address.len() <= 2048 {
        assert_eq!(scheme.check(&address, now), Ok((uri.as_str(), terms.clone())), "{address}");
    }
    let Some(address) = altered(&address, &mut input) else { return Outcome::Refused("not text") };
    match scheme.check(&address, now) {
        Ok((granted, told)) => {
            if scheme.name == "tencent-key" {
                // It covers a folder, and its limits may move into each other (docs/SECURITY.md); never into the time.
                let folder = |uri: &str| uri.rfind('/').map(|at| uri[..=at].to_owned());
                assert_eq!((folder(granted), told.time), (folder(&uri), terms.time), "{address}");
            } else {
                assert_eq!((granted, told), (uri.as_str(), terms), "{address}");
            }
            Outcome::Accepted
        }
        Err(is_over) => Outcome::Refused(if is_over { "url_expired" } else { "url_invalid" }),
    }
}

fn token(mut input: Input<'_>) -> Outcome {
    let (has_end, end) = (input.byte() & 1 == 1, u32::from_be_bytes(input.array()));
    let segments = has_end.then_some(end);
    let own = url_token(FOLDER, NOW + 60, segments).unwrap();
    assert_eq!(check_url_token(&own, FOLDER, NOW).ok(), Some(segments));
    let Some(text) = altered(&own, &mut input) else { return Outcome::Refused("not text") };
    match check_url_token(&text, FOLDER, NOW) {
        Ok(opened) => {
            assert_eq!((text, opened), (own, segments), "one token has one spelling");
            Outcome::Accepted
        }
        Err(refusal) => {
            assert!(text != own && matches!(refusal.code(), ErrorCode::UrlInvalid | ErrorCode::UrlExpired));
            Outcome::Refused(refusal.code().as_str())
        }
    }
}
