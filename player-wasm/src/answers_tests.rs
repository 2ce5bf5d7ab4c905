//! What is an answer and what is none. `session_tests` has answers as the server's own types write them.

use super::*;

const GRANT: &str = r#"{"serverKeyId":"server-1","enc":"AA","ciphertext":"AB"}"#;
const TITLE: &str = r#"{"fileId":"title-1","mode":"private","version":3,"periodSegments":10,"renditions":[{"rendition":2,"trackClass":"HD"}]}"#;

fn reads(text: &str) -> bool {
    match keys_answer(text) {
        Ok(grant) => {
            assert_eq!((grant.server_key_id.as_str(), &*grant.enc, &*grant.ciphertext), ("server-1", "AA", "AB"));
            true
        }
        Err(refusal) => {
            assert_eq!(refusal, PlayerError::ENVELOPE_REJECTED);
            false
        }
    }
}

#[test]
fn what_stands_beside_the_grant_is_skipped() {
    for beside in [
        "0",
        "-1.5e+3",
        "null",
        "true",
        r#""""#,
        r#""a \"name\" {[ \\""#,
        "[]",
        "{ }",
        r#"[[{}, 1 ], {"grant": [1, "]\\"]}, {"a":{"b":null}}]"#,
    ] {
        let text = format!("\n{{\"before\": {beside}, \"grant\": {GRANT} , \"after\":{beside}}} \n");
        serde_json::from_str::<serde_json::Value>(&text).expect("the control: JSON");
        assert!(reads(&text), "{beside}");
    }
}

#[test]
fn what_is_no_answer_or_more_than_one_is_rejected() {
    let answer = format!("{{\"grant\":{GRANT}}}");
    assert!(reads(&answer), "the control");
    for text in [
        String::new(),
        "{}".to_owned(),
        "null".to_owned(),
        format!("[{GRANT}]"),
        format!("{answer}{answer}"),
        format!("{answer},"),
        format!("{{\"grant\":{GRANT},}}"),
        format!("{{\"grant\":{GRANT},\"grant\":{GRANT}}}"),
        answer.replace("\"enc\"", "\"other\":\"1\",\"enc\""),
        answer.replace("\"enc\"", "\"enc\":\"AA\",\"enc\""),
        answer.replace("server-1", "server\\u002d1"),
        answer.replace("server-1", "server 1"),
        answer.replace("\"AA\"", "1"),
        answer.replace("\"AA\"", "null"),
        answer.replace(":{", ":["),
        answer.replace(GRANT, "null"),
    ] {
        assert!(!reads(&text), "{text}");
    }
    for end in 0..answer.len() {
        assert!(!reads(&answer[..end]), "{}", &answer[..end]);
    }
}

#[test]
fn how_deep_an_answer_goes_does_not_matter() {
    let nested = |open: &str, close: &str| {
        format!("{{\"a\":{}{},\"grant\":{GRANT}}}", open.repeat(1 << 20), close.repeat(1 << 20))
    };
    assert!(reads(&nested("[", "]")));
    assert!(!reads(&nested("[", "")));
    assert!(!reads(&nested("", "]")));
}

#[test]
fn a_play_answer_has_a_title_with_all_that_is_read_of_it() {
    let answer = |title: &str| format!("{{\"title\":{title},\"grant\":{GRANT}}}");
    let read = play_answer(&answer(TITLE)).expect("the control");
    assert_eq!((read.title.version, read.title.period_segments.value()), (3, 10));
    assert_eq!(read.title.renditions, [(Rendition(2), TrackClass::Hd)]);
    assert!(read.grant.is_some());
    assert!(play_answer(&format!("{{\"title\":{TITLE},\"grant\":null}}")).is_ok_and(|read| read.grant.is_none()));

    for (right, wrong) in [
        ("\"title-1\"", "\"title 1\""),
        ("\"private\"", "\"other\""),
        (":3", ":03"),
        (":3", ":+3"),
        (":3", ":-3"),
        (":3", ":3.0"),
        (":3", ":4294967296"),
        (":3", ":\"3\""),
        (":10", ":0"),
        (":2,", ":65536,"),
        ("\"HD\"", "\"hd\""),
        ("\"rendition\":2,", ""),
        ("\"version\":3,", ""),
        ("\"version\":3,", "\"version\":3,\"version\":3,"),
    ] {
        let title = TITLE.replace(right, wrong);
        assert_ne!(title, TITLE);
        assert!(play_answer(&answer(&title)).is_err(), "{title}");
    }
    let of = |count: usize| {
        let rendition = r#"{"rendition":2,"trackClass":"HD"}"#;
        TITLE.replace(rendition, &vec![rendition; count].join(","))
    };
    assert!(play_answer(&answer(&of(RENDITIONS_MAX))).is_ok());
    assert!(play_answer(&answer(&of(RENDITIONS_MAX + 1))).is_err());
}
