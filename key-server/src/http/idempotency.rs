//! `Idempotency-Key`: a create that is repeated, because an answer was lost on the way, is done once.
//!
//! The key is taken before the work begins, by a row that only one request can insert; a repetition meanwhile waits for
//! the answer. The work goes on when its client hangs up, so that the repetition finds it done. A refusal gives the key
//! back. When the server dies between work and answer, the key is free again after a minute.

use std::time::Duration;

use actix_web::body::to_bytes_limited;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use keyveil_protocol::ErrorCode;
use ring::digest;

use super::api::{Answer, State, header_text};
use crate::actions::idempotency::{KeptAnswer, open, seal};
use crate::clock::stored;
use crate::refusal::Refusal;
use crate::store::{IdempotencyState, IdempotencyUse};

const HEADER: &str = "Idempotency-Key";
const KEY_LEN_MAX: usize = 64;
const ANSWER_LEN_MAX: usize = 64 << 10;
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// How long a repetition waits for the first one.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Makes a create repeatable
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only describes the header")]
pub(super) struct IdempotencyKey {
    /// The same key and body get the same answer for 24 h; another body is `idempotency_conflict`.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    idempotency_key: Option<String>,
}

/// Does `work` once per key and actor, and repeats its answer. Without a key it is simply done.
///
/// `actor` is [`crate::principal::Principal::name`] or [`crate::principal::user_actor`]; `body` is all that the answer
/// depends on besides method, address and application.
pub(super) async fn idempotent(
    state: &State,
    actor: String,
    request: &HttpRequest,
    body: &[u8],
    work: impl Future<Output = Answer> + 'static,
) -> Answer {
    let Some(key) = key(request)? else { return work.await };
    let at = stored(state.clock.now());
    let used = IdempotencyUse { actor, key, request_hash: request_hash(request, body), at };
    match settled(state, &used).await? {
        IdempotencyState::Taken => {}
        IdempotencyState::Answered { status, body_ciphertext } => {
            return Ok(repeated(status, open(&state.installation, &used, &body_ciphertext)?)?);
        }
        IdempotencyState::OtherRequest => {
            return Err(Refusal::new(ErrorCode::IdempotencyConflict, "key of another request").into());
        }
        IdempotencyState::InWork => {
            return Err(Refusal::new(ErrorCode::Unavailable, "the first request is not answered yet").into());
        }
    }
    let state = state.clone();
    let working = actix_web::rt::spawn(async move {
        let answer = work.await;
        let kept = keep(&state, &used, answer).await;
        if kept.is_err()
            && let Err(error) = state.installation.store().release_idempotency_key(&used).await
        {
            tracing::error!(%error, "an idempotency key can't be given back");
        }
        kept
    });
    working.await.unwrap_or_else(|_| Err(Refusal::new(ErrorCode::Internal, "a create was cut off").into()))
}

async fn settled(state: &State, used: &IdempotencyUse) -> Result<IdempotencyState, Refusal> {
    let waiting = async {
        loop {
            match state.installation.store().take_idempotency_key(used).await? {
                IdempotencyState::InWork => tokio::time::sleep(POLL_INTERVAL).await,
                other => return Ok(other),
            }
        }
    };
    tokio::time::timeout(WAIT_MAX, waiting).await.unwrap_or(Ok(IdempotencyState::InWork))
}

/// Keeps a success and gives it out unchanged.
async fn keep(state: &State, used: &IdempotencyUse, answer: Answer) -> Answer {
    let response = answer?;
    let status = response.status();
    let failed = |cause: &'static str| Refusal::new(ErrorCode::Internal, cause);
    let headers: Vec<(String, String)> = response
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect();
    let body = to_bytes_limited(response.into_body(), ANSWER_LEN_MAX).await.map_err(|_| failed("answer too long"))?;
    let body = body.map_err(|_| failed("answer breaks off"))?;
    let body = String::from_utf8(body.into()).map_err(|_| failed("answer is no text"))?;
    let answer = KeptAnswer { headers, body };
    let sealed = seal(&state.installation, used, &answer)?;
    if let Err(error) = state.installation.store().answer_idempotency_key(used, status.as_u16(), &sealed).await {
        // The work is done, and its answer is more use to the caller than this failure.
        tracing::error!(%error, "an answer can't be kept for repetitions");
    }
    Ok(repeated(status.as_u16(), answer)?)
}

fn repeated(status: u16, answer: KeptAnswer) -> Result<HttpResponse, Refusal> {
    let status = StatusCode::from_u16(status).map_err(|_| Refusal::new(ErrorCode::Internal, "kept status"))?;
    let mut response = HttpResponse::build(status);
    for header in answer.headers {
        response.append_header(header);
    }
    Ok(response.body(answer.body))
}

fn key(request: &HttpRequest) -> Result<Option<String>, Refusal> {
    let Some(text) = header_text(request, HEADER)? else { return Ok(None) };
    let fits = (1..=KEY_LEN_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if fits {
        return Ok(Some(text.to_owned()));
    }
    let cause = "Idempotency-Key: 1 to 64 of A–Z a–z 0–9 _ -";
    Err(Refusal::new(ErrorCode::MalformedRequest, cause).with_detail(cause))
}

/// Unambiguous: each part behind its length.
fn request_hash(request: &HttpRequest, body: &[u8]) -> [u8; 32] {
    let app = request.headers().get("Keyveil-App").map_or(&b""[..], |value| value.as_bytes());
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [request.method().as_str().as_bytes(), request.uri().to_string().as_bytes(), app, body] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}
