//! A key server's uploads in memory: tus 1.0 as far as the packager speaks it, failing on request.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::Write,
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use base64ct::{Base64, Encoding};
use keyveil_protocol::{ApiKey, ApiKeySecret};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    job_server::bearer,
    key_server::{answer, error},
};

/// What goes wrong, and what has happened.
#[derive(Default)]
pub(crate) struct Seen {
    /// This many pieces are kept by half and then answered with 500.
    pub(crate) half_pieces: u32,
    /// This many pieces are said to differ from their checksum.
    pub(crate) mismatches: u32,
    /// No piece is taken.
    pub(crate) is_away: bool,
    /// Written to when the next piece comes.
    pub(crate) spoil: Option<PathBuf>,
    /// States of the title, one for each time it is asked for; the last one stays.
    pub(crate) states: Vec<&'static str>,
    pub(crate) requests: Vec<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) len: usize,
}

/// A running server; it ends with the test process.
pub(crate) struct TusServer {
    pub(crate) url: String,
    pub(crate) api_key: String,
    seen: Arc<Mutex<Seen>>,
}

type Shared = (Arc<Mutex<Seen>>, String);

impl TusServer {
    pub(crate) fn start(seen: Seen) -> Self {
        let api_key = ApiKey::new("app".parse().unwrap(), ApiKeySecret::from_bytes([5; 32])).expose_text();
        let seen = Arc::new(Mutex::new(seen));
        let shared: Shared = (Arc::clone(&seen), api_key.clone());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let router = Router::new()
                    .route("/v1/uploads", post(create))
                    .route("/v1/uploads/{id}", any(upload))
                    .route("/v1/titles/{id}", get(title))
                    .layer(DefaultBodyLimit::disable())
                    .with_state(shared);
                axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await.unwrap();
            });
        });
        Self { url, api_key, seen }
    }

    pub(crate) fn seen<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.seen.lock().unwrap())
    }
}

async fn create(State((seen, key)): State<Shared>, headers: HeaderMap) -> Response {
    let mut seen = seen.lock().unwrap();
    if bearer(&headers) != key {
        return error(StatusCode::UNAUTHORIZED, "api_key_invalid");
    }
    assert_eq!(headers["tus-resumable"], "1.0.0");
    seen.requests.push("create".into());
    seen.len = headers["upload-length"].to_str().unwrap().parse().unwrap();
    seen.bytes.clear();
    let pairs = headers["upload-metadata"].to_str().unwrap().split(',').map(|pair| pair.split_once(' ').unwrap());
    let text = |value: &str| String::from_utf8(Base64::decode_vec(value).unwrap()).unwrap();
    seen.metadata = pairs.map(|(key, value)| (key.to_owned(), text(value))).collect();
    let headers = [("location", "/v1/uploads/up1"), ("keyveil-file-id", "title1")];
    (StatusCode::CREATED, headers).into_response()
}

async fn upload(
    State((seen, key)): State<Shared>,
    Path(id): Path<String>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut seen = seen.lock().unwrap();
    assert_eq!(
        (bearer(&headers), id.as_str(), &headers["tus-resumable"]),
        (key.as_str(), "up1", &"1.0.0".parse().unwrap())
    );
    match method.as_str() {
        "HEAD" if seen.len == 0 => return error(StatusCode::GONE, "upload_gone"),
        "HEAD" => {
            seen.requests.push("head".into());
            return (StatusCode::OK, [("upload-offset", seen.bytes.len().to_string())]).into_response();
        }
        "DELETE" => {
            seen.requests.push("delete".into());
            return StatusCode::NO_CONTENT.into_response();
        }
        _ => {}
    }
    if seen.is_away {
        return error(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    }
    let offset: usize = headers["upload-offset"].to_str().unwrap().parse().unwrap();
    seen.requests.push(format!("patch {offset}"));
    if offset != seen.bytes.len() {
        return error(StatusCode::CONFLICT, "upload_offset");
    }
    if seen.mismatches > 0 {
        seen.mismatches -= 1;
        return error(StatusCode::from_u16(460).unwrap(), "checksum_mismatch");
    }
    let checksum = format!("sha256 {}", Base64::encode_string(&Sha256::digest(&body)));
    assert_eq!(headers["upload-checksum"], checksum.as_str());
    if let Some(path) = seen.spoil.take() {
        OpenOptions::new().append(true).open(path).unwrap().write_all(b"more").unwrap();
    }
    if seen.half_pieces > 0 {
        seen.half_pieces -= 1;
        seen.bytes.extend_from_slice(&body[..body.len() / 2]);
        return error(StatusCode::INTERNAL_SERVER_ERROR, "internal");
    }
    seen.bytes.extend_from_slice(&body);
    assert!(seen.bytes.len() <= seen.len);
    (StatusCode::NO_CONTENT, [("upload-offset", seen.bytes.len().to_string())]).into_response()
}

async fn title(State((seen, _)): State<Shared>, Path(id): Path<String>) -> Response {
    let mut seen = seen.lock().unwrap();
    assert_eq!(id, "title1");
    let state = if seen.states.len() > 1 { seen.states.remove(0) } else { seen.states[0] };
    let failure = json!({ "code": "input_not_video", "message": "film.mp4 is not a video" });
    let failure = (state == "failed").then_some(failure);
    answer(StatusCode::OK, &json!({ "fileId": id, "state": state, "percent": 50.0, "leftSecs": 3, "failure": failure }))
}
