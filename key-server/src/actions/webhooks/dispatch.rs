//! Tells webhooks what happened. Deliveries are claimed from the database under a lease, so any number of servers may
//! dispatch, and one that dies loses nothing: what it had claimed is tried again when the lease has run out.

use std::sync::Arc;
use std::time::Duration;

use keyveil_protocol::ErrorCode;
use reqwest::{Method, header};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use url::Url;

use super::events::EventInfo;
use super::signature::signature;
use crate::clock::stored;
use crate::kms::{KmsContext, decrypt_32};
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::store::{Attempt, ClaimedDelivery};

const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Attempts of this server at once.
const AT_ONCE: usize = 32;
/// Of one webhook at once: a slow one holds up nobody else.
const EACH_MAX: u32 = 2;
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// Well over what an attempt and its note can take.
const LEASE_SECS: i64 = 30;
/// What a receiver says is not looked at; reading a little of it lets the connection be used again.
const ANSWER_LEN_MAX: usize = 4 << 10;
/// After the first failures; then hourly.
const WAITS_SECS: [i64; 5] = [5, 30, 120, 600, 1800];
const WAIT_SECS_LATER: i64 = 3600;

/// Runs until it is dropped.
pub(crate) async fn dispatch(state: Arc<ServerState>) {
    let mut attempts = JoinSet::new();
    let mut interval = tokio::time::interval(POLL_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            Some(_) = attempts.join_next() => {}
        }
        let free = u32::try_from(AT_ONCE.saturating_sub(attempts.len())).unwrap_or(0);
        let now = stored(state.clock.now());
        let lease_expires_at = now.saturating_add(LEASE_SECS);
        match state.installation.store().claim_deliveries(now, lease_expires_at, EACH_MAX, free).await {
            Ok(claimed) => {
                for delivery in claimed {
                    attempts.spawn(attempt(Arc::clone(&state), delivery));
                }
            }
            Err(error) => {
                tracing::error!(%error, "deliveries can't be claimed");
                // Ended attempts would ask again at once.
                interval.reset();
                interval.tick().await;
            }
        }
    }
}

/// One attempt, and a note of how it went.
async fn attempt(state: Arc<ServerState>, claimed: ClaimedDelivery) {
    let sent = tokio::time::timeout(ATTEMPT_TIMEOUT, send(&state, &claimed)).await;
    let now = stored(state.clock.now());
    let result = match sent {
        Ok(Ok(status @ 200..300)) => Attempt::Delivered { status },
        Ok(Ok(status)) => failed(&claimed, now, Some(status), answered(status)),
        Ok(Err(error)) => failed(&claimed, now, None, error),
        Err(_) => failed(&claimed, now, None, "The receiver did not answer within 10 s.".to_owned()),
    };
    tracing::info!(
        webhook_id = claimed.webhook_id.as_str(),
        delivery_id = claimed.delivery_id.as_str(),
        attempt = claimed.attempt,
        delivered = matches!(result, Attempt::Delivered { .. }),
        "webhook called"
    );
    match state.installation.store().end_attempt(&claimed, &result, now).await {
        Ok(true) => {}
        Ok(false) => tracing::warn!(delivery_id = claimed.delivery_id.as_str(), "an attempt outlived its lease"),
        // The lease runs out, and the delivery is repeated: receivers expect that.
        Err(error) => tracing::error!(%error, "an attempt can't be noted"),
    }
}

fn failed(claimed: &ClaimedDelivery, now: i64, status: Option<u16>, error: String) -> Attempt {
    let place = usize::try_from(claimed.attempt).unwrap_or(usize::MAX).saturating_sub(1);
    let wait = WAITS_SECS.get(place).copied().unwrap_or(WAIT_SECS_LATER);
    let run_after = now.saturating_add(wait);
    if run_after > claimed.give_up_at {
        return Attempt::GivenUp { status, error };
    }
    Attempt::Again { status, error, run_after }
}

fn answered(status: u16) -> String {
    if (300..400).contains(&status) {
        return format!("The receiver answered {status}; redirects are not followed.");
    }
    format!("The receiver answered {status}.")
}

/// The status of the answer, or a sentence about why there is none.
async fn send(state: &ServerState, claimed: &ClaimedDelivery) -> Result<u16, String> {
    let signed = sign(state, claimed).await.map_err(|refusal| {
        tracing::error!(%refusal, "a delivery can't be signed");
        "This server could not sign the delivery; see its log.".to_owned()
    })?;
    let url = Url::parse(&claimed.url).map_err(|_| "The webhook's address can't be read.".to_owned())?;
    if url.scheme() != "https" && !state.config.fetch.allow_private {
        return Err("Webhooks are called by https only.".to_owned());
    }
    let request = state
        .fetch
        .checked(Method::POST, &url)
        .map_err(|error| error.to_string())?
        .header(header::CONTENT_TYPE, "application/json")
        .header("webhook-id", claimed.event.event_id.as_str())
        .header("webhook-timestamp", signed.timestamp)
        .header("webhook-signature", signed.signature)
        .body(signed.body);
    let mut response = state.fetch.send(request).await.map_err(|error| error.to_string())?;
    let mut len = 0;
    while len <= ANSWER_LEN_MAX
        && let Ok(Some(chunk)) = response.chunk().await
    {
        len += chunk.len();
    }
    Ok(response.status().as_u16())
}

struct Signed {
    timestamp: u64,
    signature: String,
    body: Vec<u8>,
}

async fn sign(state: &ServerState, claimed: &ClaimedDelivery) -> Result<Signed, Refusal> {
    let app_id = claimed.event.event.app_id;
    let context = KmsContext::Webhook { app_id, webhook_id: &claimed.webhook_id };
    let secret = decrypt_32(state.installation.kms(), &claimed.secret_ciphertext, &context).await?;
    let body = serde_json::to_vec(&EventInfo::of(&claimed.event))
        .map_err(|_| Refusal::new(ErrorCode::Internal, "an event can't be written"))?;
    let timestamp = state.clock.now();
    let signature = signature(&secret, claimed.event.event_id.as_str(), timestamp, &body);
    Ok(Signed { timestamp, signature, body })
}
