//! Hands a source that only answers byte ranges to ffmpeg, by HTTP on loopback under an unguessable path. Whatever
//! breaks behind it is mended by asking for the rest: ffmpeg never sees it, and no byte of it is ever on a disk.

mod ranges;
mod reader;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::{StreamExt, stream};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{error::PackError, peer};

pub(crate) use ranges::{Ranges, Remote};
pub(crate) use reader::RangeReader;

/// A source, served on loopback while this lives.
#[derive(Debug)]
pub(crate) struct ServedSource {
    url: String,
    remote: Arc<dyn Remote>,
    failed: watch::Receiver<Option<PackError>>,
    server: JoinHandle<()>,
}

impl ServedSource {
    /// Listens on a free loopback port.
    pub(crate) async fn serve(remote: Arc<dyn Remote>) -> Result<Self, PackError> {
        let listening = |error: std::io::Error| PackError::Internal(format!("no loopback port: {error}"));
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.map_err(listening)?;
        let address = listener.local_addr().map_err(listening)?;
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| PackError::Internal(error.to_string()))?;
        let token = hex::encode(random);
        let (failing, failed) = watch::channel(None);
        let gate = Arc::new(Gate { token: token.clone(), address, remote: Arc::clone(&remote), failing });
        let router = Router::new().route("/{token}/source", get(answer)).with_state(gate);
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, service).await {
                tracing::error!(%error, "the source's server stopped");
            }
        });
        Ok(Self { url: format!("http://{address}/{token}/source"), remote, failed, server })
    }

    /// For messages.
    pub(crate) fn name(&self) -> &str {
        self.remote.name()
    }

    /// In bytes.
    pub(crate) fn len(&self) -> u64 {
        self.remote.len()
    }

    /// Where ffmpeg reads; holds the secret path.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Resolves once a part of the source could not be had, for good.
    pub(crate) async fn failure(&self) -> PackError {
        let mut failed = self.failed.clone();
        let failure = failed.wait_for(Option::is_some).await.map(|failure| failure.clone());
        match failure {
            Ok(Some(error)) => error,
            // The server never ends before this value does.
            _ => std::future::pending().await,
        }
    }
}

impl Drop for ServedSource {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Lets in who knows the secret path and is of this process' user.
#[derive(Debug)]
struct Gate {
    token: String,
    address: SocketAddr,
    remote: Arc<dyn Remote>,
    failing: watch::Sender<Option<PackError>>,
}

async fn answer(
    State(gate): State<Arc<Gate>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    if token != gate.token || !peer::is_own(peer, gate.address).await {
        return StatusCode::NOT_FOUND.into_response();
    }
    let len = gate.remote.len();
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let (status, from, to) = match asked.map(|text| parse_range(text, len)) {
        None => (StatusCode::OK, 0, len),
        Some(Some((from, to))) => (StatusCode::PARTIAL_CONTENT, from, to),
        Some(None) => {
            let range = format!("bytes */{len}");
            return (StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, range)]).into_response();
        }
    };
    let ranges = Ranges::new(Arc::clone(&gate.remote), from, to);
    let body = stream::unfold((ranges, gate), |(mut ranges, gate)| async move {
        let chunk = ranges.next().await?;
        if let Err(error) = &chunk {
            // Told before ffmpeg sees the end of it and takes it for the end of the film.
            gate.failing.send_replace(Some(error.clone()));
        }
        Some((chunk.map_err(std::io::Error::other), (ranges, gate)))
    });
    let mut response = Body::from_stream(body.fuse()).into_response();
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, (to - from).into());
    headers.insert(header::ACCEPT_RANGES, header::HeaderValue::from_static("bytes"));
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(value) = format!("bytes {from}-{}/{len}", to - 1).parse()
    {
        headers.insert(header::CONTENT_RANGE, value);
    }
    response
}

/// `bytes=FROM-` or `bytes=FROM-LAST`, as a half-open range within the source; ffmpeg sends no other form.
fn parse_range(text: &str, len: u64) -> Option<(u64, u64)> {
    let (from, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    // `parse` alone would also take a sign.
    let number = |text: &str| text.parse::<u64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let from = number(from)?;
    let to = if last.is_empty() { len } else { number(last)?.saturating_add(1).min(len) };
    (from < to).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_within_the_source_and_others_are_refused() {
        assert_eq!(parse_range("bytes=0-", 10), Some((0, 10)));
        assert_eq!(parse_range("bytes=3-5", 10), Some((3, 6)));
        assert_eq!(parse_range("bytes=3-99", 10), Some((3, 10)));
        for text in
            ["bytes=10-", "bytes=5-3", "bytes=-3", "bytes=0-1,3-4", "bytes=+1-", "items=0-", "", "bytes=0-", "bytes=x-"]
        {
            let len = if text == "bytes=0-" { 0 } else { 10 };
            assert_eq!(parse_range(text, len), None, "{text:?}");
        }
    }
}
