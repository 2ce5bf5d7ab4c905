//! Identifiers (docs/PROTOCOL.md, "Identifiers"): parsed once, valid ever after.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

use crate::error::{ErrorCode, ProtocolError};

const NAME_LEN_MAX: usize = 64;
/// 2^53 − 1: the largest integer every JSON implementation keeps exactly.
const APP_ID_MAX: u64 = (1 << 53) - 1;

const fn malformed(cause: &'static str) -> ProtocolError {
    ProtocolError::new(ErrorCode::MalformedRequest, cause)
}

/// An application's number, 1 … 2^53−1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 9_007_199_254_740_991_i64))]
#[serde(try_from = "u64", into = "u64")]
pub struct AppId(u64);

impl AppId {
    /// The number itself.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for AppId {
    type Error = ProtocolError;
    fn try_from(value: u64) -> Result<Self, ProtocolError> {
        if (1..=APP_ID_MAX).contains(&value) { Ok(Self(value)) } else { Err(malformed("app id out of range")) }
    }
}

impl From<AppId> for u64 {
    fn from(id: AppId) -> Self {
        id.0
    }
}

impl FromStr for AppId {
    type Err = ProtocolError;
    fn from_str(text: &str) -> Result<Self, ProtocolError> {
        // `parse` alone would also take `+1` and `01`: second spellings of one id.
        let shortest = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u64>().ok().filter(|_| shortest).ok_or(malformed("app id is no number"))?.try_into()
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn is_name(text: &str) -> bool {
    (1..=NAME_LEN_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

macro_rules! name_ids {
    ($($(#[$doc:meta])* $name:ident: $cause:literal,)+) => {$(
        $(#[$doc])*
        /// 1–64 of `A–Z a–z 0–9 _ -`.
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "openapi", schema(pattern = "^[A-Za-z0-9_-]{1,64}$"))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = ProtocolError;
            fn try_from(text: String) -> Result<Self, ProtocolError> {
                if is_name(&text) { Ok(Self(text)) } else { Err(malformed($cause)) }
            }
        }

        impl FromStr for $name {
            type Err = ProtocolError;
            fn from_str(text: &str) -> Result<Self, ProtocolError> {
                if is_name(text) { Ok(Self(text.to_owned())) } else { Err(malformed($cause)) }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

name_ids! {
    /// A title's name in addresses and signatures, chosen by whoever registers it.
    FileId: "file id is malformed",
    /// Names one of an application's signing keys (`kid`).
    KeyId: "key id is malformed",
    /// Names one SDK build.
    BuildId: "build id is malformed",
    /// Names one of the server's static X25519 keys.
    ServerKeyId: "server key id is malformed",
    /// Names an API key.
    ApiKeyId: "api key id is malformed",
    /// Names a job of the queue.
    JobId: "job id is malformed",
    /// Names a worker, chosen by itself and the same at each of its starts.
    WorkerId: "worker id is malformed",
    /// Names an upload.
    UploadId: "upload id is malformed",
    /// Names a workflow of an application, or a built-in one.
    WorkflowId: "workflow id is malformed",
    /// Names a webhook.
    WebhookId: "webhook id is malformed",
    /// Names a media origin of an application, chosen by whoever makes it.
    MediaOriginId: "media origin id is malformed",
    /// Names an event; also its `webhook-id`.
    EventId: "event id is malformed",
    /// Names one delivery of an event to a webhook.
    DeliveryId: "delivery id is malformed",
    /// Names a person who may sign in.
    UserId: "user id is malformed",
}

/// A playback session: 16 random bytes, as text base64url of 22 characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[A-Za-z0-9_-]{22}$"))]
#[serde(try_from = "String", into = "String")]
pub struct SessionId([u8; Self::LEN]);

impl SessionId {
    /// Length in bytes.
    pub const LEN: usize = 16;

    /// From 16 bytes of a secure random source.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes as they stand in a play grant.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl FromStr for SessionId {
    type Err = ProtocolError;
    fn from_str(text: &str) -> Result<Self, ProtocolError> {
        decode_base64url(text).map(Self).ok_or(malformed("session id is malformed"))
    }
}

impl TryFrom<String> for SessionId {
    type Error = ProtocolError;
    fn try_from(text: String) -> Result<Self, ProtocolError> {
        text.parse()
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Base64UrlUnpadded::encode_string(&self.0))
    }
}

/// Exactly `N` bytes out of unpadded base64url; `None` for any other length or alphabet.
pub(crate) fn decode_base64url<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let len = Base64UrlUnpadded::decode(text, &mut bytes).ok()?.len();
    (len == N).then_some(bytes)
}
