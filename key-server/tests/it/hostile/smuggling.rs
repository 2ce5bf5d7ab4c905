//! Requests that two servers could divide at different places: a second one hides behind the first.

use super::{exchange, impatient, others_are_served, statuses};

/// Never answered where the first one is refused or takes it for its body.
const HIDDEN: &str = "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

fn post(headers: &str, body: &str) -> String {
    format!("POST /v1/play HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{headers}\r\n{body}")
}

#[test]
fn two_requests_that_are_plainly_two_are_answered_as_two() {
    let app = impatient();
    assert_eq!(
        statuses(&exchange(&app, post("Content-Length: 2\r\n", &format!("{{}}{HIDDEN}")).as_bytes())),
        [400, 200]
    );
    let chunked = format!("2\r\n{{}}\r\n0\r\n\r\n{HIDDEN}");
    assert_eq!(statuses(&exchange(&app, post("Transfer-Encoding: chunked\r\n", &chunked).as_bytes())), [400, 200]);
}

#[test]
fn lengths_that_contradict_or_can_be_read_in_two_ways_are_refused() {
    let app = impatient();
    let chunked = "Transfer-Encoding: chunked\r\n";
    for headers in [
        &format!("Content-Length: 4\r\n{chunked}"),
        &format!("{chunked}Content-Length: 4\r\n"),
        "Content-Length: 4\r\nContent-Length: 4\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Content-Length: 4, 4\r\n",
        "Content-Length: +4\r\n",
        "Content-Length: -4\r\n",
        "Content-Length: 0x4\r\n",
        "Content-Length: 4 4\r\n",
        "Content-Length: \r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Content-Length : 4\r\n",
        "Content-Length\t: 4\r\n",
        &format!("{chunked}{chunked}"),
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding:\x0bchunked\r\n",
        "X: y\r\n Transfer-Encoding: chunked\r\n",
    ] {
        let answer = exchange(&app, post(headers, &format!("0\r\n\r\n{HIDDEN}")).as_bytes());
        assert_eq!(statuses(&answer), [400], "{headers:?}: {answer}");
        others_are_served(&app);
    }
    let old = post(chunked, &format!("0\r\n\r\n{HIDDEN}")).replacen("HTTP/1.1", "HTTP/1.0", 1);
    assert_eq!(statuses(&exchange(&app, old.as_bytes())), [400], "HTTP/1.0 knows no chunks");
}

#[test]
fn chunks_that_are_no_chunks_end_the_connection() {
    let app = impatient();
    let extended = format!("2;name=\"value\"\r\n{{}}\r\n0;last\r\n\r\n{HIDDEN}");
    let answer = exchange(&app, post("Transfer-Encoding: chunked\r\n", &extended).as_bytes());
    assert_eq!(statuses(&answer), [400, 200], "an extension changes nothing: {answer}");
    for chunks in [
        "-2\r\n{}\r\n0\r\n\r\n",
        "0x2\r\n{}\r\n0\r\n\r\n",
        "+2\r\n{}\r\n0\r\n\r\n",
        "\r\n{}\r\n0\r\n\r\n",
        "zz\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}xx0\r\n\r\n",
        "2{}\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        "2;a\nb\r\n{}\r\n0\r\n\r\n",
        "2\n{}\n0\n\n",
    ] {
        let answer = exchange(&app, post("Transfer-Encoding: chunked\r\n", &format!("{chunks}{HIDDEN}")).as_bytes());
        let statuses = statuses(&answer);
        assert!(statuses.len() <= 1 && !statuses.contains(&200), "{chunks:?}: {answer}");
        others_are_served(&app);
    }
}

/// A line may end with LF alone (RFC 9112, section 2.2): what matters is that a request is divided at one place.
#[test]
fn lines_that_end_with_lf_alone_hide_nothing() {
    let app = impatient();
    let bare = HIDDEN.replace("\r\n", "\n");
    assert_eq!(statuses(&exchange(&app, bare.as_bytes())), [200]);
    let hidden = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\n\n{HIDDEN}");
    assert_eq!(statuses(&exchange(&app, hidden.as_bytes())), [200, 200], "the empty line ends the head");
    let body = post("Content-Length: 70\n", &format!("{HIDDEN:70}"));
    let answer = exchange(&app, body.as_bytes());
    assert!(!statuses(&answer).contains(&200), "{answer}");
}
