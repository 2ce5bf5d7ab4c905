//! A plain HTTP/1.1 client that sends exactly what it is told: no path is normalized, no header added but two.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

pub(crate) struct Request {
    address: String,
    head: String,
    body: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(address: &str, method: &str, path: &str) -> Self {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
        Self { address: address.to_owned(), head, body: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.head.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    pub(crate) fn json(self, body: impl Into<Vec<u8>>) -> Self {
        self.header("Content-Type", "application/json").body(body)
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let len = self.body.len();
        self.header("Content-Length", &len.to_string())
    }

    /// A body that says its own length.
    pub(crate) fn raw_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends what there is and does not wait for an answer.
    pub(crate) fn begin(self) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(format!("{}\r\n", self.head).as_bytes()).unwrap();
        // A server that refuses early may close before it has read everything.
        let _ = stream.write_all(&self.body);
        stream
    }

    pub(crate) fn send(self) -> Response {
        let mut stream = self.begin();
        let mut raw = Vec::new();
        let mut chunk = [0; 65536];
        loop {
            match stream.read(&mut chunk) {
                Ok(0) => break,
                Ok(len) => raw.extend_from_slice(&chunk[..len]),
                // A signal to a process that starts and ends others.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) if raw.is_empty() => panic!("no answer: {error}"),
                Err(_) => break,
            }
        }
        Response::parse(&raw)
    }
}

impl Response {
    /// The answer at the beginning of `raw`, once it is there to the end that its length names.
    pub(crate) fn complete(raw: &[u8]) -> Option<Self> {
        raw.windows(4).position(|window| window == b"\r\n\r\n")?;
        let mut response = Self::parse(raw);
        let len: usize = response.header("content-length").map_or(0, |len| len.parse().unwrap());
        (response.body.len() >= len).then(|| {
            response.body.truncate(len);
            response
        })
    }

    fn parse(raw: &[u8]) -> Self {
        let end = raw.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(raw[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned())).unwrap())
            .collect();
        let mut response = Self { status, headers, body: raw[end + 4..].to_vec() };
        if response.header("transfer-encoding") == Some("chunked") {
            response.body = unchunk(&response.body);
        }
        response
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    pub(crate) fn parsed<T: serde::de::DeserializeOwned>(&self) -> T {
        assert!(self.status < 300, "{} {}", self.status, self.text());
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The envelope's code, after checking the whole envelope and that the status belongs to the code.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        let value = self.value();
        let error = &value["error"];
        let code = error["code"].as_str().expect("a code").to_owned();
        let known = keyveil_protocol::ErrorCode::ALL.iter().find(|known| known.as_str() == code).expect("a known code");
        assert_eq!(known.http_status(), self.status, "{code}");
        assert_eq!(error["message"], known.message());
        assert_eq!(error["requestId"].as_str(), self.header("x-request-id"));
        assert_eq!(self.header("content-type"), Some("application/json"));
        assert_eq!(self.header("cache-control"), Some("no-store"));
        code
    }
}

fn unchunk(mut raw: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = raw.windows(2).position(|window| window == b"\r\n").unwrap();
        let len = usize::from_str_radix(std::str::from_utf8(&raw[..end]).unwrap(), 16).unwrap();
        if len == 0 {
            return body;
        }
        body.extend_from_slice(&raw[end + 2..end + 2 + len]);
        raw = &raw[end + 4 + len..];
    }
}
