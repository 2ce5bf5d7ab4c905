//! A key server that keeps titles in memory, seals title secrets as the protocol says, and fails on request.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    thread,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use getrandom::SysRng;
use keyveil_protocol::{
    ApiKey, ApiKeySecret, RecipientPublicKey, Sealing, ServerKey, TitleSecret,
    api::{MediaInfo, PutTitleRequest, PutTitleResponse, ServerKeyInfo, ServerKeysResponse},
    seal_title,
};
use rand_core::UnwrapErr;
use serde_json::json;

/// The secret of every title.
pub(crate) const TITLE_SECRET: [u8; 32] = [0x5a; 32];

/// What goes wrong.
#[derive(Debug, Default, Clone)]
pub(crate) struct Faults {
    /// This many of the first registrations get 503.
    pub(crate) busy_registrations: u32,
    /// This many of the first publications get 500.
    pub(crate) failed_publications: u32,
    /// Registrations are refused as already published.
    pub(crate) title_exists: bool,
    /// Envelopes are sealed by a key that is not the listed one.
    pub(crate) swapped_key: bool,
    /// Envelopes name a server key that is not listed.
    pub(crate) unlisted_key: bool,
    /// Publications are refused: another run has registered the title anew.
    pub(crate) taken_over: bool,
    /// Publishing never answers.
    pub(crate) silent_publication: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) requests: Vec<String>,
    pub(crate) names: Vec<String>,
    pub(crate) published: BTreeMap<String, MediaInfo>,
    /// Keys as another vendor named them.
    pub(crate) imported: Option<serde_json::Value>,
}

/// A running key server; it ends with the test process.
pub(crate) struct KeyServer {
    pub(crate) url: String,
    pub(crate) api_key: String,
    /// Hex, for `--server-key`.
    pub(crate) public_key: String,
    seen: Arc<Mutex<Seen>>,
}

struct Context {
    faults: Mutex<Faults>,
    seen: Arc<Mutex<Seen>>,
    api_key: ApiKey,
    server_key: ServerKey,
}

impl KeyServer {
    pub(crate) fn start(faults: Faults) -> Self {
        let api_key = ApiKey::new("tester".parse().unwrap(), ApiKeySecret::from_bytes([3; 32]));
        let server_key = ServerKey::from_bytes("k1".parse().unwrap(), &[9; 32]).unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let text = api_key.expose_text();
        let public_key = hex::encode(server_key.public_key().to_bytes());
        let context = Arc::new(Context { faults: Mutex::new(faults), seen: Arc::clone(&seen), api_key, server_key });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || serve(listener, context));
        Self { url, api_key: text, public_key, seen }
    }

    pub(crate) fn seen<T>(&self, read: impl FnOnce(&Seen) -> T) -> T {
        read(&self.seen.lock().unwrap())
    }
}

fn serve(listener: std::net::TcpListener, context: Arc<Context>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let router = Router::new()
            .route("/v1/server-keys", get(server_keys))
            .route("/v1/titles/{id}", put(put_title).delete(delete_title))
            .route("/v1/titles/{id}/commit", post(publish))
            .route("/v1/titles/{id}/imported-keys", put(import_keys))
            .with_state(context);
        axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await.unwrap();
    });
}

async fn server_keys(State(context): State<Arc<Context>>) -> Response {
    context.note("keys");
    let id = if context.faults.lock().unwrap().unlisted_key { "k2" } else { "k1" };
    let public_key = base64(&context.server_key.public_key().to_bytes());
    let server_keys = vec![ServerKeyInfo { id: id.parse().unwrap(), public_key }];
    answer(StatusCode::OK, &ServerKeysResponse { server_keys })
}

async fn put_title(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    context.note("put");
    if let Some(refusal) = context.refuse(&headers) {
        return refusal;
    }
    let faults = {
        let mut faults = context.faults.lock().unwrap();
        if faults.busy_registrations > 0 {
            faults.busy_registrations -= 1;
            return error(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
        }
        faults.clone()
    };
    if faults.title_exists {
        return error(StatusCode::CONFLICT, "title_exists");
    }
    let request: PutTitleRequest = serde_json::from_slice(&body).unwrap();
    context.seen.lock().unwrap().names.push(request.name);
    let swapped = ServerKey::from_bytes("k1".parse().unwrap(), &[8; 32]).unwrap();
    let sealing = Sealing {
        request_body: &body,
        recipient: &RecipientPublicKey::parse(&request.public_key).unwrap(),
        server_key: if faults.swapped_key { &swapped } else { &context.server_key },
        psk: &context.api_key.psk(),
    };
    let secret = TitleSecret::from_bytes(TITLE_SECRET);
    let title_secret =
        request.mode.is_encrypted().then(|| seal_title(&secret, &sealing, &mut UnwrapErr(SysRng)).unwrap());
    let app_id = 1.try_into().unwrap();
    answer(StatusCode::CREATED, &PutTitleResponse { app_id, file_id: id.parse().unwrap(), title_secret })
}

async fn import_keys(State(context): State<Arc<Context>>, headers: HeaderMap, body: Bytes) -> Response {
    context.note("import");
    if let Some(refusal) = context.refuse(&headers) {
        return refusal;
    }
    context.seen.lock().unwrap().imported = Some(serde_json::from_slice(&body).unwrap());
    answer(StatusCode::OK, &json!({}))
}

async fn publish(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    context.note("publish");
    if let Some(refusal) = context.refuse(&headers) {
        return refusal;
    }
    let silent = {
        let mut faults = context.faults.lock().unwrap();
        if faults.failed_publications > 0 {
            faults.failed_publications -= 1;
            return error(StatusCode::INTERNAL_SERVER_ERROR, "internal");
        }
        if faults.taken_over {
            return error(StatusCode::CONFLICT, "title_exists");
        }
        faults.silent_publication
    };
    if silent {
        std::future::pending::<()>().await;
    }
    let media: MediaInfo = serde_json::from_slice(&body).unwrap();
    context.seen.lock().unwrap().published.insert(id, media);
    answer(StatusCode::OK, &json!({}))
}

async fn delete_title(State(context): State<Arc<Context>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    context.note("delete");
    if let Some(refusal) = context.refuse(&headers) {
        return refusal;
    }
    context.seen.lock().unwrap().published.remove(&id);
    StatusCode::NO_CONTENT.into_response()
}

impl Context {
    fn note(&self, request: &str) {
        self.seen.lock().unwrap().requests.push(request.to_owned());
    }

    fn refuse(&self, headers: &HeaderMap) -> Option<Response> {
        let wanted = format!("Bearer {}", self.api_key.expose_text());
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        (given != Some(wanted.as_str())).then(|| error(StatusCode::UNAUTHORIZED, "api_key_invalid"))
    }
}

pub(crate) fn error(status: StatusCode, code: &str) -> Response {
    answer(status, &json!({ "error": { "code": code, "message": "what to do", "requestId": "r1" } }))
}

pub(crate) fn answer(status: StatusCode, body: &impl serde::Serialize) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], serde_json::to_vec(body).unwrap()).into_response()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    use base64ct::Encoding;
    base64ct::Base64UrlUnpadded::encode_string(bytes)
}
