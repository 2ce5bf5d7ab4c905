//! The least HTTP/1.1 that a load needs: one connection, kept, and nothing done twice.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const HEAD_LEN_MAX: usize = 16 * 1024;
const READ_LEN: usize = 256 * 1024;

/// A connection that is used for one request after another.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer; its body lies in the connection's buffer unless it was only counted.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body_len: usize,
}

/// A request, made before anything is measured.
pub(crate) fn post(host: SocketAddr, path: &str, mac: Option<&str>, body: &str) -> Vec<u8> {
    let mac = mac.map(|mac| format!("Keyveil-Mac: {mac}\r\n")).unwrap_or_default();
    let head = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n");
    format!("{head}{mac}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A request for a file.
pub(crate) fn get(host: SocketAddr, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes()
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(READ_LEN) })
    }

    /// Sends a request and reads its answer to the end. The body is kept where `keep` says so, and only counted otherwise.
    pub(crate) async fn send(&mut self, request: &[u8], keep: bool) -> Result<Answer> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head_len = loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if self.buffer.len() > HEAD_LEN_MAX || self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(Error::new(ErrorKind::UnexpectedEof, "no head of an answer"));
            }
        };
        let (status, body_len) = head(&self.buffer[..head_len])?;
        self.buffer.drain(..head_len);
        let mut have = self.buffer.len();
        while have < body_len {
            if !keep {
                self.buffer.clear();
            }
            let read = self.stream.read_buf(&mut self.buffer).await?;
            if read == 0 {
                return Err(Error::new(ErrorKind::UnexpectedEof, "half an answer"));
            }
            have += read;
        }
        Ok(Answer { status, body_len })
    }

    /// The body of the last answer, where it was kept.
    pub(crate) fn body(&self) -> &[u8] {
        &self.buffer
    }
}

fn head(head: &[u8]) -> Result<(u16, usize)> {
    let malformed = || Error::new(ErrorKind::InvalidData, "an answer without status or length");
    let text = std::str::from_utf8(head).map_err(|_| malformed())?;
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(malformed)?;
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length")).map(|(_, value)| value.trim());
    let length = length.and_then(|value| value.parse().ok()).ok_or_else(malformed)?;
    Ok((status, length))
}
