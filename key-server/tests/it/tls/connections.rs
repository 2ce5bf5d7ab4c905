use std::io::{Read, Write};
use std::net::TcpStream;

use keyveil_key_server::actions::account::users;

use super::{Made, ask, connect, receive, serve, try_connect};
use crate::account::{PASSWORD, password};
use crate::support::TestApp;

#[test]
fn requests_are_answered_over_tls_1_3_and_1_2_by_http_1_1() {
    let made = Made::new(1);
    let app = serve(&made);
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let mut client = try_connect(app.address(), &made, &[version]).unwrap();
        assert_eq!(client.conn.protocol_version(), Some(version.version));
        assert_eq!(client.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert_eq!(ask(&mut client, "/healthz").status, 200);
        assert_eq!(ask(&mut client, "/v1/server-keys").status, 200, "the connection goes on");
    }
}

#[test]
fn browsers_are_told_to_come_by_tls_only_and_cookies_are_bound_to_it() {
    let made = Made::new(1);
    let app = serve(&made);
    let mut client = connect(app.address(), &made);
    for path in ["/healthz", "/v1/nothing"] {
        assert_eq!(ask(&mut client, path).header("strict-transport-security"), Some("max-age=31536000"), "{path}");
    }
    app.block_on(users::create(app.installation(), "alice", &password(PASSWORD), 1)).unwrap();
    let body = format!(r#"{{"name":"alice","password":"{PASSWORD}"}}"#);
    let (address, len) = (app.address(), body.len());
    let head = format!("POST /v1/sign-in HTTP/1.1\r\nHost: {address}\r\nOrigin: https://{address}\r\n");
    write!(client, "{head}Content-Type: application/json\r\nContent-Length: {len}\r\n\r\n{body}").unwrap();
    let answer = receive(&mut client);
    let cookie = answer.header("set-cookie").unwrap_or_else(|| panic!("{}", answer.text()));
    assert!(cookie.starts_with("__Host-keyveil_session=") && cookie.contains("; Secure"), "{cookie}");
    let plain = TestApp::start();
    assert_eq!(plain.get("/healthz").header("strict-transport-security"), None, "where there is no TLS");
}

#[test]
fn plain_http_to_the_tls_port_is_refused() {
    let made = Made::new(1);
    let app = serve(&made);
    let mut plain = TcpStream::connect(app.address()).unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    // Reset or closed, after a TLS alert at most.
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(ask(&mut connect(app.address(), &made), "/healthz").status, 200);
}

#[test]
fn a_client_that_trusts_another_certificate_gets_nothing() {
    let (made, other) = (Made::new(1), Made::new(2));
    let app = serve(&made);
    assert!(try_connect(app.address(), &other, rustls::ALL_VERSIONS).is_err());
    assert!(try_connect(app.address(), &made, rustls::ALL_VERSIONS).is_ok());
}
