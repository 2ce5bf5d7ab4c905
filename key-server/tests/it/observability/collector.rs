//! A stand-in for a collector: takes OTLP by HTTP, and keeps it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

/// What it wants to be shown.
pub(super) const TOKEN: &str = "a-token-for-the-collector-alone";

type Bodies = Arc<Mutex<Vec<Vec<u8>>>>;

pub(super) struct Collector {
    pub(super) url: String,
    bodies: Bodies,
}

impl Collector {
    /// Ends with the process.
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let bodies = Bodies::default();
        let kept = Arc::clone(&bodies);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || take(stream, &kept));
            }
        });
        Self { url, bodies }
    }

    /// Everything that came, as it came.
    pub(super) fn raw(&self) -> Vec<u8> {
        self.bodies.lock().unwrap().concat()
    }

    pub(super) fn spans(&self) -> Vec<Span> {
        let bodies = self.bodies.lock().unwrap();
        let requests = bodies.iter().map(|body| ExportTraceServiceRequest::decode(body.as_slice()).unwrap());
        let resources = requests.flat_map(|request| request.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }
}

fn take(mut stream: TcpStream, bodies: &Bodies) {
    let (mut raw, mut chunk) = (Vec::new(), [0; 65536]);
    while let Ok(len @ 1..) = stream.read(&mut chunk) {
        raw.extend_from_slice(&chunk[..len]);
        let Some(end) = raw.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&raw[..end]).to_ascii_lowercase();
        assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
        assert!(head.contains("content-type: application/x-protobuf"), "{head}");
        assert!(head.contains(&format!("authorization: bearer {TOKEN}")), "{head}");
        let len = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        let (begin, len): (usize, usize) = (end + 4, len.parse().unwrap());
        if raw.len() >= begin + len {
            bodies.lock().unwrap().push(raw[begin..begin + len].to_vec());
            raw.drain(..begin + len);
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
        }
    }
}
