use keyveil_protocol::{ErrorCode, KEY_TAG_LEN_MAX, KeyTag, ProtocolError, SegmentRef};

use crate::Outcome;
use crate::input::Input;

/// A line of a playlist, or the fragment of a segment's address.
pub fn key_tag(data: &[u8]) -> Outcome {
    let mut input = Input(data);
    let is_tag = input.byte() & 1 == 0;
    let Some(text) = input.rest_text() else { return Outcome::Refused("not text") };
    if is_tag {
        outcome(text.parse::<KeyTag>(), |tag| {
            assert!(text.len() <= KEY_TAG_LEN_MAX && text.lines().count() == 1 && !text.contains('\r'));
            assert_eq!(tag.to_string().parse::<KeyTag>().as_ref(), Ok(tag));
            // A reader that looks for text instead of attributes finds the same.
            for told in ["METHOD=KEYVEIL", &format!("URI=\"keyveil:{}/{}\"", tag.file_id, tag.period)] {
                assert!(text.contains(told), "{text:?} {told}");
            }
        })
    } else {
        outcome(text.parse::<SegmentRef>(), |place| assert_eq!(place.to_string(), text))
    }
}

fn outcome<T>(read: Result<T, ProtocolError>, rules: impl FnOnce(&T)) -> Outcome {
    match read {
        Ok(value) => {
            rules(&value);
            Outcome::Accepted
        }
        Err(refusal) => {
            assert_eq!(refusal.code(), ErrorCode::KeyTagMalformed);
            Outcome::Refused(refusal.code().as_str())
        }
    }
}
