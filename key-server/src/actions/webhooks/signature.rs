//! How a receiver knows that a delivery is from here: Standard Webhooks, symmetric.

use base64ct::{Base64, Encoding};
use ring::hmac;

pub(super) const SECRET_LEN: usize = 32;
const SECRET_PREFIX: &str = "whsec_";

/// The secret as its receiver keeps it.
pub(super) fn secret_text(secret: &[u8; SECRET_LEN]) -> String {
    format!("{SECRET_PREFIX}{}", Base64::encode_string(secret))
}

/// `webhook-signature` of one attempt.
pub(super) fn signature(secret: &[u8; SECRET_LEN], id: &str, timestamp: u64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let mut context = hmac::Context::with_key(&key);
    context.update(format!("{id}.{timestamp}.").as_bytes());
    context.update(body);
    format!("v1,{}", Base64::encode_string(context.sign().as_ref()))
}
