use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    document: Option<String>,
    scheme: String,
    key: String,
    uri: String,
    address: String,
    /// A clock at which it holds, with a TTL of half an hour.
    now: u64,
    time: u64,
    exper: Option<u32>,
    rlimit: Option<u8>,
    us: Option<String>,
    /// Whether this is also what is made: vendors have several spellings of a number.
    made: bool,
}

const NOW: u64 = 1_700_000_000;
const TTL: u64 = 1800;
const URI: &str = "/v/film/v720p/seg-00001.m4s";

const SCHEMES: [VendorScheme; 7] = [
    VendorScheme::A,
    VendorScheme::B,
    VendorScheme::CPath,
    VendorScheme::CQuery,
    VendorScheme::F,
    VendorScheme::TencentD,
    VendorScheme::TencentKey,
];

fn key(text: &str) -> UrlAuthKey {
    UrlAuthKey::new(Zeroizing::new(text.to_owned())).unwrap()
}

fn auth(scheme: VendorScheme) -> UrlAuth {
    UrlAuth::new(scheme, key("aMainKey12345678"), Some(key("aBackupKey123456")), TTL)
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../../../../tests/vectors/url-auth.json")).unwrap()
}

#[test]
fn the_vectors_hold_and_are_made() {
    let vectors = vectors();
    for vector in &vectors {
        let UrlScheme::Vendor(scheme) = UrlScheme::from_name(&vector.scheme).unwrap() else { panic!("a vendor's") };
        let auth = UrlAuth::new(scheme, key(&vector.key), None, TTL);
        let terms = UrlTerms { time: vector.time, exper: vector.exper, rlimit: vector.rlimit, us: vector.us.clone() };
        let checked = auth.check(&vector.address, vector.now);
        assert_eq!(checked, Ok(CheckedUrl { uri: &vector.uri, terms: terms.clone() }), "{}", vector.address);
        assert_eq!(auth.sign(&vector.uri, &terms) == vector.address, vector.made, "{}", vector.address);
        assert_eq!(auth.check(&auth.sign(&vector.uri, &terms), vector.now), checked);
    }
    for scheme in SCHEMES {
        let documented = |vector: &&Vector| {
            vector.document.is_some() && UrlScheme::from_name(&vector.scheme) == Some(UrlScheme::Vendor(scheme))
        };
        assert!(vectors.iter().any(|vector| documented(&vector)), "{scheme:?}");
    }
}

#[test]
fn an_address_holds_from_a_minute_before_until_its_ttl_is_over() {
    for scheme in SCHEMES {
        let auth = auth(scheme);
        // A whole minute, which is as exact as scheme B is.
        let made_at = NOW - NOW % 60;
        let address = auth.sign(URI, &auth.terms(made_at, u64::MAX));
        for now in [made_at, made_at + 30, made_at + TTL - 1] {
            assert_eq!(auth.check(&address, now).map(|checked| checked.uri), Ok(URI), "{scheme:?}");
        }
        for now in [made_at + TTL, made_at + TTL + 1, u64::MAX] {
            assert_eq!(auth.check(&address, now), Err(UrlAuthError::Expired), "{scheme:?}");
        }
        let ahead = |secs| auth.check(&address, made_at - secs);
        assert!(ahead(SKEW_SECS).is_ok(), "{scheme:?}");
        let too_far = if scheme == VendorScheme::TencentKey { None } else { Some(UrlAuthError::Invalid) };
        assert_eq!(ahead(SKEW_SECS + 1).err(), too_far, "{scheme:?}");
    }
}

#[test]
fn an_address_ends_no_later_than_it_is_told_to() {
    for scheme in SCHEMES {
        let (auth, now) = (auth(scheme), NOW - NOW % 60);
        let address = auth.sign(URI, &auth.terms(now, now + 600));
        assert!(auth.check(&address, now + 599).is_ok(), "{scheme:?}");
        assert_eq!(auth.check(&address, now + 600), Err(UrlAuthError::Expired), "{scheme:?}");
    }
}

#[test]
fn both_keys_hold_and_new_addresses_are_of_the_main_one() {
    for scheme in SCHEMES {
        let auth = auth(scheme);
        let of = |text| UrlAuth::new(scheme, key(text), None, TTL);
        let [main, backup, other] = ["aMainKey12345678", "aBackupKey123456", "anOtherKey123456"].map(of);
        let terms = auth.terms(NOW, u64::MAX);
        let made = |by: &UrlAuth| by.sign(URI, &terms);
        assert!(auth.check(&made(&backup), NOW).is_ok() && auth.check(&made(&main), NOW).is_ok(), "{scheme:?}");
        assert_eq!(auth.check(&made(&other), NOW), Err(UrlAuthError::Invalid), "{scheme:?}");
        assert_eq!(made(&auth), made(&main), "{scheme:?}");
    }
}

/// Every other byte at every place, and every byte left out or doubled: only the file of the same directory is opened.
#[test]
fn an_altered_address_does_not_hold() {
    for scheme in SCHEMES {
        let auth = auth(scheme);
        let terms =
            UrlTerms { exper: Some(30), rlimit: Some(3), us: Some("u1".to_owned()), ..auth.terms(NOW, u64::MAX) };
        let address = auth.sign(URI, &terms);
        assert!(auth.check(&address, NOW).is_ok(), "the control");
        let directory_end = address.find("seg-").unwrap();
        let file = directory_end..directory_end + "seg-00001.m4s".len();
        for at in 0..address.len() {
            let of_directory = scheme == VendorScheme::TencentKey && file.contains(&at);
            let (head, tail) = (&address[..at], &address[at + 1..]);
            let others = (b'!'..=b'~').filter(|byte| *byte != address.as_bytes()[at]);
            let altered = others.map(|byte| format!("{head}{}{tail}", char::from(byte)));
            let resized = [format!("{head}{tail}"), format!("{head}{}{tail}", &address[at..=at].repeat(2))];
            for altered in altered.chain(resized) {
                let checked = auth.check(&altered, NOW);
                assert!(of_directory || checked == Err(UrlAuthError::Invalid), "{scheme:?} {altered}");
            }
        }
        assert_eq!(auth.check("", NOW), Err(UrlAuthError::Invalid));
        assert_eq!(auth.check(URI, NOW), Err(UrlAuthError::Invalid));
        assert_eq!(auth.check(&format!("{address}{}", "0".repeat(ADDRESS_LEN_MAX)), NOW), Err(UrlAuthError::Invalid));
    }
}

#[test]
fn parts_have_to_be_there_once_and_in_order() {
    let a = auth(VendorScheme::A).sign(URI, &auth(VendorScheme::A).terms(NOW, u64::MAX));
    let (uri, value) = a.split_once("?auth_key=").unwrap();
    let parts: Vec<&str> = value.split('-').collect();
    let invalid = |scheme, address: String| {
        assert_eq!(auth(scheme).check(&address, NOW), Err(UrlAuthError::Invalid), "{address}");
    };
    for order in [[1, 0, 2, 3], [3, 0, 1, 2], [0, 2, 3, 1]] {
        invalid(VendorScheme::A, format!("{uri}?auth_key={}", order.map(|at| parts[at]).join("-")));
    }
    for left_out in 0..4 {
        let rest: Vec<&str> =
            parts.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, part)| *part).collect();
        invalid(VendorScheme::A, format!("{uri}?auth_key={}", rest.join("-")));
    }
    invalid(VendorScheme::A, format!("{a}-0"));
    for scheme in SCHEMES {
        let terms = UrlTerms { exper: Some(30), us: Some("u1".to_owned()), ..auth(scheme).terms(NOW, u64::MAX) };
        let address = auth(scheme).sign(URI, &terms);
        let Some((uri, query)) = address.split_once('?') else { continue };
        let pairs: Vec<&str> = query.split('&').collect();
        for (at, pair) in pairs.iter().enumerate() {
            let without: Vec<&str> =
                pairs.iter().enumerate().filter(|(n, _)| *n != at).map(|(_, pair)| *pair).collect();
            invalid(scheme, format!("{uri}?{}", without.join("&")));
            invalid(scheme, format!("{uri}?{query}&{pair}"));
            invalid(scheme, format!("{uri}?{pair}&{query}"));
        }
        if pairs.len() > 1 {
            let reversed: Vec<&str> = pairs.iter().rev().copied().collect();
            invalid(scheme, format!("{uri}?{}", reversed.join("&")));
        }
        assert!(auth(scheme).check(&format!("{address}&other=1"), NOW).is_ok(), "others are left out");
        assert!(auth(scheme).check(&format!("{uri}?other=1&{query}"), NOW).is_ok(), "others are left out");
    }
}

#[test]
fn limits_are_in_their_range() {
    let scheme = VendorScheme::TencentKey;
    let auth = auth(scheme);
    let of = |exper: &str, rlimit: &str, us: &str| {
        let time = format!("{:x}", NOW + 60);
        let fields = Fields { time: &time, exper, rlimit, us, ..Fields::default() };
        let md5 = scheme.digest(&auth.key.0, URI, &fields);
        let address = scheme.write(URI, &Fields { md5: &md5, ..fields });
        auth.check(&address, NOW).map(|checked| (checked.terms.exper, checked.terms.rlimit, checked.terms.us))
    };
    assert_eq!(of("300", "9", "a-Z_0"), Ok((Some(300), Some(9), Some("a-Z_0".to_owned()))));
    assert_eq!(of("0", "0", ""), Ok((None, None, None)));
    for (exper, rlimit, us) in [
        ("-1", "", ""),
        ("+1", "", ""),
        ("4294967296", "", ""),
        ("x", "", ""),
        ("", "10", ""),
        ("", "256", ""),
        ("", "", "a.b"),
    ] {
        assert_eq!(of(exper, rlimit, us), Err(UrlAuthError::Invalid), "{exper} {rlimit} {us}");
    }
    assert_eq!(of("", "", &"u".repeat(US_LEN_MAX + 1)), Err(UrlAuthError::Invalid));
}

#[test]
fn a_limit_that_is_moved_into_the_time_is_no_later_time() {
    let auth = auth(VendorScheme::TencentKey);
    let terms = UrlTerms { exper: Some(30), ..auth.terms(NOW, NOW + 60) };
    let address = auth.sign(URI, &terms);
    assert_eq!(auth.check(&address, NOW).map(|checked| checked.terms.exper), Ok(Some(30)));
    let moved = address.replace("&exper=30", "30");
    assert!(moved.contains(&format!("?t={:x}30&sign=", NOW + 60)), "{moved}");
    assert_eq!(auth.check(&moved, NOW), Err(UrlAuthError::Invalid));
}

#[test]
fn times_have_one_meaning() {
    for text in ["", "+1", "-1", "1 ", "0x1", "１"] {
        for scheme in SCHEMES {
            assert_eq!(time::parse(scheme, text), None, "{scheme:?} {text}");
        }
    }
    for text in
        ["202313010000", "202302300000", "202302012400", "202302010060", "19691231235", "196912312359", "2023020100000"]
    {
        assert_eq!(time::parse(VendorScheme::B, text), None, "{text}");
    }
    assert_eq!(time::parse(VendorScheme::B, "197001010800"), Some(0));
    assert_eq!(time::parse(VendorScheme::B, &time::text(VendorScheme::B, NOW)), Some(NOW - NOW % 60));
}

#[test]
fn keys_are_what_vendors_take() {
    let fits = |text: &str| UrlAuthKey::new(Zeroizing::new(text.to_owned())).is_some();
    assert!(fits("abcDEF") && fits(&"0".repeat(64)));
    for text in ["", "abcde", &"0".repeat(65), "abc-def", "abc def", "äöüäöü"] {
        assert!(!fits(text), "{text}");
    }
}

#[test]
fn schemes_are_known_by_one_name() {
    for scheme in UrlScheme::ALL {
        assert_eq!(UrlScheme::from_name(scheme.as_str()), Some(scheme));
    }
    assert_eq!(UrlScheme::from_name("A"), None);
}
