//! What receives deliveries.

use super::*;

/// What a receiver got.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.as_str()).unwrap()
    }

    pub(super) fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Answers the n-th request with `answer(n)`: a status, or none for silence as long as the receiver lives.
pub(super) struct Receiver {
    pub(super) url: String,
    pub(super) received: Arc<Mutex<Vec<Received>>>,
    pub(super) silent: Arc<Mutex<Vec<TcpStream>>>,
}

impl Receiver {
    pub(super) fn start(answer: impl Fn(usize) -> Option<&'static str> + Send + Sync + 'static) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap(), answer)
    }

    pub(super) fn listen(
        listener: TcpListener,
        answer: impl Fn(usize) -> Option<&'static str> + Send + Sync + 'static,
    ) -> Self {
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let silent = Arc::new(Mutex::new(Vec::new()));
        let (log, held) = (Arc::clone(&received), Arc::clone(&silent));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(request) = read_request(&mut stream) else { continue };
                let number = {
                    let mut log = log.lock().unwrap();
                    log.push(request);
                    log.len() - 1
                };
                match answer(number) {
                    None => held.lock().unwrap().push(stream),
                    Some(status) => {
                        let location = "Location: http://127.0.0.1:1/elsewhere\r\n";
                        let head =
                            format!("HTTP/1.1 {status}\r\n{location}Content-Length: 2\r\nConnection: close\r\n\r\nok");
                        let _ = stream.write_all(head.as_bytes());
                    }
                }
            }
        });
        Self { url, received, silent }
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub(super) fn wait_for(&self, count: usize) -> Vec<Received> {
        wait_until(&format!("{count} requests"), || self.received().len() >= count);
        self.received()
    }
}

fn read_request(stream: &mut TcpStream) -> Option<Received> {
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut raw = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let len = stream.read(&mut chunk).ok().filter(|len| *len > 0)?;
        raw.extend_from_slice(&chunk[..len]);
        let Some(end) = raw.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(raw[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let path = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let body_len: usize = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().unwrap();
        if raw.len() >= end + 4 + body_len {
            return Some(Received { path, headers, body: raw[end + 4..].to_vec() });
        }
    }
}
