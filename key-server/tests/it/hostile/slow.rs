//! Clients that take their time.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::{connect, impatient, others_are_served, short, statuses, until_closed};
use crate::support::{TITLE, TestApp};

const PING: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

/// A byte now and then, until the server has had enough.
#[track_caller]
fn trickle(stream: &mut TcpStream, bytes: &[u8]) {
    for _ in 0..40 {
        for byte in bytes {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    panic!("the server takes every byte");
}

/// A first request on a connection that stays open, and its answer.
fn ping(stream: &mut TcpStream) {
    stream.write_all(PING.as_bytes()).unwrap();
    let mut answer = [0; 4096];
    let len = stream.read(&mut answer).unwrap();
    assert_eq!(statuses(&String::from_utf8_lossy(&answer[..len])), [200]);
}

#[test]
fn who_sends_nothing_is_given_up() {
    let app = impatient();
    let mut silent = connect(&app);
    assert!(!until_closed(&mut silent).contains(" 200 "));
    let mut answered = connect(&app);
    ping(&mut answered);
    assert_eq!(until_closed(&mut answered), "", "also after a request");
    others_are_served(&app);
}

#[test]
fn a_head_that_trickles_or_stops_is_given_up_whether_it_is_the_first_or_not() {
    let app = impatient();
    for after_another in [false, true] {
        let begin = |bytes: &str| {
            let mut stream = connect(&app);
            if after_another {
                ping(&mut stream);
            }
            stream.write_all(bytes.as_bytes()).unwrap();
            stream
        };
        let mut stopped = begin("GET /healthz HTTP/1.1\r\nHost:");
        others_are_served(&app);
        assert!(!until_closed(&mut stopped).contains(" 200 "), "{after_another}");
        let mut trickling = begin("GET /healthz HTTP/1.1\r\nHost: x\r\n");
        trickle(&mut trickling, b"A: b\r\n");
    }
    let mut brisk = connect(&app);
    ping(&mut brisk);
    for part in PING.split_inclusive("\r\n") {
        brisk.write_all(part.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(statuses(&until_closed(&mut brisk)), [200], "in parts, but in time");
}

#[test]
fn a_body_that_nobody_waits_for_does_not_keep_the_connection() {
    let app = impatient();
    let head = "POST /v1/play HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut silent = connect(&app);
    silent.write_all(head.as_bytes()).unwrap();
    assert_eq!(statuses(&until_closed(&mut silent)), [415]);
    let mut endless = connect(&app);
    endless.write_all(head.as_bytes()).unwrap();
    trickle(&mut endless, b"1\r\nx\r\n");
    others_are_served(&app);
}

#[test]
fn who_does_not_read_a_large_answer_is_given_up_and_who_reads_gets_it_all() {
    const LEN: usize = 64 << 20;
    let app = impatient();
    let segment = app.media_dir().join(TITLE).join("v/00000.m4s");
    std::fs::File::create(&segment).unwrap().set_len(LEN as u64).unwrap();
    let (play, _) = app.player().play_title(TITLE);
    let playlist = play.playlist_url.split_once(app.address()).unwrap().1.to_owned();
    let path = playlist.replace("master.m3u8", "v/00000.m4s");
    let ask = || {
        let mut stream = connect(&app);
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        stream
    };
    let mut lazy = ask();
    let mut slow = ask();
    assert!(received(&mut ask(), Duration::ZERO) > LEN);
    assert!(received(&mut slow, Duration::from_millis(2)) > LEN, "slowly, but all the time");
    std::thread::sleep(Duration::from_millis(2500));
    assert!(received(&mut lazy, Duration::ZERO) < LEN, "no more than what was under way");
    others_are_served(&app);
}

/// How much comes until the connection ends, with pauses between.
fn received(stream: &mut TcpStream, pause: Duration) -> usize {
    let mut total = 0;
    let mut chunk = vec![0; 256 << 10];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => return total,
            Ok(len) => total += len,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return total,
            Err(error) => panic!("the server keeps the connection: {error}"),
        }
        std::thread::sleep(pause);
    }
}

#[test]
fn hundreds_of_slow_clients_keep_nobody_else_from_being_answered() {
    let app = TestApp::builder().configure(short).start();
    let slow: Vec<TcpStream> = (0..300)
        .map(|_| {
            let mut stream = connect(&app);
            stream.write_all(b"GET /healthz HTTP/1.1\r\nA: ").unwrap();
            stream
        })
        .collect();
    for _ in 0..20 {
        others_are_served(&app);
    }
    for mut stream in slow {
        assert!(!until_closed(&mut stream).contains(" 200 "));
    }
    others_are_served(&app);
}
