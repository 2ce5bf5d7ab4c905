//! Clients that mean harm, over sockets of their own: each is refused or given up, and others are answered meanwhile.

mod limits;
mod malformed;
mod ranges;
mod slow;
mod smuggling;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use keyveil_key_server::Config;

use crate::support::TestApp;

/// A server whose patience is as short as it can be.
fn impatient() -> TestApp {
    TestApp::builder().configure(short).start()
}

fn short(config: &mut Config) {
    let http = &mut config.http;
    (http.head_timeout_secs, http.body_timeout_secs, http.write_timeout_secs, http.keep_alive_secs) = (1, 1, 1, 1);
}

/// Somebody else is answered.
#[track_caller]
fn others_are_served(app: &TestApp) {
    assert_eq!(app.get("/healthz").status, 200);
}

fn connect(app: &TestApp) -> TcpStream {
    let stream = TcpStream::connect(app.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// Everything that comes until the server ends the connection.
#[track_caller]
fn until_closed(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(len) => answer.extend_from_slice(&chunk[..len]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("the server keeps the connection, after {:?}", String::from_utf8_lossy(&answer));
            }
            // Reset: what the client sent was not all read.
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// What comes back for bytes as they are, to the end of the connection.
#[track_caller]
fn exchange(app: &TestApp, bytes: &[u8]) -> String {
    let mut stream = connect(app);
    // A server that refuses early may close before it has read everything.
    let _ = stream.write_all(bytes);
    until_closed(&mut stream)
}

/// The status of each answer.
fn statuses(answer: &str) -> Vec<u16> {
    let heads = answer.match_indices("HTTP/1.1 ").map(|(at, name)| &answer[at + name.len()..]);
    heads.map(|rest| rest[..3].parse().unwrap()).collect()
}
