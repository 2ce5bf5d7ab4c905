//! Ranges of media at every edge, against RFC 9110, section 14, written down once more.

use crate::support::{TITLE, TestApp};

/// Around the ends of a file and of the chunks that it is read in.
const LENGTHS: [usize; 8] = [1, 2, 4095, 4096, 4097, 65_535, 65_536, 65_537];

/// Bytes that tell their place.
fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

/// What a range asks for: the first byte and the one behind the last, or nothing where it lies outside.
fn asked(first: Option<u64>, last: Option<u64>, len: u64) -> Option<(u64, u64)> {
    match (first, last) {
        (Some(first), last) if first < len => Some((first, last.map_or(len, |last| len.min(last.saturating_add(1))))),
        (None, Some(suffix)) if suffix > 0 => Some((len - suffix.min(len), len)),
        _ => None,
    }
}

#[test]
fn every_range_at_an_edge_is_answered_with_exactly_its_bytes() {
    let app = TestApp::start();
    let (play, _) = app.player().play_title(TITLE);
    let folder = play.playlist_url.split_once(app.address()).unwrap().1.strip_suffix("master.m3u8").unwrap().to_owned();
    let (mut partial, mut refused) = (0, 0);
    for len in LENGTHS {
        let bytes = content(len);
        let name = format!("v/{len}.m4s");
        std::fs::write(app.media_dir().join(TITLE).join(&name), &bytes).unwrap();
        let len = len as u64;
        let edges = [0, 1, len / 2, len.saturating_sub(2), len - 1, len, len + 1, i64::MAX as u64];
        let closed = edges.iter().flat_map(|first| edges.map(|last| (Some(*first), Some(last))));
        let open = edges.iter().map(|first| (Some(*first), None));
        let suffixes = edges.iter().map(|last| (None, Some(*last)));
        for (first, last) in closed.chain(open).chain(suffixes) {
            // One that ends before it begins is no range (RFC 9110, section 14.1.1); what becomes of it is asked for elsewhere.
            if first.zip(last).is_some_and(|(first, last)| last < first) {
                continue;
            }
            let text = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
            let range = format!("bytes={}-{}", text(first), text(last));
            let response = app.request("GET", &format!("{folder}{name}")).header("Range", &range).send();
            let Some((from, to)) = asked(first, last, len) else {
                assert_eq!(response.code(), "range_not_satisfiable", "{range} of {len}");
                assert_eq!(response.header("content-range"), Some(format!("bytes */{len}").as_str()));
                refused += 1;
                continue;
            };
            assert_eq!(response.body, bytes[from as usize..to as usize], "{range} of {len}");
            let content_range = format!("bytes {from}-{}/{len}", to - 1);
            assert_eq!(
                (response.status, response.header("content-range")),
                (206, Some(content_range.as_str())),
                "{range}"
            );
            partial += 1;
        }
    }
    assert!(partial > 200 && refused > 50, "{partial} answered, {refused} refused");
}
