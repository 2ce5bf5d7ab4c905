//! Ranges of media that make no sense.

use crate::support::{TITLE, TestApp};

const LEN: usize = 1000;

#[test]
fn absurd_ranges_get_the_file_a_part_of_it_or_a_refusal() {
    let app = TestApp::start();
    let (play, _) = app.player().play_title(TITLE);
    let playlist = play.playlist_url.split_once(app.address()).unwrap().1.to_owned();
    let path = playlist.replace("master.m3u8", "v/00000.m4s");
    let ask = |range: &str| app.get_with(&path, &[("Range", range)]);
    let sound = ask("bytes=10-19");
    assert_eq!((sound.status, sound.body.len()), (206, 10));
    for range in [
        "bytes=0-18446744073709551615",
        "bytes=0-18446744073709551616",
        "bytes=18446744073709551615-",
        "bytes=99999999999999999999999-",
        "bytes=-99999999999999999999999",
        "bytes=-0",
        "bytes=5-2",
        "bytes=a-b",
        "bytes=--5",
        "bytes=",
        "bytes",
        "bytes=-",
        "items=0-1",
        "bytes=0-0\u{1}",
        &format!("bytes={}", vec!["0-0"; 5000].join(",")),
        &format!("bytes={}-", "9".repeat(10_000)),
    ] {
        let answer = ask(range);
        let shown = &range[..range.len().min(40)];
        assert!(matches!(answer.status, 200 | 206 | 400 | 416), "{shown}: {}", answer.status);
        let whole = answer.status == 200 && answer.body.len() == LEN;
        let part = answer.status == 206 && answer.body.len() <= LEN;
        assert!(whole || part || answer.status >= 400, "{shown}: {} {}", answer.status, answer.body.len());
    }
}
