//! What is no HTTP, or more of it than anybody needs.

use super::{exchange, impatient, others_are_served, statuses};

const GOOD: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[test]
fn what_is_no_request_is_refused_and_its_connection_closed() {
    let app = impatient();
    assert_eq!(statuses(&exchange(&app, GOOD.as_bytes())), [200]);
    let requests: &[(&str, &[u8])] = &[
        ("no host", b"GET /healthz HTTP/1.1\r\n\r\n"),
        ("two hosts", b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
        ("no version", b"GET /healthz\r\nHost: x\r\n\r\n"),
        ("another version", b"GET /healthz HTTP/3.0\r\nHost: x\r\n\r\n"),
        ("another protocol", b"GET /healthz ICAP/1.0\r\nHost: x\r\n\r\n"),
        ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("a TLS greeting", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
        ("a method of odd letters", b"G@T{} /healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("no method", b" /healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("a space in the path", b"GET /health z HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("a null in the path", b"GET /health\0z HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("a null in a header", b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n"),
        ("a header without a name", b"GET /healthz HTTP/1.1\r\nHost: x\r\n: v\r\n\r\n"),
        ("a header without a colon", b"GET /healthz HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n"),
        ("a space before the colon", b"GET /healthz HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n"),
        ("a folded header", b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n"),
        ("a folded first header", b"GET /healthz HTTP/1.1\r\n Host: x\r\n\r\n"),
        ("a bare CR in a header", b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n"),
        ("noise", &[0xff; 64]),
    ];
    for (what, request) in requests {
        let mut request = request.to_vec();
        // Only so much that a server that waits for more of a head gets some.
        request.extend_from_slice(b"\r\n\r\n");
        let answer = exchange(&app, &request);
        assert_eq!(statuses(&answer), [400], "{what}: {answer}");
        others_are_served(&app);
    }
}

#[test]
fn heads_beyond_their_bounds_are_refused() {
    let app = impatient();
    let with = |headers: &str| GOOD.replace("Host: x\r\n", &format!("Host: x\r\n{headers}"));
    let many = |count: usize| (0..count).map(|n| format!("A{n}: b\r\n")).collect::<String>();
    let long = |len: usize| format!("A: {}\r\n", "b".repeat(len));
    let path = |len: usize| GOOD.replace("/healthz", &format!("/{}", "p".repeat(len)));
    for (what, request, expected) in [
        ("as many headers as there may be", with(&many(90)), 200),
        ("too many", with(&many(100)), 431),
        ("very many", with(&many(20_000)), 431),
        ("a long header", with(&long(60_000)), 200),
        ("too long a header", with(&long(200_000)), 431),
        ("a long path", path(8000), 404),
        ("too long a path", path(70_000), 400),
        ("a path without an end", path(200_000), 431),
    ] {
        let answer = exchange(&app, request.as_bytes());
        assert_eq!(statuses(&answer), [expected], "{what}: {}", &answer[..answer.len().min(200)]);
        others_are_served(&app);
    }
}
