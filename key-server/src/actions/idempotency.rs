//! Repetitions of a create get the first one's answer. Answers are sealed at rest: some hold a secret told once.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use keyveil_protocol::ErrorCode;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::random;
use crate::installation::Installation;
use crate::refusal::Refusal;
use crate::store::IdempotencyUse;

const NONCE_LEN: usize = 12;

/// An answer as it is kept.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptAnswer {
    /// Names and values.
    pub(crate) headers: Vec<(String, String)>,
    /// As text: answers to creates are JSON or empty.
    pub(crate) body: String,
}

/// Sealed under a key of the installation, bound to who asked for what under which key.
pub(crate) fn seal(
    installation: &Installation,
    used: &IdempotencyUse,
    answer: &KeptAnswer,
) -> Result<Vec<u8>, Refusal> {
    let failed = || Refusal::new(ErrorCode::Internal, "an answer can't be sealed");
    let clear = Zeroizing::new(serde_json::to_vec(answer).map_err(|_| failed())?);
    let nonce = random::<NONCE_LEN>()?;
    let payload = Payload { msg: &clear, aad: &context(used) };
    let ciphertext = cipher(installation).encrypt(&nonce.into(), payload).map_err(|_| failed())?;
    Ok([nonce.as_slice(), &ciphertext].concat())
}

/// The answer that was sealed for this very use.
pub(crate) fn open(installation: &Installation, used: &IdempotencyUse, sealed: &[u8]) -> Result<KeptAnswer, Refusal> {
    let failed = || Refusal::new(ErrorCode::Internal, "a kept answer does not open");
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(failed)?;
    let payload = Payload { msg: ciphertext, aad: &context(used) };
    let clear = Zeroizing::new(cipher(installation).decrypt(&(*nonce).into(), payload).map_err(|_| failed())?);
    serde_json::from_slice(&clear).map_err(|_| failed())
}

fn cipher(installation: &Installation) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(&(*installation.answers_key()).into())
}

/// Actor and key hold no line feed.
fn context(used: &IdempotencyUse) -> Vec<u8> {
    [used.actor.as_bytes(), b"\n", used.key.as_bytes(), b"\n", &used.request_hash].concat()
}
