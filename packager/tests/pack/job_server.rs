//! A key server's job API in memory: hands out jobs, their sources and secrets, takes files, and fails on request.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    thread,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use futures_util::{StreamExt, stream};
use getrandom::SysRng;
use keyveil_protocol::{
    ApiKey, ApiKeySecret, Envelope, Mode, RecipientPublicKey, Sealing, ServerKey, TitleSecret,
    api::{ServerKeyInfo, ServerKeysResponse},
    job::{
        ClaimJobRequest, ClaimedJob, CompleteJobRequest, FailJobRequest, HeartbeatRequest, HeartbeatResponse, JobWork,
        SHA256_HEADER,
    },
    seal_title,
    worker::{RegisterWorkerRequest, RegisteredWorker},
    workflow::WorkflowSettings,
};
use rand_core::UnwrapErr;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::key_server::{answer, base64, error};

/// The secret of every version before.
pub(crate) const OLD_SECRET: [u8; 32] = [0x11; 32];
/// The secret of every version that a job makes.
pub(crate) const NEW_SECRET: [u8; 32] = [0x22; 32];

/// A job to hand out.
pub(crate) enum Task {
    Package { source: Vec<u8>, settings: Box<WorkflowSettings> },
    Reencrypt { files: BTreeMap<String, Vec<u8>>, done: Box<CompleteJobRequest> },
}

/// What goes wrong, and what has happened.
#[derive(Default)]
pub(crate) struct Seen {
    /// This many answers with a source break off after some bytes.
    pub(crate) source_breaks: u32,
    /// This many of the first files are answered with 503.
    pub(crate) busy_puts: u32,
    /// Files are refused for want of space.
    pub(crate) is_full: bool,
    /// A finished job's files are not all there.
    pub(crate) is_incomplete: bool,
    /// Versions are made under the old secret.
    pub(crate) is_first: bool,
    /// A re-encryption is of a standard title.
    pub(crate) is_standard: bool,
    /// Everything is answered with 503.
    pub(crate) is_away: bool,
    /// Nobody holds a lease.
    pub(crate) is_lost: bool,
    /// Heartbeats say so.
    pub(crate) is_cancelled: bool,
    /// It registers workers; a server of the release before does not.
    pub(crate) registers: bool,
    /// Workers are to take no more jobs.
    pub(crate) is_drained: bool,
    /// Registrations are refused with this code and sentence.
    pub(crate) refuses_workers: Option<(&'static str, &'static str)>,
    /// It has forgotten the worker that claims; once.
    pub(crate) has_forgotten: bool,
    /// A claim gets its job a while before the worker hears so.
    pub(crate) slow_claims: bool,
    pub(crate) registrations: Vec<RegisterWorkerRequest>,
    /// Of the registrations, in the same order.
    pub(crate) worker_ids: Vec<String>,
    /// As they came.
    pub(crate) claims: Vec<serde_json::Value>,
    pub(crate) requests: Vec<String>,
    /// By job and path.
    pub(crate) files: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    pub(crate) heartbeats: Vec<HeartbeatRequest>,
    pub(crate) completed: BTreeMap<String, CompleteJobRequest>,
    pub(crate) failed: BTreeMap<String, FailJobRequest>,
    queue: VecDeque<String>,
    tasks: BTreeMap<String, Task>,
}

/// A running server; it ends with the test process.
pub(crate) struct JobServer {
    pub(crate) url: String,
    pub(crate) token: String,
    seen: Arc<Mutex<Seen>>,
}

struct Context {
    seen: Arc<Mutex<Seen>>,
    worker_key: ApiKey,
    server_key: ServerKey,
}

impl JobServer {
    pub(crate) fn start(jobs: Vec<Task>) -> Self {
        let worker_key = ApiKey::new("worker1".parse().unwrap(), ApiKeySecret::from_bytes([7; 32]));
        let token = worker_key.expose_text();
        let names = (1..).map(|number: u32| format!("job{number}"));
        let tasks: BTreeMap<_, _> = names.zip(jobs).collect();
        let seen = Seen { queue: tasks.keys().cloned().collect(), tasks, ..Seen::default() };
        let seen = Arc::new(Mutex::new(seen));
        let server_key = ServerKey::from_bytes("k1".parse().unwrap(), &[9; 32]).unwrap();
        let context = Arc::new(Context { seen: Arc::clone(&seen), worker_key, server_key });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || serve(listener, context));
        Self { url, token, seen }
    }

    pub(crate) fn seen<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.seen.lock().unwrap())
    }
}

fn serve(listener: std::net::TcpListener, context: Arc<Context>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let router = Router::new()
            .route("/v1/server-keys", get(server_keys))
            .route("/v1/workers/{id}", put(register))
            .route("/v1/jobs/claim", post(claim))
            .route("/v1/jobs/{id}/source", get(source))
            .route("/v1/jobs/{id}/media/{*path}", get(get_media).put(put_media))
            .route("/v1/jobs/{id}/heartbeat", post(heartbeat))
            .route("/v1/jobs/{id}/complete", post(complete))
            .route("/v1/jobs/{id}/fail", post(fail))
            .layer(DefaultBodyLimit::disable())
            .with_state(context);
        axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await.unwrap();
    });
}

async fn server_keys(State(context): State<Arc<Context>>) -> Response {
    let public_key = base64(&context.server_key.public_key().to_bytes());
    answer(
        StatusCode::OK,
        &ServerKeysResponse { server_keys: vec![ServerKeyInfo { id: "k1".parse().unwrap(), public_key }] },
    )
}

async fn claim(State(context): State<Arc<Context>>, headers: HeaderMap, body: Bytes) -> Response {
    if bearer(&headers) != context.worker_key.expose_text() {
        return error(StatusCode::UNAUTHORIZED, "api_key_invalid");
    }
    let request: ClaimJobRequest = serde_json::from_slice(&body).unwrap();
    let answered = {
        let mut seen = context.seen.lock().unwrap();
        if seen.is_away {
            return error(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
        }
        seen.claims.push(serde_json::from_slice(&body).unwrap());
        if std::mem::take(&mut seen.has_forgotten) {
            return error(StatusCode::NOT_FOUND, "worker_unknown");
        }
        let next = if seen.is_drained { None } else { seen.queue.pop_front() };
        next.map(|id| {
            seen.requests.push(format!("claim {id}"));
            context.claimed(&seen, &id, &request, &body)
        })
    };
    if context.seen.lock().unwrap().slow_claims {
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    }
    match answered {
        Some(job) => answer(StatusCode::OK, &job),
        None => {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            StatusCode::NO_CONTENT.into_response()
        }
    }
}

async fn register(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if bearer(&headers) != context.worker_key.expose_text() {
        return error(StatusCode::UNAUTHORIZED, "api_key_invalid");
    }
    let mut seen = context.seen.lock().unwrap();
    if !seen.registers {
        return error(StatusCode::NOT_FOUND, "not_found");
    }
    if let Some((code, message)) = seen.refuses_workers {
        let error = json!({ "error": { "code": code, "message": message, "requestId": "r" } });
        return answer(StatusCode::CONFLICT, &error);
    }
    seen.registrations.push(serde_json::from_slice(&body).unwrap());
    seen.worker_ids.push(id.clone());
    let (worker_id, drain) = (id.parse().unwrap(), seen.is_drained);
    answer(StatusCode::OK, &RegisteredWorker { worker_id, protocol_version: 2, drain, again_secs: 1 })
}

async fn source(State(context): State<Arc<Context>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    if let Some(refusal) = context.refuse(&id, &headers) {
        return refusal;
    }
    let mut seen = context.seen.lock().unwrap();
    let Some(Task::Package { source, .. }) = seen.tasks.get(&id) else {
        return error(StatusCode::NOT_FOUND, "not_found");
    };
    let range = headers[header::RANGE].to_str().unwrap().strip_prefix("bytes=").unwrap();
    let (from, last) = range.split_once('-').unwrap();
    let (from, last): (usize, usize) = (from.parse().unwrap(), last.parse().unwrap());
    let (bytes, total) = (source[from..=last].to_vec(), source.len());
    seen.requests.push(format!("source {from}"));
    let breaks = seen.source_breaks > 0 && bytes.len() > 20_000;
    seen.source_breaks -= u32::from(breaks);
    let len = bytes.len();
    let body = if breaks {
        let cut: Result<Bytes, std::io::Error> = Err(std::io::Error::other("broken on request"));
        Body::from_stream(stream::iter([Ok(Bytes::from(bytes[..10_000].to_vec())), cut]).then(|part| async {
            // So that the first part is sent before the connection ends.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            part
        }))
    } else {
        Body::from(bytes)
    };
    let headers =
        [(header::CONTENT_LENGTH, len.to_string()), (header::CONTENT_RANGE, format!("bytes {range}/{total}"))];
    (StatusCode::PARTIAL_CONTENT, headers, body).into_response()
}

async fn get_media(
    State(context): State<Arc<Context>>,
    Path((id, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if let Some(refusal) = context.refuse(&id, &headers) {
        return refusal;
    }
    match context.seen.lock().unwrap().tasks.get(&id) {
        Some(Task::Reencrypt { files, .. }) if files.contains_key(&path) => files[&path].clone().into_response(),
        _ => error(StatusCode::NOT_FOUND, "not_found"),
    }
}

async fn put_media(
    State(context): State<Arc<Context>>,
    Path((id, path)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Some(refusal) = context.refuse(&id, &headers) {
        return refusal;
    }
    if headers[SHA256_HEADER].to_str().unwrap() != hex::encode(Sha256::digest(&body)) {
        return error(StatusCode::BAD_REQUEST, "malformed_request");
    }
    let mut seen = context.seen.lock().unwrap();
    seen.requests.push(format!("put {path}"));
    if seen.is_full {
        return error(StatusCode::INSUFFICIENT_STORAGE, "no_space");
    }
    if seen.busy_puts > 0 {
        seen.busy_puts -= 1;
        return error(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    }
    seen.files.entry(id).or_default().insert(path, body.to_vec());
    StatusCode::NO_CONTENT.into_response()
}

async fn heartbeat(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Some(refusal) = context.refuse(&id, &headers) {
        return refusal;
    }
    let mut seen = context.seen.lock().unwrap();
    seen.heartbeats.push(serde_json::from_slice(&body).unwrap());
    // A lease this short has the worker beat often.
    answer(StatusCode::OK, &HeartbeatResponse { cancelled: seen.is_cancelled, lease_secs: 1 })
}

async fn complete(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Some(refusal) = context.refuse(&id, &headers) {
        return refusal;
    }
    let mut seen = context.seen.lock().unwrap();
    seen.requests.push(format!("complete {id}"));
    if seen.is_incomplete {
        return error(StatusCode::CONFLICT, "media_incomplete");
    }
    seen.completed.insert(id, serde_json::from_slice(&body).unwrap());
    answer(StatusCode::OK, &json!({}))
}

async fn fail(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Some(refusal) = context.refuse(&id, &headers) {
        return refusal;
    }
    context.seen.lock().unwrap().failed.insert(id, serde_json::from_slice(&body).unwrap());
    StatusCode::NO_CONTENT.into_response()
}

impl Context {
    fn refuse(&self, id: &str, headers: &HeaderMap) -> Option<Response> {
        let seen = self.seen.lock().unwrap();
        if seen.is_away {
            return Some(error(StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
        }
        let holds = bearer(headers) == format!("kvj_{id}_2_mac") && !seen.is_lost;
        (!holds).then(|| error(StatusCode::CONFLICT, "lease_lost"))
    }

    fn claimed(&self, seen: &Seen, id: &str, request: &ClaimJobRequest, body: &[u8]) -> ClaimedJob {
        let seal = |secret: [u8; 32]| -> Envelope {
            let sealing = Sealing {
                request_body: body,
                recipient: &RecipientPublicKey::parse(&request.public_key).unwrap(),
                server_key: &self.server_key,
                psk: &self.worker_key.psk(),
            };
            seal_title(&TitleSecret::from_bytes(secret), &sealing, &mut UnwrapErr(SysRng)).unwrap()
        };
        let (mode, work) = match &seen.tasks[id] {
            Task::Package { source, settings } => {
                let (file_name, source_len) = ("film.mp4".to_owned(), source.len() as u64);
                let settings = WorkflowSettings::clone(settings);
                (settings.mode, JobWork::Package { file_name, source_len, settings })
            }
            Task::Reencrypt { done, .. } => {
                let CompleteJobRequest { media, cover, sprites } = CompleteJobRequest::clone(done);
                let previous_secret = seal(OLD_SECRET);
                let mode = if seen.is_standard { Mode::Standard } else { Mode::Private };
                (mode, JobWork::Reencrypt { previous_secret, media, cover, sprites })
            }
        };
        ClaimedJob {
            job_id: id.parse().unwrap(),
            token: format!("kvj_{id}_2_mac"),
            attempt: 1,
            lease_secs: 1,
            app_id: 1.try_into().unwrap(),
            file_id: "t".parse().unwrap(),
            version: 2,
            name: "A film".into(),
            mode,
            title_secret: mode.is_encrypted().then(|| seal(if seen.is_first { OLD_SECRET } else { NEW_SECRET })),
            work,
        }
    }
}

pub(crate) fn bearer(headers: &HeaderMap) -> &str {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    value.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default()
}
